#include "delivery/retry_plan.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

Retry plan(Failure failure, double random = 0.5) {
  return plan_retry(RetrySettings{}, BreakerSettings{}, failure, random);
}

Failure failure(ErrorClass error) {
  Failure f;
  f.error = error;
  return f;
}

TEST(RetryPlan, GivesTheFirstAttemptThreeRetriesWithDoublingDelays) {
  Failure f = failure(ErrorClass::unavailable);
  std::vector<milliseconds> delays;
  for (f.attempts = 0; plan(f).move == Retry::Move::again; ++f.attempts) {
    EXPECT_TRUE(plan(f).counted);
    delays.push_back(plan(f).delay);
  }
  EXPECT_EQ(delays, (std::vector<milliseconds>{10s, 20s, 40s}));
  EXPECT_EQ(plan(f).move, Retry::Move::give_up);
  EXPECT_EQ(plan(f).outcome, Outcome::exhausted);
  EXPECT_TRUE(plan(f).need_retry);
}

TEST(RetryPlan, JitterStaysWithinItsShare) {
  const RetrySettings settings;
  EXPECT_EQ(retry_delay(settings, 1, 0.0), 9s);
  EXPECT_EQ(retry_delay(settings, 1, 0.5), 10s);
  EXPECT_LE(retry_delay(settings, 1, 0.999), 11s);
}

TEST(RetryPlan, NeverRetriesWhatTheTargetRefuses) {
  for (const ErrorClass error :
       {ErrorClass::rejected, ErrorClass::mapping, ErrorClass::too_large, ErrorClass::not_found}) {
    EXPECT_EQ(plan(failure(error)).move, Retry::Move::give_up) << word(error);
    EXPECT_EQ(plan(failure(error)).outcome, Outcome::rejected) << word(error);
    EXPECT_FALSE(plan(failure(error)).need_retry) << word(error);
    EXPECT_TRUE(rule_of(error).alert) << word(error);
  }
  EXPECT_EQ(plan(failure(ErrorClass::conflict)).outcome, Outcome::conflict);
  EXPECT_EQ(plan(failure(ErrorClass::internal)).outcome, Outcome::internal);
}

TEST(RetryPlan, SpendsNothingWhileTheTargetIsDownThrottlesOrWasNeverReached) {
  Failure down = failure(ErrorClass::timeout);
  down.target_down = true;
  EXPECT_EQ(plan(down).move, Retry::Move::with_target);
  EXPECT_FALSE(plan(down).counted);
  EXPECT_EQ(plan(failure(ErrorClass::throttled)).move, Retry::Move::with_target);
  EXPECT_FALSE(plan(failure(ErrorClass::throttled)).counted);
  Failure unreached = failure(ErrorClass::network);
  unreached.reached = false;
  for (unreached.tries = 1; unreached.tries < 40; ++unreached.tries) {
    EXPECT_EQ(plan(unreached).move, Retry::Move::again);
    EXPECT_FALSE(plan(unreached).counted);
    EXPECT_LE(plan(unreached).delay, BreakerSettings{}.open_longest);
  }
}

TEST(RetryPlan, ARecordsOwnFaultCountsAlsoWhileTheTargetIsDown) {
  Failure f = failure(ErrorClass::rejected);
  f.target_down = true;
  EXPECT_EQ(plan(f).move, Retry::Move::give_up);
  EXPECT_TRUE(plan(f).counted);
}

TEST(RetryPlan, NoWaitIsWithoutEnd) {
  for (const ErrorClass error : {ErrorClass::network, ErrorClass::timeout, ErrorClass::unavailable,
                                 ErrorClass::throttled, ErrorClass::auth, ErrorClass::lock}) {
    Failure f = failure(error);
    f.age = RetrySettings{}.max_age;
    f.target_down = true;
    f.reached = false;
    EXPECT_EQ(plan(f).move, Retry::Move::give_up) << word(error);
    EXPECT_EQ(plan(f).outcome, Outcome::expired) << word(error);
  }
}

TEST(RetryPlan, EveryClassThatIsGivenUpEndsInAFailedState) {
  for (int i = 1; i < 15; ++i) EXPECT_EQ(state_of(rule_of(static_cast<ErrorClass>(i)).given_up), State::failed);
}

}  // namespace
}  // namespace tandem
