#include "delivery/ring_schedule.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tandem {
namespace {

using namespace std::chrono_literals;

const SteadyTime start{1h};

TEST(RingSchedule, IsDueAtOnceAndQuietWhenPassed) {
  RingSchedule rings;
  EXPECT_FALSE(rings.due());
  rings.ring(std::array{Counter{7}}, start);
  EXPECT_EQ(rings.due(), start);
  rings.answered([](Counter) { return true; }, start);
  EXPECT_FALSE(rings.due());
}

TEST(RingSchedule, KeepsRingingMoreAndMoreRarely) {
  RingSchedule rings;
  rings.ring(std::array{Counter{7}}, start);
  std::vector<std::chrono::microseconds> delays;
  for (int window = 0; window < 10; ++window) {
    rings.answered([](Counter) { return false; }, start);
    delays.push_back(std::chrono::duration_cast<std::chrono::microseconds>(*rings.due() - start));
  }
  EXPECT_EQ(delays,
            (std::vector<std::chrono::microseconds>{300us, 1ms, 2ms, 4ms, 8ms, 16ms, 32ms, 64ms, 100ms, 100ms}));
  rings.ring(std::array{Counter{8}}, start + 1s);
  EXPECT_EQ(rings.due(), start + 1s) << "a new one does not wait for an old one";
}

TEST(RingSchedule, ForgetsTheOldestOfTooMany) {
  RingSchedule rings;
  for (std::int64_t counter = 1; counter <= 10'001; ++counter) rings.ring(std::array{Counter{counter}}, start);
  bool first_seen = false;
  std::size_t seen = 0;
  rings.answered(
      [&](Counter counter) {
        first_seen = first_seen || counter == Counter{1};
        ++seen;
        return true;
      },
      start);
  EXPECT_FALSE(first_seen);
  EXPECT_EQ(seen, RingSchedule::most_counters);
}

}  // namespace
}  // namespace tandem
