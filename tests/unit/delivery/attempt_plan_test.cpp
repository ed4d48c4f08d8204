#include "delivery/attempt_plan.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

using namespace std::chrono_literals;
using Step = AttemptPlan::Move;

class AttemptPlanTest : public testing::Test {
 protected:
  AttemptPlanTest() {
    route.target = "there";
    route.request_type = "opportunity";
    route.rest.create = route.rest.update = route.rest.remove = CallSettings{};
    route.needs_identity = true;
    record.operation = Operation::update;
    record.object_id = "7";
    record.found = &found;
    found.body = R"({"name": "a"})";
  }
  AttemptPlan plan() { return plan_attempt(route, target, Mapping(route), record); }

  RouteSettings route;
  TargetSettings target;
  FoundBody found;
  Upcoming record;
};

TEST_F(AttemptPlanTest, TheIdentityDecidesBetweenCreateAndUpdate) {
  record.operation = Operation::create;
  found.remote_id = "R1";
  EXPECT_EQ(plan().operation, Operation::update);
  EXPECT_EQ(plan().remote_id, "R1");
  found.remote_id.clear();
  record.operation = Operation::update;
  EXPECT_EQ(plan().operation, Operation::create) << "hazard 22: create rejected, then updates of nothing";
}

TEST_F(AttemptPlanTest, ACallIsSentAsItIsAndNothingElseOfItsObjectStandsInForIt) {
  record.operation = Operation::call;
  route.fields = {FieldSettings{}};
  route.fields[0].column = route.fields[0].to = "stage";
  found.body = R"({"do": "start"})";
  found.remote_id = "R1";
  record.newer_pending = record.newer_image_pending = true;
  found.image_pending = found.overtaken = true;
  EXPECT_EQ(plan().move, Step::send);
  EXPECT_EQ(plan().operation, Operation::call);
  EXPECT_EQ(plan().body, R"({"do": "start"})") << "not mapped";
  EXPECT_EQ(plan().remote_id, "R1");
  record.found = nullptr;
  record.body = R"({"do": "stop"})";
  EXPECT_EQ(plan().body, R"({"do": "stop"})");
  target.max_body_bytes = 3;
  EXPECT_EQ(plan().error, ErrorClass::too_large);
}

TEST_F(AttemptPlanTest, AnObjectOutsideOfTheRouteIsLeftAloneUnlessItHasLeftAndIsKeptUpToDate) {
  found.latest = found.outside = true;
  for (const OnLeave on_leave : {OnLeave::ignore, OnLeave::remove, OnLeave::update}) {
    route.on_leave = on_leave;
    found.remote_id.clear();
    EXPECT_EQ(plan().outcome, Outcome::filtered) << "never there";
    EXPECT_EQ(plan().move, Step::settle);
    found.remote_id = "R1";
    EXPECT_EQ(plan().move, on_leave == OnLeave::update ? Step::send : Step::settle);
  }
  record.operation = Operation::remove;
  EXPECT_EQ(plan().move, Step::send) << "a delete says itself what has happened";
}

TEST_F(AttemptPlanTest, AnIdentityIsPendingBeforeACreateGoesOut) {
  EXPECT_TRUE(plan().intend);
  found.identity_pending = record.intended = true;
  EXPECT_FALSE(plan().intend);
  EXPECT_EQ(plan().doubt, Doubt::none);
  EXPECT_EQ(plan().move, Step::send);
}

TEST_F(AttemptPlanTest, ACreateThatMayExistIsLookedForAndNeverBlindlyRepeated) {  // hazards 20, 23
  found.identity_pending = true;
  EXPECT_EQ(plan().outcome, Outcome::outcome_unknown) << "no lookup";
  EXPECT_EQ(plan().move, Step::settle);
  route.rest.lookup = CallSettings{};
  EXPECT_EQ(plan().move, Step::send);
  EXPECT_EQ(plan().doubt, Doubt::may_exist);
  record.first_may_run = true;
  EXPECT_EQ(plan().move, Step::park) << "the first request may still be running";
  EXPECT_EQ(plan().reason, "outcome");
  record.doubt = Doubt::missing_once;
  EXPECT_EQ(plan().doubt, Doubt::missing_once);
}

