#include <gmock/gmock.h>

#include "unit/delivery/bulkhead_stage.hpp"

/// Routes with settle_on: confirmed.
namespace tandem {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class Confirmations : public testing::Test {
 protected:
  Confirmations() {
    route().settle_on = SettleOn::confirmed;
    route().confirm_within = 10s;
    route().coalesce = false;
    stage.settings.targets[0].retry.count = 1;
    stage.start();
  }
  RouteSettings& route() { return stage.settings.routes[0]; }
  const BulkheadStage::Row& row(std::int64_t counter) { return stage.rows.at(counter); }
  void accept(std::int64_t counter) {
    stage.turn();
    ASSERT_THAT(stage.in_flight(), ElementsAre(counter));
    stage.answer(counter);
    stage.commit_all();
  }
  BulkheadStage stage;
};

TEST_F(Confirmations, ARecordThatIsAcceptedWaitsAndItsLaneWithIt) {
  stage.arrive(1, "a");
  accept(1);
  EXPECT_EQ(row(1).state, State::received);
  EXPECT_EQ(row(1).reason, "confirmation");
  EXPECT_EQ(row(1).description, "accepted; waits for its confirmation");
  EXPECT_EQ(row(1).attempts, 0) << "nothing is spent while it waits";
  stage.arrive(2, "a");
  stage.arrive(3, "b");
  stage.turn();
  EXPECT_THAT(stage.in_flight(), ElementsAre(3)) << "another object's";
  stage.commit_all();
  EXPECT_EQ(row(2).reason, "lane");
  stage.confirm(1, "+");
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::delivered);
  EXPECT_EQ(row(1).state, State::done);
  EXPECT_EQ(row(1).attempts, 1);
  EXPECT_THAT(stage.in_flight(), ElementsAre(2, 3));
  EXPECT_TRUE(stage.confirmations.empty()) << "used";
}

TEST_F(Confirmations, ARefusalFailsTheRecordInTheirWords) {
  stage.arrive(1, "a");
  accept(1);
  stage.confirm(1, "-no such customer");
  stage.commit_all();
  EXPECT_EQ(row(1).state, State::failed);
  EXPECT_EQ(row(1).outcome, Outcome::rejected);
  EXPECT_EQ(row(1).description, "no such customer");
  EXPECT_EQ(row(1).attempts, 1);
  EXPECT_TRUE(stage.confirmations.empty()) << "a retry waits for another one";
  stage.send_back(1);
  stage.take_up_due();
  EXPECT_THAT(stage.in_flight(), ElementsAre(1));
}

TEST_F(Confirmations, OneThatComesBeforeTheAcceptanceIsWrittenIsNotLost) {
  stage.arrive(1, "a");
  stage.turn();
  stage.confirm(1, "+");  // the answer is on its way
  stage.answer(1);
  stage.commit_all();
  stage.take_up_due();
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::delivered);
  EXPECT_THAT(stage.in_flight(), IsEmpty());
}

TEST_F(Confirmations, OneOfAnAttemptWithoutAnswerSettlesItToo) {
  stage.arrive(1, "a");
  stage.turn();
  stage.answer(1, ErrorClass::timeout, 0, true);
  stage.commit_all();
  EXPECT_EQ(row(1).reason, "retry");
  stage.confirmations[1] = "+";
  stage.advance(15s);
  stage.take_up_due();
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::delivered);
  EXPECT_THAT(stage.in_flight(), IsEmpty()) << "and it is not sent again";
}

TEST_F(Confirmations, TheLastAttemptWithoutAnswerIsGivenItsTimeToo) {
  stage.settings.targets[0].retry.count = 0;
  for (const std::int64_t counter : {1, 2}) {
    stage.arrive(counter, std::to_string(counter));
    stage.turn();
    stage.answer(counter, ErrorClass::timeout, 0, true);
    stage.commit_all();
    EXPECT_EQ(row(counter).reason, "confirmation");
    EXPECT_EQ(row(counter).attempts, 0);
  }
  stage.confirm(1, "+");
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::delivered);
  stage.advance(11s);
  stage.take_up_due();
  stage.commit_all();
  EXPECT_EQ(row(2).outcome, Outcome::exhausted);
  EXPECT_EQ(row(2).attempts, 1) << "one request, one attempt";
  EXPECT_EQ(row(2).description, "not confirmed within 10s");
  EXPECT_THAT(stage.in_flight(), IsEmpty());
}

