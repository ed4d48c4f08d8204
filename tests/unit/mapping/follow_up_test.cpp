#include "mapping/follow_up.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

TEST(FollowUp, CallsAreAskedForByOperationAndOutcome) {
  RouteSettings route;
  EXPECT_EQ(calls_after_delivery(route, Operation::create), "");
  FollowUpSettings start, tell, applied;
  start.body = {{"do", "\"start\""}, {"n", "9007199254740993"}};
  tell.after = {"create", "delete"};
  applied.on_delivered = false;
  applied.on_applied = true;
  route.then = {start, applied, tell};
  EXPECT_EQ(calls_after_delivery(route, Operation::create), R"([{"do":"start","n":9007199254740993},{}])");
  EXPECT_EQ(calls_after_delivery(route, Operation::update), "");
  EXPECT_EQ(calls_after_delivery(route, Operation::remove), "[{}]");
}

}  // namespace
}  // namespace tandem
