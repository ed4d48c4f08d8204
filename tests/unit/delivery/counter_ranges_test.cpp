#include "delivery/counter_ranges.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

CounterRange range(std::int64_t first, std::int64_t last) {
  return {Counter{first}, Counter{last}};
}

TEST(CounterRanges, ContainKnowsBothEnds) {
  const CounterRanges ranges{range(3, 5), range(9, 9)};
  for (const auto inside : {3, 4, 5, 9}) EXPECT_TRUE(contains(ranges, Counter{inside})) << inside;
  for (const auto outside : {2, 6, 8, 10}) EXPECT_FALSE(contains(ranges, Counter{outside})) << outside;
}

TEST(CounterRanges, WithoutSplitsAndTrims) {
  const CounterRanges ranges{range(1, 5), range(8, 8), range(10, 12)};
  const std::vector<Counter> points{Counter{1}, Counter{3}, Counter{7}, Counter{8}, Counter{12}};
  EXPECT_EQ(without(ranges, points), (CounterRanges{range(2, 2), range(4, 5), range(10, 11)}));
  EXPECT_EQ(without(ranges, {}), ranges);
}

TEST(CounterRanges, CutAtACounter) {
  const CounterRanges ranges{range(1, 4), range(6, 9)};
  EXPECT_EQ(up_to(ranges, Counter{7}), (CounterRanges{range(1, 4), range(6, 7)}));
  EXPECT_EQ(above(ranges, Counter{7}), (CounterRanges{range(8, 9)}));
  EXPECT_EQ(above(ranges, Counter{3}), (CounterRanges{range(4, 4), range(6, 9)}));
  EXPECT_EQ(above(ranges, Counter{9}), CounterRanges{});
}

}  // namespace
}  // namespace tandem