TEST_F(AttemptPlanTest, AnUpsertOrAnIdempotencyKeyMakesRepeatingSafe) {
  found.identity_pending = true;
  route.rest.idempotency_key = true;
  EXPECT_EQ(plan().move, Step::send);
  EXPECT_EQ(plan().doubt, Doubt::none);
  EXPECT_FALSE(plan().intend);
}

TEST_F(AttemptPlanTest, WhereTheirNoticesComeInEveryCreateIsMarkedBeforeItIsSent) {
  route.rest.idempotency_key = true;
  EXPECT_FALSE(plan().intend);
  route.apply.emplace();
  EXPECT_TRUE(plan().intend) << "their notice of it may come before the answer is settled";
  found.identity_pending = true;
  EXPECT_FALSE(plan().intend);
  EXPECT_EQ(plan().move, Step::send);
}

TEST_F(AttemptPlanTest, ADeleteOfWhatWasNeverCreatedIsDone) {
  record.operation = Operation::remove;
  EXPECT_EQ(plan().move, Step::settle);
  EXPECT_EQ(plan().outcome, Outcome::unchanged);
  found.remote_id = "R1";
  EXPECT_EQ(plan().move, Step::send);
  EXPECT_EQ(plan().operation, Operation::remove);
}

TEST_F(AttemptPlanTest, ADeleteOfWhatMayExistIsNotForgotten) {  // hazard 20: an orphan there
  record.operation = Operation::remove;
  found.identity_pending = true;
  route.rest.lookup = CallSettings{};
  EXPECT_EQ(plan().move, Step::send);
  EXPECT_EQ(plan().doubt, Doubt::may_exist);
}

TEST_F(AttemptPlanTest, WhatIsSettledMeanwhileIsDroppedAndWhatIsNotVisibleIsAskedForAgain) {
  found.found = FoundBody::Found::settled;
  EXPECT_EQ(plan().move, Step::drop);
  found.found = FoundBody::Found::gone;
  EXPECT_EQ(plan().move, Step::drop);
  found.found = FoundBody::Found::not_visible;
  EXPECT_EQ(plan().move, Step::ask_again);
  found.found = FoundBody::Found::waits;
  EXPECT_EQ(plan().move, Step::wait);
}

TEST_F(AttemptPlanTest, WhereTheOldKeyIsFreeItsObjectIsRemovedFirst) {
  record.operation = Operation::rekey;
  route.needs_identity = false;
  found.old_object_id = "1";
  found.old_key_is_free = true;
  route.rest.remove.reset();
  EXPECT_EQ(plan().outcome, Outcome::rejected) << "there is no request for deletes";
  route.rest.remove = CallSettings{};
  EXPECT_EQ(plan().move, Step::send);
  EXPECT_EQ(plan().operation, Operation::remove);
  EXPECT_TRUE(plan().removes_old);
  record.old_removed = true;
  EXPECT_FALSE(plan().removes_old);
  EXPECT_NE(plan().operation, Operation::remove);
}

TEST_F(AttemptPlanTest, AKeyThatAnotherObjectKeepsIsAConflict) {
  record.operation = Operation::rekey;
  found.key_is_taken = true;
  EXPECT_EQ(plan().outcome, Outcome::conflict);
}

TEST_F(AttemptPlanTest, AnOvertakenRecordIsNeverSent) {  // hazard 22, rule 11
  record.retried = found.overtaken = true;
  EXPECT_EQ(plan().outcome, Outcome::superseded);
  EXPECT_TRUE(plan().follow_with_latest) << "all newer ones are settled";
  record.newer_pending = true;
  EXPECT_FALSE(plan().follow_with_latest);
}

