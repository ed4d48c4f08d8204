#include "delivery/breaker.hpp"

#include <algorithm>

namespace tandem {

std::int64_t Breaker::slice_number(SteadyTime now) const {
  const auto slice = std::max<std::chrono::milliseconds>(settings_.window / slices, std::chrono::milliseconds(1));
  return std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()) / slice;
}

int Breaker::successes(SteadyTime now) const {
  const auto newest = slice_number(now);
  int sum = 0;
  for (const Slice& slice : slices_)
    if (slice.number > newest - static_cast<std::int64_t>(slices)) sum += slice.succeeded;
  return sum;
}

void Breaker::forget_old(SteadyTime now) {
  std::erase_if(failures_, [&](const LaneFailure& f) { return now - f.at >= settings_.window; });
}

void Breaker::succeeded(SteadyTime now) {
  if (state_ != State::closed) return;
  if (consecutive_ != 0) {
    consecutive_ = 0;
    for (LaneFailure& failure : failures_) failure.in_streak = false;
  }
  const auto number = slice_number(now);
  Slice& slice = slices_[static_cast<std::size_t>(number) % slices];
  if (slice.number != number) slice = Slice{number, 0};
  ++slice.succeeded;
}

Breaker::Change Breaker::failed(LaneHash lane, std::optional<Counter> counter, SteadyTime now) {
  if (state_ != State::closed) return Change::none;
  forget_old(now);
  const auto known =
      std::find_if(failures_.begin(), failures_.end(), [&](const LaneFailure& f) { return f.lane == lane; });
  if (known != failures_.end()) {
    if (counter) known->counter = counter;
    if (known->in_streak) return Change::none;
    known->in_streak = true;
  } else if (failures_.size() < most_failures) {
    failures_.push_back({lane, now, counter, true});
  }
  consecutive_ = static_cast<int>(
      std::count_if(failures_.begin(), failures_.end(), [](const LaneFailure& f) { return f.in_streak; }));
  const int failed_lanes = static_cast<int>(failures_.size());
  const int all = failed_lanes + successes(now);
  const bool too_many = all >= settings_.minimum && failed_lanes >= settings_.failure_share * all;
  if (consecutive_ < settings_.consecutive_failures && !too_many) return Change::none;
  for (const LaneFailure& failure : failures_)
    if (failure.counter && (failure.in_streak || too_many)) opened_by_.push_back(*failure.counter);
  open_for_ = settings_.open_first;
  open(now);
  return Change::opened;
}

void Breaker::open(SteadyTime now) {
  state_ = State::open;
  probing_ = false;
  probe_at_ = now + open_for_;
  consecutive_ = 0;
  failures_.clear();
  slices_.fill({});
}

Breaker::Change Breaker::probe_ended(bool succeeded, SteadyTime now) {
  if (state_ != State::half_open) return Change::none;
  probing_ = false;
  if (succeeded) {
    state_ = State::closed;
    return Change::closed;
  }
  open_for_ = std::min(open_for_ * 2, settings_.open_longest);
  open(now);
  return Change::none;
}

Breaker::State Breaker::state(SteadyTime now) {
  if (state_ == State::open && now >= probe_at_) state_ = State::half_open;
  return state_;
}

std::optional<SteadyTime> Breaker::wakes() const {
  if (state_ == State::open) return probe_at_;
  return std::nullopt;
}

std::vector<Counter> Breaker::opened_by() {
  return std::exchange(opened_by_, {});
}

}  // namespace tandem
