#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "model/record.hpp"

namespace tandem {

/// The doorbell (docs/protocol.md, rule 5): counters that were decoded keep asking for windows, after 0.3, 1, 2, 4 …
/// 100 ms, until one has passed them, since a commit is decoded before it is visible. Pure; the clock is given.
class RingSchedule {
 public:
  /// More than these are forgotten, the oldest first: a bell is only a hint.
  static constexpr std::size_t most_counters = 10'000;

  void ring(std::span<const Counter> counters, SteadyTime now);
  /// A window has been read: forget the counters that it has passed and wait longer for the others.
  void answered(const std::function<bool(Counter)>& has_passed, SteadyTime now);
  void clear();
  /// When a window should be read; nullopt = nobody rings.
  [[nodiscard]] std::optional<SteadyTime> due() const;

 private:
  std::vector<Counter> rung_;
  SteadyTime due_{};
  std::chrono::microseconds delay_{};
};

}  // namespace tandem
