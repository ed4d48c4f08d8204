#pragma once
#include <atomic>
#include <chrono>
#include <optional>
#include <stop_token>
#include <vector>

#include "config/settings.hpp"
#include "daemon/settled_counts.hpp"
#include "postgres/connection.hpp"

namespace tandem {

/// The thread `upkeep`: one SQL session for everything slow. Rolls statistics up, removes in small steps what retention
/// lets go, and warns of what will hurt later.
class UpkeepThread {
 public:
  /// `settings` must outlive this.
  explicit UpkeepThread(const Settings& settings) : settings_(settings), counts_(settings) {}

  /// Until stopped. Never throws.
  void run(const std::stop_token& stop);

  /// How many differences the last look has found between tables and capture. From any thread.
  [[nodiscard]] std::int64_t drift() const { return drift_; }

 private:
  using Clock = std::chrono::steady_clock;
  /// Something to do now and then; `due` moves on when it was done.
  struct Chore {
    std::chrono::milliseconds every;
    Status (UpkeepThread::*work)();
    Clock::time_point due{};
  };

  [[nodiscard]] bool open();
  [[nodiscard]] Status roll_up();
  [[nodiscard]] Status measure();
  [[nodiscard]] Status retention();
  [[nodiscard]] Status look_for_old_transactions();
  [[nodiscard]] Status look_for_drift();
  [[nodiscard]] Status look_for_alerts();

  const Settings& settings_;
  SettledCounts counts_;
  std::vector<SettledCounts::Risen> unwritten_;
  std::optional<postgres::Connection> session_;
  std::int64_t looked_through_ = 0;      ///< retention goes on here
  Clock::time_point retention_again_{};  ///< everything old had gone when it last looked
  std::atomic<std::int64_t> drift_{0};
};

}  // namespace tandem
