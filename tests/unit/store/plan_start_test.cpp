#include <gtest/gtest.h>

#include "store/take_over.hpp"

namespace tandem::store {
namespace {

using namespace std::chrono_literals;
using Move = StartPlan::Move;

Predecessor ran(std::chrono::milliseconds ago) {
  return {Epoch{3}, false, ago, "elsewhere", 17};
}

TEST(PlanStart, NobodyBeforeOrACleanStopNeedsNoWait) {
  EXPECT_EQ(plan_start({}, false, 10s, 30s).wait, 0ms);
  auto clean = ran(1s);
  clean.clean_stop = true;
  const auto plan = plan_start(clean, false, 10s, 30s);
  EXPECT_EQ(plan.move, Move::take_over);
  EXPECT_EQ(plan.wait, 0ms);
}

TEST(PlanStart, StandsByWhileTheOlderOneLives) {
  const auto plan = plan_start(ran(2s), false, 10s, 30s);
  EXPECT_EQ(plan.move, Move::stand_by);
  EXPECT_EQ(plan.wait, 8s);
}

TEST(PlanStart, WaitsUntilItsRequestsMustHaveEnded) {
  EXPECT_EQ(plan_start(ran(10s), false, 10s, 30s).wait, 30s);
  EXPECT_EQ(plan_start(ran(35s), false, 10s, 30s).wait, 5s);
  EXPECT_EQ(plan_start(ran(60s), false, 10s, 30s).wait, 0ms);
}

TEST(PlanStart, OfAProcessThatIsGoneOnlyTheRequestsAreWaitedFor) {
  EXPECT_EQ(plan_start(ran(1s), true, 10s, 30s).move, Move::take_over);
  EXPECT_EQ(plan_start(ran(1s), true, 10s, 30s).wait, 30s);
  EXPECT_EQ(plan_start(ran(35s), true, 10s, 30s).wait, 5s);
  EXPECT_EQ(plan_start(ran(60s), true, 10s, 30s).wait, 0ms);
}

TEST(PlanStart, AProcessThatEndedWhileItWaitedHasSentNothing) {
  auto before = ran(1s);
  before.quiet = 3s;
  EXPECT_EQ(plan_start(before, true, 10s, 30s).wait, 3s);
}

TEST(SurelyDead, OnlyOnThisHost) {
  Predecessor before = ran(1s);
  EXPECT_FALSE(surely_dead(before));
  before.host = host_name();
  before.pid = 0;
  EXPECT_FALSE(surely_dead(before));
  before.pid = 1;
  EXPECT_FALSE(surely_dead(before));
  before.pid = 1 << 22;  // above every pid_max
  EXPECT_TRUE(surely_dead(before));
}

}  // namespace
}  // namespace tandem::store
