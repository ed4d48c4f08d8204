#include "delivery/lending.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

using namespace std::chrono_literals;

class LendingTest : public testing::Test {
 protected:
  LendingTest() {
    target.concurrency = 8;
    target.lends.emplace().share = 0.25;
  }
  /// The status; 0 = lent.
  int take(int flying = 0, bool waits = false) {
    const auto lent = lending->take({flying, waits}, breaker, *gate, now, wall);
    retry_after = lent ? 0s : lent.error().retry_after;
    return lent ? 0 : lent.error().status;
  }
  void begin() {
    gate.emplace(target.rate, target.concurrency, 1h);
    lending.emplace(target);
  }

  TargetSettings target;
  BreakerSettings breaker_settings{};
  Breaker breaker{breaker_settings};
  std::optional<RateGate> gate;
  std::optional<Lending> lending;
  SteadyTime now{1h};
  WallTime wall{std::chrono::sys_days{std::chrono::year{2030} / 1 / 1} + 12h};
  std::chrono::seconds retry_after{0};
};

TEST_F(LendingTest, CallersHaveAShareOfTheCallsAtOnce) {
  begin();
  EXPECT_EQ(take(), 0);
  EXPECT_EQ(take(), 0);
  EXPECT_EQ(take(), 429) << "2 of 8";
  EXPECT_GE(retry_after, 1s);
  lending->give_back();
  EXPECT_EQ(take(), 0);
}

TEST_F(LendingTest, AndNoneWhileDeliveryUsesThemAll) {
  begin();
  EXPECT_EQ(take(7), 0);
  EXPECT_EQ(take(7), 429) << "7 of delivery and 1 of a caller";
}

TEST_F(LendingTest, OneCallAtLeast) {
  target.concurrency = 1;
  begin();
  EXPECT_EQ(take(), 0);
  EXPECT_EQ(take(), 429);
}

TEST_F(LendingTest, TheOnlyCallIsDeliverysWhileARecordWaits) {
  target.concurrency = 1;
  begin();
  EXPECT_EQ(take(0, true), 429);
  EXPECT_EQ(take(0, false), 0);
}

TEST_F(LendingTest, TheShareIsOfTheLimitInForce) {
  target.lends->share = 0.5;
  begin();
  gate->throttled(0s, now);
  EXPECT_EQ(take(0, true), 0);
  EXPECT_EQ(take(), 0);
  EXPECT_EQ(take(), 429) << "2 of 4";
}

TEST_F(LendingTest, CallersHaveAShareOfTheRateAndTheDay) {
  target.rate = {.per_second = 8, .burst = 16, .per_day = 20};
  target.concurrency = 1'000;
  begin();
  int taken = 0;
  while (take() == 0) ++taken;
  EXPECT_EQ(taken, 4) << "a quarter of the burst";
  now += 1s;
  EXPECT_EQ(take(), 0);
  EXPECT_EQ(take(), 429) << "5 of 20 a day";
  EXPECT_EQ(retry_after, 3600s) << "at most";
  EXPECT_TRUE(gate->open(0, now, wall)) << "delivery has the rest";
}

TEST_F(LendingTest, WhatCallersDoCountsForTheTarget) {
  target.rate = {.per_second = 1, .burst = 4};
  target.lends->share = 1;
  begin();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(take(), 0);
  EXPECT_FALSE(gate->open(0, now, wall));
}

TEST_F(LendingTest, NobodyIsLentATargetThatIsDownOrRests) {
  begin();
  gate->rest(20s, now);
  EXPECT_EQ(take(), 429);
  EXPECT_EQ(retry_after, 20s);
  now += 1min;
  breaker_settings.open_first = 10s;
  breaker = Breaker(breaker_settings);
  for (std::uint64_t lane = 0; breaker.state(now) == Breaker::State::closed && lane < 1'000; ++lane)
    (void)breaker.failed(LaneHash{lane}, std::nullopt, now);
  EXPECT_EQ(take(), 503);
  EXPECT_EQ(retry_after, 10s);
  now += 11s;
  EXPECT_EQ(take(), 503) << "first a probe";
}

}  // namespace
}  // namespace tandem
