#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "postgres/connection.hpp"

namespace tandem {

/// A transaction in which records are applied: rolled back unless committed.
class ApplyTransaction {
 public:
  explicit ApplyTransaction(postgres::Connection& session) : session_(session) {}
  ~ApplyTransaction();
  ApplyTransaction(const ApplyTransaction&) = delete;
  ApplyTransaction& operator=(const ApplyTransaction&) = delete;

  /// `origin`: the target whose echo this is. It is short, and waits for no lock long: with both below deadlock_timeout
  /// the CRM never ends as a deadlock's victim.
  [[nodiscard]] Status begin(const std::string& origin);
  /// Runs directly before the commit, however long that is waited for.
  void ends_with(postgres::Statement last) { last_.emplace(std::move(last)); }
  [[nodiscard]] Status commit();
  [[nodiscard]] std::chrono::steady_clock::duration age() const { return std::chrono::steady_clock::now() - begun_; }

 private:
  postgres::Connection& session_;
  bool open_ = false;
  std::optional<postgres::Statement> last_;
  std::chrono::steady_clock::time_point begun_{};
};

}  // namespace tandem
