#pragma once
#include <chrono>
#include <string>

#include "postgres/connection.hpp"

namespace tandem {

/// A transaction in which records are applied: rolled back unless committed.
class ApplyTransaction {
 public:
  enum class Rows { one, several };  ///< of the CRM that it holds at once

  explicit ApplyTransaction(postgres::Connection& session) : session_(session) {}
  ~ApplyTransaction();
  ApplyTransaction(const ApplyTransaction&) = delete;
  ApplyTransaction& operator=(const ApplyTransaction&) = delete;

  /// `origin`: the target whose echo this is. One that holds several rows is short, and waits for none of them long:
  /// with both below deadlock_timeout the CRM never ends as a deadlock's victim.
  [[nodiscard]] Status begin(const std::string& origin, Rows rows);
  [[nodiscard]] Status commit();
  [[nodiscard]] std::chrono::steady_clock::duration age() const { return std::chrono::steady_clock::now() - begun_; }

 private:
  postgres::Connection& session_;
  bool open_ = false;
  std::chrono::steady_clock::time_point begun_{};
};

}  // namespace tandem
