#include "delivery/ring_schedule.hpp"

#include <algorithm>

namespace tandem {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::microseconds first_delay = 300us, second_delay = 1ms, longest_delay = 100ms;

}  // namespace

void RingSchedule::ring(std::span<const Counter> counters, SteadyTime now) {
  if (counters.empty()) return;
  rung_.insert(rung_.end(), counters.begin(), counters.end());
  if (rung_.size() > most_counters) rung_.erase(rung_.begin(), rung_.end() - most_counters);
  due_ = now;
  delay_ = {};
}

void RingSchedule::answered(const std::function<bool(Counter)>& has_passed, SteadyTime now) {
  std::erase_if(rung_, has_passed);
  delay_ = delay_ == 0us ? first_delay : delay_ == first_delay ? second_delay : std::min(delay_ * 2, longest_delay);
  due_ = now + delay_;
}

void RingSchedule::clear() {
  rung_.clear();
}

std::optional<SteadyTime> RingSchedule::due() const {
  return rung_.empty() ? std::nullopt : std::optional(due_);
}

}  // namespace tandem
