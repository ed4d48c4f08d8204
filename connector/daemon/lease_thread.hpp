#pragma once
#include <functional>
#include <optional>
#include <stop_token>

#include "config/settings.hpp"
#include "daemon/lease.hpp"
#include "postgres/connection.hpp"

namespace tandem {

/// The thread `lease`: says each second in the database that we live, and nothing else, on a session of its own, so
/// that no slow statement ever lets the lease lapse.
class LeaseThread {
 public:
  /// `settings` and `lease` must outlive this. `fenced`: another connector has our name; stop the process.
  LeaseThread(const Settings& settings, Epoch epoch, Lease& lease, std::function<void()> fenced)
      : settings_(settings), epoch_(epoch), lease_(lease), fenced_(std::move(fenced)) {}

  /// Until stopped. Never throws.
  void run(const std::stop_token& stop);

 private:
  [[nodiscard]] Status renew();

  const Settings& settings_;
  const Epoch epoch_;
  Lease& lease_;
  const std::function<void()> fenced_;
  std::optional<postgres::Connection> session_;
};

}  // namespace tandem
