#pragma once
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "postgres/connection.hpp"

namespace tandem {

/// The thread `write back`: tells the CRM's rows the remote id of their objects and how their changes have ended
/// (docs/both-ways.md). One row in each transaction, and none is waited for. What is still to be told stands in
/// tandem.write_back, so a restart forgets nothing.
class WriteBackThread {
 public:
  /// `settings` must outlive this.
  explicit WriteBackThread(const Settings& settings);

  /// Whether any route asks for it.
  [[nodiscard]] static bool wanted(const Settings& settings);
  /// Until stopped. Never throws.
  void run(const std::stop_token& stop);

 private:
  [[nodiscard]] bool open();
  /// True: there may be more at once.
  [[nodiscard]] Result<bool> step();

  const Settings& settings_;
  std::vector<std::string> targets_;
  std::optional<postgres::Connection> session_;
};

}  // namespace tandem
