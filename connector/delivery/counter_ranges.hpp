#pragma once
#include <span>
#include <vector>

#include "model/counter_range.hpp"

namespace tandem {

/// Sets of counters as ascending, disjoint, non-adjacent ranges.
using CounterRanges = std::vector<CounterRange>;

[[nodiscard]] bool contains(const CounterRanges& ranges, Counter counter);
/// `points` ascend.
[[nodiscard]] CounterRanges without(const CounterRanges& ranges, std::span<const Counter> points);
[[nodiscard]] CounterRanges difference(const CounterRanges& a, const CounterRanges& b);
/// The lowest of them, no more than so many counters.
[[nodiscard]] CounterRanges first_of(const CounterRanges& ranges, std::int64_t counters);
[[nodiscard]] CounterRanges up_to(const CounterRanges& ranges, Counter last);
[[nodiscard]] CounterRanges above(const CounterRanges& ranges, Counter last);

}  // namespace tandem
