#include "delivery/counter_ranges.hpp"

#include <algorithm>

namespace tandem {

bool contains(const CounterRanges& ranges, Counter counter) {
  const auto at = std::partition_point(ranges.begin(), ranges.end(),
                                       [&](const CounterRange& range) { return range.last < counter; });
  return at != ranges.end() && at->first <= counter;
}

CounterRanges without(const CounterRanges& ranges, std::span<const Counter> points) {
  CounterRanges out;
  out.reserve(ranges.size() + points.size());
  auto point = points.begin();
  for (auto range : ranges) {
    while (point != points.end() && *point < range.first) ++point;
    for (; point != points.end() && *point <= range.last; ++point) {
      if (range.first < *point) out.push_back({range.first, Counter{point->value - 1}});
      range.first = Counter{point->value + 1};
    }
    if (range.first <= range.last) out.push_back(range);
  }
  return out;
}

CounterRanges difference(const CounterRanges& a, const CounterRanges& b) {
  CounterRanges out;
  auto taken = b.begin();
  for (auto range : a) {
    while (taken != b.end() && taken->last < range.first) ++taken;
    for (auto at = taken; at != b.end() && at->first <= range.last; ++at) {
      if (range.first < at->first) out.push_back({range.first, Counter{at->first.value - 1}});
      range.first = Counter{at->last.value + 1};
    }
    if (range.first <= range.last) out.push_back(range);
  }
  return out;
}

CounterRanges first_of(const CounterRanges& ranges, std::int64_t counters) {
  CounterRanges out;
  for (const auto& range : ranges) {
    if (counters <= 0) break;
    out.push_back({range.first, std::min(range.last, Counter{range.first.value + counters - 1})});
    counters -= out.back().last.value - out.back().first.value + 1;
  }
  return out;
}

CounterRanges up_to(const CounterRanges& ranges, Counter last) {
  CounterRanges out;
  for (const auto& range : ranges)
    if (range.first <= last) out.push_back({range.first, std::min(range.last, last)});
  return out;
}

CounterRanges above(const CounterRanges& ranges, Counter last) {
  CounterRanges out;
  for (const auto& range : ranges)
    if (range.last > last) out.push_back({std::max(range.first, Counter{last.value + 1}), range.last});
  return out;
}

}  // namespace tandem
