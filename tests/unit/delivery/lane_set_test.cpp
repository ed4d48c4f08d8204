#include "delivery/lane_set.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace tandem {
namespace {

TEST(LaneSet, KnowsWhatASetKnows) {
  std::mt19937_64 random(5);
  for (const std::uint64_t range : {8U, 200U, 100'000U}) {
    LaneSet lanes;
    std::set<std::uint64_t> known;
    for (int step = 0; step < 50'000; ++step) {
      const std::uint64_t value = random() % range;
      if (random() % 2 == 0)
        ASSERT_EQ(lanes.insert(LaneHash{value}), known.insert(value).second);
      else
        ASSERT_EQ(lanes.erase(LaneHash{value}), known.erase(value) > 0);
      ASSERT_EQ(lanes.size(), known.size());
    }
    for (std::uint64_t value = 0; value < range; ++value)
      ASSERT_EQ(lanes.contains(LaneHash{value}), known.contains(value));
  }
}

TEST(LaneSet, MillionsOfLanesTakeLessThanAHundredMegabytes) {
  std::mt19937_64 random(6);
  LaneSet lanes;
  for (int lane = 0; lane < 5'000'000; ++lane) lanes.insert(LaneHash{random()});
  EXPECT_GT(lanes.size(), 4'999'000U);
  EXPECT_LT(lanes.bytes(), 100'000'000U);
}

}  // namespace
}  // namespace tandem
