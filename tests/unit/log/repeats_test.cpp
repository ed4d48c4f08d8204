#include "log/repeats.hpp"

#include <gtest/gtest.h>

namespace tandem::log {
namespace {

using namespace std::chrono_literals;

const Repeats::Clock::time_point start{1h};

TEST(Repeats, WritesTheFirstAndCountsTheRest) {
  Repeats repeats;
  EXPECT_TRUE(repeats.write_now("down", "down 1", start));
  EXPECT_FALSE(repeats.write_now("down", "down 2", start + 1s));
  EXPECT_FALSE(repeats.write_now("down", "down 3", start + 2s));
  EXPECT_TRUE(repeats.write_now("other", "other 1", start + 2s));
  EXPECT_TRUE(repeats.due(start + 9s).empty());
  const auto due = repeats.due(start + 10s);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].line, "down 3");
  EXPECT_EQ(due[0].count, 2U);
}

TEST(Repeats, GoesOnCountingAfterTheCountWasWritten) {
  Repeats repeats;
  EXPECT_TRUE(repeats.write_now("down", "1", start));
  EXPECT_FALSE(repeats.write_now("down", "2", start + 1s));
  EXPECT_EQ(repeats.due(start + 10s).size(), 1U);
  EXPECT_FALSE(repeats.write_now("down", "3", start + 11s));
  EXPECT_EQ(repeats.due(start + 20s).size(), 1U);
}

TEST(Repeats, WritesAgainAfterAQuietPeriod) {
  Repeats repeats;
  EXPECT_TRUE(repeats.write_now("down", "1", start));
  EXPECT_TRUE(repeats.due(start + 10s).empty());
  EXPECT_TRUE(repeats.write_now("down", "2", start + 11s));
}

TEST(Repeats, HandsOutEverythingAtTheEnd) {
  Repeats repeats;
  EXPECT_TRUE(repeats.write_now("down", "1", start));
  EXPECT_FALSE(repeats.write_now("down", "2", start + 1s));
  EXPECT_EQ(repeats.all().size(), 1U);
  EXPECT_TRUE(repeats.all().empty());
}

TEST(Repeats, IsBounded) {
  Repeats repeats;
  for (std::size_t i = 0; i < Repeats::most_held; ++i) EXPECT_TRUE(repeats.write_now(std::to_string(i), "line", start));
  EXPECT_TRUE(repeats.write_now("one more", "line", start));
  EXPECT_TRUE(repeats.write_now("one more", "line", start));
  EXPECT_FALSE(repeats.write_now("0", "line", start));
}

}  // namespace
}  // namespace tandem::log
