#pragma once
#include <string>
#include <utility>

#include "postgres/connection.hpp"

namespace tandem::cli {

/// One transaction of a session; rolled back, whatever was set in it included, unless committed.
class Transaction {
 public:
  /// `settings`: further statements, e.g. "set local lock_timeout = '2s'".
  [[nodiscard]] static Result<Transaction> begin(postgres::Connection& session, const std::string& settings = {}) {
    auto begun =
        session.script("begin; set local client_min_messages = warning; set local lock_timeout = '2s';" + settings);
    if (!begun) return tl::unexpected(begun.error());
    return Transaction(session);
  }
  Transaction(Transaction&& other) noexcept : session_(std::exchange(other.session_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() {
    // Where the session is lost, so is the transaction.
    if (session_ != nullptr && session_->usable()) [[maybe_unused]]
      const auto undone = session_->script("rollback");
  }
  [[nodiscard]] Status commit() {
    auto done = std::exchange(session_, nullptr)->script("commit");
    if (!done) return tl::unexpected(done.error());
    return {};
  }

 private:
  explicit Transaction(postgres::Connection& session) : session_(&session) {}
  postgres::Connection* session_;
};

}  // namespace tandem::cli
