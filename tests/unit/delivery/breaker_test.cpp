#include "delivery/breaker.hpp"

#include <gmock/gmock.h>

namespace tandem {
namespace {

using namespace std::chrono_literals;
using Change = Breaker::Change;
using State = Breaker::State;

LaneHash lane(std::uint64_t n) {
  return LaneHash{n};
}

class BreakerTest : public testing::Test {
 protected:
  Change fail_lanes(int n, std::uint64_t first = 1) {
    Change change = Change::none;
    for (int i = 0; i < n && change == Change::none; ++i)
      change = breaker.failed(lane(first + static_cast<std::uint64_t>(i)), Counter{100 + i}, now);
    return change;
  }
  SteadyTime now{1h};
  Breaker breaker{BreakerSettings{}};
};

TEST_F(BreakerTest, OpensAfterTenConsecutiveFailuresOfDifferentLanes) {
  EXPECT_EQ(fail_lanes(9), Change::none);
  EXPECT_EQ(breaker.state(now), State::closed);
  EXPECT_EQ(breaker.failed(lane(10), Counter{109}, now), Change::opened);
  EXPECT_EQ(breaker.state(now), State::open);
}

TEST_F(BreakerTest, OneBadObjectNeverOpensIt) {
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(breaker.failed(lane(7), Counter{i}, now), Change::none);
    now += 10ms;
  }
}

TEST_F(BreakerTest, OpensOnTheShareOfFailuresInItsWindow) {
  Change change = Change::none;
  for (std::uint64_t i = 0; i < 12 && change == Change::none; ++i) {
    breaker.succeeded(now);
    change = breaker.failed(lane(i), std::nullopt, now);
    now += 100ms;
  }
  EXPECT_EQ(change, Change::opened);
}

TEST_F(BreakerTest, ManySuccessesOutweighFailures) {
  for (std::uint64_t i = 0; i < 200; ++i) {
    breaker.succeeded(now);
    breaker.succeeded(now);
    EXPECT_EQ(breaker.failed(lane(i), std::nullopt, now), Change::none);
    breaker.succeeded(now);
    now += 50ms;
  }
}

TEST_F(BreakerTest, ForgetsWhatIsOlderThanItsWindow) {
  EXPECT_EQ(fail_lanes(9), Change::none);
  now += 11s;
  EXPECT_EQ(breaker.failed(lane(50), std::nullopt, now), Change::none);
}

TEST_F(BreakerTest, NamesTheAttemptsThatOpenedIt) {
  EXPECT_EQ(fail_lanes(10), Change::opened);
  EXPECT_THAT(breaker.opened_by(),
              testing::UnorderedElementsAre(Counter{100}, Counter{101}, Counter{102}, Counter{103}, Counter{104},
                                            Counter{105}, Counter{106}, Counter{107}, Counter{108}, Counter{109}));
  EXPECT_TRUE(breaker.opened_by().empty());
}

TEST_F(BreakerTest, AProbeThatSucceedsClosesIt) {
  (void)fail_lanes(10);
  EXPECT_FALSE(breaker.wants_probe(now));
  now += 1s;
  EXPECT_EQ(breaker.state(now), State::half_open);
  EXPECT_TRUE(breaker.wants_probe(now));
  breaker.probe_started();
  EXPECT_FALSE(breaker.wants_probe(now)) << "one at a time";
  EXPECT_EQ(breaker.probe_ended(true, now), Change::closed);
  EXPECT_EQ(breaker.state(now), State::closed);
}

TEST_F(BreakerTest, FailedProbesWaitTwiceAsLongUpToTheLongest) {
  (void)fail_lanes(10);
  std::vector<std::chrono::seconds> waits;
  for (int i = 0; i < 9; ++i) {
    const auto at = *breaker.wakes();
    waits.push_back(std::chrono::duration_cast<std::chrono::seconds>(at - now));
    now = at;
    ASSERT_TRUE(breaker.wants_probe(now));
    breaker.probe_started();
    EXPECT_EQ(breaker.probe_ended(false, now), Change::none);
  }
  EXPECT_EQ(waits, (std::vector<std::chrono::seconds>{1s, 2s, 4s, 8s, 15s, 15s, 15s, 15s, 15s}));
}

}  // namespace
}  // namespace tandem
