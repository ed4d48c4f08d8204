#include "delivery/feed.hpp"

#include <algorithm>
#include <limits>

#include "delivery/counter_ranges.hpp"

namespace tandem {
namespace {

constexpr Counter no_end{std::numeric_limits<std::int64_t>::max()};

/// Rule 3: what is skipped on the way to a higher position is a gap, what is seen below it is none any more.
void advance(Feed::Head& head, std::span<const Counter> seen) {
  const auto fresh = std::upper_bound(seen.begin(), seen.end(), head.position);
  if (fresh != seen.begin()) head.gaps = without(head.gaps, {seen.begin(), fresh});
  for (const auto counter : std::span(fresh, seen.end())) {
    if (counter.value > head.position.value + 1)
      head.gaps.push_back({Counter{head.position.value + 1}, Counter{counter.value - 1}});
    head.position = counter;
  }
}

/// A detached target has read, in one later snapshot, `seen` of its gaps and of what lies between its position and
/// `reached`. What it must still look for, up to there, is what the shared head still looks for and it had not read
/// itself: everything else was visible to the shared head, so whatever the window did not return is not the target's.
Feed::Head followed(const Feed::Head& own, const Feed::Head& shared, std::span<const Counter> seen, Counter reached) {
  auto unread = own.gaps;
  if (!unread.empty() && unread.back().last == own.position)
    unread.back().last = no_end;  // an earlier window's bound lay in a gap
  else
    unread.push_back({Counter{own.position.value + 1}, no_end});
  auto gaps = without(up_to(intersection(shared.gaps, unread), reached), seen);
  const auto beyond = above(own.gaps, reached);
  gaps.insert(gaps.end(), beyond.begin(), beyond.end());
  return {std::max(own.position, reached), std::move(gaps)};
}

}  // namespace

Feed::Feed(std::span<const Counter> floors) {
  for (const auto floor : floors) state_.shared.position = std::max(state_.shared.position, floor);
  state_.safe = state_.shared.position;
  for (const auto floor : floors)
    state_.detached.push_back(floor < state_.safe ? std::optional(Head{floor, {}}) : std::nullopt);
}

Feed::Window Feed::shared_window(std::size_t rows) const {
  return {std::nullopt, state_.shared.position, std::nullopt, state_.shared.gaps, rows};
}

Feed::Window Feed::detached_window(TargetIndex target, std::size_t rows, std::size_t reach) const {
  const auto& head = *state_.detached[target];
  const auto farthest = static_cast<std::int64_t>(reach);
  // What the shared head still looks for is left to it: it is this target's to look for once that has seen it.
  const auto missed = difference(head.gaps, state_.shared.gaps);
  auto gaps = first_of(missed, farthest);
  if (gaps != missed) return {target, head.position, gaps.back().last, std::move(gaps), rows};
  const auto through = std::min(state_.shared.position, Counter{head.position.value + farthest});
  return {target, head.position, through, std::move(gaps), rows};
}

void Feed::answered(const Window& window, std::span<const Counter> seen, Xid xmin) {
  const bool cut = seen.size() >= window.rows;
  if (window.target) {
    auto& head = *state_.detached[*window.target];
    head = followed(head, state_.shared, seen, cut && !seen.empty() ? seen.back() : *window.through);
    return;
  }
  advance(state_.shared, seen);
  const auto& candidate = state_.candidate;
  if (!candidate || xmin <= candidate->drawn) return;
  if (cut && (seen.empty() || seen.back() < candidate->position)) return;
  state_.safe = std::max(state_.safe, candidate->position);
  state_.candidate.reset();
  if (!state_.shared.gaps.empty() && state_.shared.gaps.front().first <= state_.safe)
    state_.shared.gaps = above(state_.shared.gaps, state_.safe);
}

void Feed::drawn(Counter noted, Xid drawn) {
  if (!state_.candidate && noted > state_.safe && noted <= state_.shared.position)
    state_.candidate = Candidate{noted, drawn};
}

void Feed::detach(TargetIndex target) {
  if (attached(target)) state_.detached[target] = state_.shared;
}

bool Feed::attach(TargetIndex target) {
  auto& head = state_.detached[target];
  if (head && *head != state_.shared) return false;
  head.reset();
  return true;
}

bool Feed::has_passed(Counter counter) const {
  return counter <= state_.shared.position && !contains(state_.shared.gaps, counter);
}

std::int64_t Feed::lag(TargetIndex target) const {
  const auto& head = state_.detached[target];
  return head ? state_.shared.position.value - head->position.value : 0;
}

Counter Feed::safe(TargetIndex target) const {
  const auto& head = state_.detached[target];
  if (!head) return state_.safe;
  const auto read = head->gaps.empty() ? head->position : Counter{head->gaps.front().first.value - 1};
  return std::min(state_.safe, read);
}

std::size_t Feed::gap_ranges() const {
  auto most = state_.shared.gaps.size();
  for (const auto& head : state_.detached)
    if (head) most = std::max(most, head->gaps.size());
  return most;
}

}  // namespace tandem