TEST_F(AttemptPlanTest, LatestYieldsToAPendingImage) {  // rule 9, hazard 15
  record.image = false;
  EXPECT_EQ(plan().move, Step::send);
  found.image_pending = true;
  EXPECT_EQ(plan().move, Step::settle);
  EXPECT_EQ(plan().outcome, Outcome::superseded);
  record.image = true;
  EXPECT_EQ(plan().move, Step::send);
}

TEST_F(AttemptPlanTest, UnchangedComparesWithTheAgreedImageOnly) {  // hazard 21
  route.needs_agreed = route.skip_unchanged = true;
  found.remote_id = "R1";
  found.agreed_image = R"({"name":"a"})";
  EXPECT_EQ(plan().outcome, Outcome::unchanged);
  found.agreed_unsettled = true;
  EXPECT_EQ(plan().move, Step::send) << "an earlier attempt may have taken effect";
  found.agreed_unsettled = false;
  record.attempted = true;
  EXPECT_EQ(plan().move, Step::send);
  record.attempted = false;
  record.operation = Operation::snapshot;
  EXPECT_EQ(plan().move, Step::send);
}

TEST_F(AttemptPlanTest, ChangedFieldsAreTheDifferenceToTheAgreedImage) {
  route.needs_agreed = route.only_changed = true;
  found.remote_id = "R1";
  found.body = R"({"name": "b", "stage": "x"})";
  found.agreed_image = R"({"name": "a", "stage": "x"})";
  EXPECT_EQ(plan().body, R"({"name":"b"})");
  EXPECT_NE(plan().agreed.find("stage"), std::string::npos) << "they will have the whole";
  found.agreed_image.clear();
  EXPECT_NE(plan().body.find("stage"), std::string::npos);
}

TEST_F(AttemptPlanTest, ChildrenWaitForTheirParentButNotForEver) {  // hazard 26
  FieldSettings field;
  field.column = "account_id";
  field.to = "AccountId";
  field.ref = "account";
  route.fields = {field};
  route.needs_refs = true;
  found.body = R"({"account_id": 5})";
  found.lookups.values = {{0, false, ""}};
  const AttemptPlan waits = plan();
  EXPECT_EQ(waits.move, Step::park);
  EXPECT_EQ(waits.reason, "parent");
  EXPECT_EQ(waits.parent_type, "account");
  EXPECT_EQ(waits.parent_object_id, "5");
  record.waited = route.max_wait;
  EXPECT_EQ(plan().move, Step::settle);
  EXPECT_EQ(plan().error, ErrorClass::dependency);
  record.without_parents = true;
  EXPECT_EQ(plan().move, Step::send);
  EXPECT_EQ(plan().body, R"({"AccountId":null})");
}

TEST_F(AttemptPlanTest, ARecordThatEndsTheConnectorThreeTimesFails) {  // hazard 25
  found.unanswered = 2;
  EXPECT_EQ(plan().move, Step::send);
  found.unanswered = 3;
  EXPECT_EQ(plan().outcome, Outcome::internal);
}

TEST_F(AttemptPlanTest, BlockWaitsBehindAFailedRecord) {
  route.on_failure = OnFailure::block;
  found.behind_failed = true;
  EXPECT_EQ(plan().move, Step::park);
  EXPECT_EQ(plan().reason, "blocked");
  record.retried = true;
  EXPECT_EQ(plan().move, Step::send);
}

TEST_F(AttemptPlanTest, WhatCaptureCouldNotMapFailsAlone) {
  record.capture_error = ErrorClass::mapping;
  record.capture_words = "division by zero";
  EXPECT_EQ(plan().outcome, Outcome::rejected);
  EXPECT_EQ(plan().error, ErrorClass::mapping);
  EXPECT_EQ(plan().description, "division by zero");
}

TEST_F(AttemptPlanTest, ABodyBeyondTheTargetsSizeIsNotSent) {
  target.max_body_bytes = 5;
  EXPECT_EQ(plan().error, ErrorClass::too_large);
}

}  // namespace
}  // namespace tandem
