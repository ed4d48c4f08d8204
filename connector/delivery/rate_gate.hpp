#pragma once
#include <chrono>
#include <cstdint>
#include <optional>

#include "config/settings.hpp"
#include "model/record.hpp"

namespace tandem {

/// How many calls a target is given: at once (concurrency), per second (a token bucket), per day (a quota with a
/// reserve for people and probes). A target that asks for rest is left alone as a whole, and costs nothing.
class RateGate {
 public:
  RateGate(const RateSettings& rate, int concurrency, std::chrono::milliseconds longest_rest);

  /// One call may start now, with `in_flight` under way.
  [[nodiscard]] bool open(int in_flight, SteadyTime now, WallTime wall);
  /// A call starts.
  void take(SteadyTime now, WallTime wall);
  /// A probe or a person's call: may use the reserve, waits for nothing.
  void take_reserved(WallTime wall) { count_day(wall); }

  /// The target said 429 or exceeded a quota. Without `rest` it is left alone for one second, doubling while it keeps
  /// saying so.
  void throttled(std::optional<std::chrono::milliseconds> rest, SteadyTime now);
  /// Any other answer may ask for rest, too (503 with Retry-After).
  void rest(std::chrono::milliseconds asked, SteadyTime now);
  void succeeded(int in_flight);

  /// When `open` may turn true by time alone, if it is not now.
  [[nodiscard]] std::optional<SteadyTime> wakes(SteadyTime now, WallTime wall);
  [[nodiscard]] int limit() const { return static_cast<int>(limit_); }
  [[nodiscard]] bool resting(SteadyTime now) const { return now < rests_until_; }

 private:
  void refill(SteadyTime now);
  void count_day(WallTime wall);
  [[nodiscard]] bool quota_left(WallTime wall);

  RateSettings rate_;
  int concurrency_;
  std::chrono::milliseconds longest_rest_;
  double limit_;  ///< concurrency at present
  double tokens_ = 0;
  SteadyTime refilled_{};
  bool started_ = false;
  SteadyTime rests_until_{}, halved_at_{};
  int throttled_in_a_row_ = 0;
  std::int64_t day_ = 0, used_today_ = 0;
};

}  // namespace tandem
