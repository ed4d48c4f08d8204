#include "delivery/feed.hpp"

#include <algorithm>

#include "delivery/counter_ranges.hpp"

namespace tandem {
namespace {

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

/// What this head has not read of all that is at or below `last`.
CounterRanges unread(const Feed::Head& head, Counter last) {
  auto ranges = head.gaps;
  if (head.position < last) ranges.push_back({Counter{head.position.value + 1}, last});
  return ranges;
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
  // What the shared head still looks for is left to it, above the own position as well: of two records of an object
  // that become visible together, the one behind the position could be read before the one in the gap.
  const auto missed = difference(unread(*state_.detached[target], state_.shared.position), state_.shared.gaps);
  auto ranges = first_of(missed, static_cast<std::int64_t>(reach));
  const auto through = ranges == missed ? state_.shared.position : ranges.back().last;
  return {target, through, through, std::move(ranges), rows};
}

void Feed::answered(const Window& window, std::span<const Counter> seen, Xid xmin) {
  const bool cut = seen.size() >= window.rows;
  if (window.target) {
    // Up to `reached` it has read whatever the shared head has: what the window did not return is another target's.
    const auto reached = cut && !seen.empty() ? seen.back() : *window.through;
    auto& head = *state_.detached[*window.target];
    auto gaps = up_to(state_.shared.gaps, reached);
    const auto beyond = above(head.gaps, reached);
    gaps.insert(gaps.end(), beyond.begin(), beyond.end());
    head = {std::max(head.position, reached), std::move(gaps)};
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
