#include "delivery/rate_gate.hpp"

#include <algorithm>

namespace tandem {
namespace {

using std::chrono::milliseconds;

std::int64_t day_of(WallTime wall) {
  return std::chrono::floor<std::chrono::days>(wall).time_since_epoch().count();
}

double burst_of(const RateSettings& rate) {
  return std::max(1.0, rate.burst > 0 ? rate.burst : rate.per_second);
}

constexpr milliseconds between_halvings{1'000};  // answers of calls that were under way together count as one

}  // namespace

RateGate::RateGate(const RateSettings& rate, int concurrency, milliseconds longest_rest)
    : rate_(rate),
      concurrency_(std::max(1, concurrency)),
      longest_rest_(longest_rest),
      limit_(concurrency_),
      tokens_(burst_of(rate)) {}

void RateGate::refill(SteadyTime now) {
  if (started_) {
    const double seconds = std::chrono::duration<double>(now - refilled_).count();
    tokens_ = std::min(burst_of(rate_), tokens_ + std::max(0.0, seconds) * rate_.per_second);
  }
  started_ = true;
  refilled_ = now;
}

bool RateGate::quota_left(WallTime wall) {
  if (rate_.per_day <= 0) return true;
  if (day_of(wall) != day_) {
    day_ = day_of(wall);
    used_today_ = 0;
  }
  return static_cast<double>(used_today_) < static_cast<double>(rate_.per_day) * (1.0 - rate_.reserve);
}

bool RateGate::open(int in_flight, SteadyTime now, WallTime wall) {
  if (in_flight >= limit() || resting(now)) return false;
  if (!quota_left(wall)) return false;
  if (rate_.per_second <= 0) return true;
  refill(now);
  return tokens_ >= 1.0;
}

void RateGate::count_day(WallTime wall) {
  (void)quota_left(wall);
  ++used_today_;
}

void RateGate::take(SteadyTime now, WallTime wall) {
  if (rate_.per_second > 0) {
    refill(now);
    tokens_ -= 1.0;
  }
  if (rate_.per_day > 0) count_day(wall);
}

void RateGate::throttled(std::optional<milliseconds> asked, SteadyTime now) {
  if (halved_at_ == SteadyTime{} || now - halved_at_ >= between_halvings) {
    limit_ = std::max(1.0, limit_ / 2);
    halved_at_ = now;
    throttled_in_a_row_ = std::min(throttled_in_a_row_ + 1, 16);
  }
  const milliseconds unasked =
      std::min(milliseconds(1'000) * (1 << std::max(throttled_in_a_row_ - 1, 0)), milliseconds(60'000));
  rest(asked.value_or(unasked), now);
}

void RateGate::rest(milliseconds asked, SteadyTime now) {
  rests_until_ = std::max(rests_until_, now + std::clamp(asked, milliseconds(0), longest_rest_));
}

void RateGate::succeeded(int in_flight) {
  throttled_in_a_row_ = 0;
  // Grows only while it is what holds us back: one more after as many successes as it allows at once.
  if (limit_ < concurrency_ && in_flight + 1 >= limit()) limit_ = std::min<double>(concurrency_, limit_ + 1.0 / limit_);
}

std::optional<SteadyTime> RateGate::wakes(SteadyTime now, WallTime wall) {
  if (resting(now)) return rests_until_;
  if (!quota_left(wall)) {
    const auto midnight = std::chrono::floor<std::chrono::days>(wall) + std::chrono::days(1);
    return now + std::chrono::ceil<milliseconds>(midnight - wall);
  }
  if (rate_.per_second > 0 && tokens_ < 1.0)
    return refilled_ +
           std::chrono::ceil<std::chrono::nanoseconds>(
               std::chrono::duration<double>((1.0 - tokens_) / rate_.per_second)) +
           std::chrono::microseconds(1);
  return std::nullopt;
}

}  // namespace tandem
