#include "delivery/rate_gate.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

using namespace std::chrono_literals;

class RateGateTest : public testing::Test {
 protected:
  int take_all(RateGate& gate, int most = 10'000) {
    int taken = 0;
    while (taken < most && gate.open(0, now, wall)) {
      gate.take(now, wall);
      ++taken;
    }
    return taken;
  }
  void advance(std::chrono::milliseconds by) {
    now += by;
    wall += by;
  }
  SteadyTime now{1h};
  WallTime wall{std::chrono::sys_days{std::chrono::year{2030} / 1 / 1} + 12h};
};

TEST_F(RateGateTest, LetsNoMoreThroughThanItsConcurrency) {
  RateGate gate({}, 3, 1h);
  EXPECT_TRUE(gate.open(2, now, wall));
  EXPECT_FALSE(gate.open(3, now, wall));
}

TEST_F(RateGateTest, FillsItsBucketAtTheRateUpToTheBurst) {
  RateGate gate({.per_second = 10, .burst = 20}, 100, 1h);
  EXPECT_EQ(take_all(gate), 20);
  ASSERT_TRUE(gate.wakes(now, wall));
  EXPECT_LE(*gate.wakes(now, wall) - now, 101ms);
  now = *gate.wakes(now, wall);
  EXPECT_EQ(take_all(gate), 1);
  advance(500ms);
  EXPECT_EQ(take_all(gate), 5);
  advance(1h);
  EXPECT_EQ(take_all(gate), 20);
}

TEST_F(RateGateTest, KeepsAReserveOfTheDailyQuota) {
  RateGate gate({.per_day = 100, .reserve = 0.1}, 10, 1h);
  EXPECT_EQ(take_all(gate), 90);
  gate.take_reserved(wall);
  EXPECT_FALSE(gate.open(0, now, wall));
  ASSERT_TRUE(gate.wakes(now, wall));
  EXPECT_EQ(*gate.wakes(now, wall) - now, 12h) << "at midnight";
  advance(12h);
  EXPECT_EQ(take_all(gate), 90);
}

TEST_F(RateGateTest, ATargetThatAsksForRestIsLeftAloneAsAWholeButNotForever) {
  RateGate gate({}, 8, 60s);
  gate.throttled(5s, now);
  EXPECT_FALSE(gate.open(0, now, wall));
  EXPECT_EQ(*gate.wakes(now, wall), now + 5s);
  advance(5s);
  EXPECT_TRUE(gate.open(0, now, wall));
  gate.throttled(24h, now);
  EXPECT_EQ(*gate.wakes(now, wall), now + 60s) << "capped";
}

TEST_F(RateGateTest, HalvesItsConcurrencyOncePerBurstOfRefusalsAndGrowsBack) {
  RateGate gate({}, 16, 1h);
  for (int i = 0; i < 16; ++i) gate.throttled(0ms, now);
  EXPECT_EQ(gate.limit(), 8);
  advance(2s);
  gate.throttled(0ms, now);
  EXPECT_EQ(gate.limit(), 4);
  for (int i = 0; i < 1'000; ++i) gate.succeeded(0);
  EXPECT_EQ(gate.limit(), 4) << "what is not used tells nothing";
  for (int i = 0; i < 200; ++i) gate.succeeded(15);
  EXPECT_EQ(gate.limit(), 16);
}

TEST_F(RateGateTest, WaitsLongerWhileATargetGoesOnRefusingWithoutSayingHowLong) {
  RateGate gate({}, 16, 1h);
  std::vector<std::chrono::seconds> waits;
  for (int i = 0; i < 8; ++i) {
    gate.throttled(std::nullopt, now);
    waits.push_back(std::chrono::duration_cast<std::chrono::seconds>(*gate.wakes(now, wall) - now));
    now = *gate.wakes(now, wall);
  }
  EXPECT_EQ(waits, (std::vector<std::chrono::seconds>{1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}));
  EXPECT_EQ(gate.limit(), 1);
}

TEST_F(RateGateTest, WaitsTheShortestTimeWhenASuccessCameBetweenTwoRefusalsOfOneBurst) {
  RateGate gate({}, 16, 1h);
  gate.throttled(0ms, now);
  gate.succeeded(1);
  gate.throttled(std::nullopt, now);
  EXPECT_EQ(*gate.wakes(now, wall) - now, 1s);
}

}  // namespace
}  // namespace tandem