TEST_F(Confirmations, ACreateOfWhichNothingIsKnownMayStillBeConfirmed) {
  route().rest.upsert.reset();
  route().rest.create = route().rest.update = CallSettings{};
  route().needs_identity = true;
  stage.start();
  for (const std::int64_t counter : {1, 2}) {
    stage.arrive(counter, std::to_string(counter), Operation::create);
    stage.turn();
    stage.commit_all();
    ASSERT_THAT(stage.in_flight(), ElementsAre(counter));
    stage.answer(counter, ErrorClass::outcome_unknown, 0, true, Doubt::may_exist);
    stage.commit_all();
    EXPECT_EQ(row(counter).reason, "confirmation");
  }
  stage.confirm(1, "+R1");
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::delivered);
  EXPECT_EQ(stage.identity["1"], "R1");
  stage.advance(11s);
  stage.take_up_due();
  stage.advance(1ms);
  stage.turn();
  stage.commit_all();
  EXPECT_EQ(row(2).outcome, Outcome::outcome_unknown);
  EXPECT_EQ(row(2).attempts, 1);
  EXPECT_THAT(stage.in_flight(), IsEmpty()) << "it is never sent again";
}

TEST_F(Confirmations, AfterItsTimeItIsSentAgainAsItWasAndThenFails) {
  stage.arrive(1, "a", Operation::create);
  stage.turn();
  const Attempt first = stage.flying[1];
  accept(1);
  stage.advance(9s);
  stage.take_up_due();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  stage.advance(2s);
  stage.take_up_due();
  stage.advance(1ms);
  stage.turn();
  ASSERT_THAT(stage.in_flight(), ElementsAre(1));
  EXPECT_EQ(stage.flying[1].body, first.body);
  EXPECT_EQ(stage.flying[1].record_id, first.record_id);
  EXPECT_EQ(stage.flying[1].operation, first.operation);
  stage.commit();
  EXPECT_EQ(row(1).attempts, 1) << "the time counts as an attempt";
  accept(1);
  stage.advance(11s);
  stage.take_up_due();
  stage.commit_all();
  EXPECT_EQ(row(1).state, State::failed);
  EXPECT_EQ(row(1).outcome, Outcome::exhausted);
  EXPECT_EQ(row(1).description, "not confirmed within 10s");
  EXPECT_EQ(row(1).attempts, 2);
}

TEST_F(Confirmations, WhatWaitsIsNotSentEarlyBecauseItsLaneIsTakenUp) {
  stage.arrive(1, "a");
  accept(1);
  stage.advance(4s);
  stage.rows[2] = {};
  stage.arrive(2, "a");
  stage.commit_all();
  stage.rows[2].due = stage.now.steady;  // a person's retry, say
  stage.take_up_due();
  stage.commit_all();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  EXPECT_EQ(row(1).reason, "confirmation");
  EXPECT_EQ(row(1).due, stage.now.steady + 6s) << "what is left of its time";
}

TEST_F(Confirmations, NorBecauseItsLaneIsTakenUpIncomplete) {
  stage.arrive(1, "a");
  accept(1);
  stage.arrive(2, "a");
  stage.arrive(3, "a");
  stage.commit_all();
  stage.advance(4s);
  stage.rows[2].due = stage.now.steady;
  stage.rows[3].taken_up = true;  // not seen by the snapshot
  stage.take_up_due();
  stage.rows[3].taken_up = false;
  stage.commit_all();
  EXPECT_EQ(row(1).reason, "confirmation");
  EXPECT_EQ(row(1).due, stage.now.steady + 6s);
  EXPECT_EQ(row(2).due, stage.now.steady) << "so that the whole lane comes";
  stage.take_up_due();
  stage.commit_all();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  EXPECT_EQ(row(1).due, stage.now.steady + 6s);
}

TEST_F(Confirmations, ARestartBetweenAcceptanceAndConfirmationLosesNothing) {
  stage.arrive(1, "a");
  accept(1);
  stage.start();
  stage.take_up_due();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  stage.confirm(1, "+");
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::delivered);
}

TEST_F(Confirmations, WhatWasSentBeforeACrashIsLookedForBeforeItIsSentAgain) {
  stage.arrive(1, "a");
  stage.turn();
  stage.confirmations[1] = "+";  // its acceptance was never written
  stage.start(true);
  stage.turn();
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::delivered);
  EXPECT_THAT(stage.in_flight(), IsEmpty());
}

TEST_F(Confirmations, TheirIdCountsWhenItIsConfirmed) {
  route().rest.upsert.reset();
  route().rest.create = route().rest.update = CallSettings{};
  route().rest.idempotency_key = true;
  route().needs_identity = true;
  stage.arrive(1, "a", Operation::create);
  stage.turn();
  Answer answer;
  answer.counter = Counter{1};
  answer.remote_id = "R1";
  stage.give(answer);
  ASSERT_NE(stage.last_write(1), nullptr);
  EXPECT_EQ(stage.last_write(1)->identity, Settlement::IdentityWrite::pending);
  EXPECT_EQ(stage.last_write(1)->remote_id, "R1");
  stage.commit_all();
  stage.confirm(1, "+R2");
  EXPECT_EQ(stage.last_write(1)->identity, Settlement::IdentityWrite::paired);
  EXPECT_EQ(stage.last_write(1)->remote_id, "R2") << "the confirmation knows better";
}

TEST_F(Confirmations, APausedRouteIsSettledButSendsNothing) {
  stage.arrive(1, "a");
  accept(1);
  stage.arrive(2, "b");
  accept(2);
  stage.bulkhead->take(Pause{0, 0, true}, stage.now);
  stage.confirm(1, "+");
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::delivered);
  stage.advance(11s);
  stage.take_up_due();
  stage.commit_all();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  EXPECT_EQ(row(2).reason, "pause");
}

TEST_F(Confirmations, WhatIsSentWithoutItsReferencesIsCompletedAfterwards) {
  FieldSettings field;
  field.column = "account_id";
  field.to = "AccountId";
  field.ref = "opportunity";
  route().fields = {field};
  route().needs_refs = true;
  stage.parents_missing = {"a", "b"};
  stage.start();
  stage.arrive(1, "a", Operation::create, 0, R"({"account_id": "b"})");
  stage.commit_all();
  stage.arrive(2, "b", Operation::create, 0, R"({"account_id": "a"})");
  stage.turn();
  ASSERT_THAT(stage.in_flight(), ElementsAre(2));
  EXPECT_EQ(stage.flying[2].body, R"({"AccountId":null})");
  stage.answer(2);
  stage.commit();
  EXPECT_EQ(row(2).reason, "confirmation");
  EXPECT_EQ(stage.followed, 0);
  stage.confirm(2, "+");
  stage.commit_all();
  EXPECT_EQ(row(2).outcome, Outcome::delivered);
  EXPECT_EQ(stage.followed, 1) << "although whoever settles it has not sent it";
  stage.identity["c"] = "C";
  stage.parents_missing.insert("c");
  stage.arrive(3, "c", Operation::update, 0, R"({"account_id": "c"})");
  stage.commit_all();
  EXPECT_EQ(row(3).reason, "parent") << "an object that is there breaks no cycle";
}

TEST_F(Confirmations, OnlyWhatWasSentForCertainIsAgreed) {
  route().needs_agreed = route().skip_unchanged = true;
  stage.arrive(1, "a");
  accept(1);
  stage.confirm(1, "+");
  stage.commit_all();
  EXPECT_EQ(stage.agreed["a"], R"({"name":"x"})");
  EXPECT_FALSE(stage.agreed_unsettled.contains("a"));
  route().needs_sql = true;  // what it gives may have changed between the request and its confirmation
  stage.arrive(2, "b");
  accept(2);
  stage.confirm(2, "+");
  stage.commit_all();
  EXPECT_EQ(row(2).outcome, Outcome::delivered);
  EXPECT_FALSE(stage.agreed.contains("b"));
  EXPECT_TRUE(stage.agreed_unsettled.contains("b")) << "the next one is sent, whatever it says";
}

TEST_F(Confirmations, ADeleteOfWhatIsNotThereWaitsForNothing) {
  stage.arrive(1, "a", Operation::remove);
  stage.turn();
  Answer gone;
  gone.counter = Counter{1};
  gone.status = 404;
  gone.not_there = true;
  stage.give(gone);
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::delivered);
  EXPECT_EQ(row(1).state, State::done);
}

TEST_F(Confirmations, OneThatNobodyHasReadIsKeptForARetry) {
  stage.settings.targets[0].retry.count = 0;
  stage.arrive(1, "a");
  accept(1);
  stage.advance(11s);
  stage.take_up_due();
  stage.confirmations[1] = "+";  // the record is being given up
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::exhausted);
  EXPECT_FALSE(stage.confirmations.empty());
  stage.send_back(1);
  stage.take_up_due();
  EXPECT_THAT(stage.in_flight(), IsEmpty()) << "it is in effect there";
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::delivered);
  EXPECT_TRUE(stage.confirmations.empty());
}

TEST_F(Confirmations, CallsAreDoneWhenTheyAreAccepted) {
  route().rest.call = CallSettings{};
  stage.arrive(1, "a", Operation::call);
  accept(1);
  EXPECT_EQ(row(1).outcome, Outcome::delivered);
}

}  // namespace
}  // namespace tandem
