#include "delivery/bulkhead.hpp"

#include <gmock/gmock.h>

#include "unit/delivery/bulkhead_stage.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto create = Operation::create, update = Operation::update, remove = Operation::remove;

class BulkheadTest : public testing::Test {
 protected:
  RouteSettings& route() { return stage.settings.routes[0]; }
  TargetSettings& target() { return stage.settings.targets[0]; }
  void with_identities() {
    route().rest.upsert.reset();
    route().rest.create = route().rest.update = CallSettings{};
    route().needs_identity = true;
  }
  const BulkheadStage::Row& row(std::int64_t counter) { return stage.rows.at(counter); }
  BulkheadStage stage;
};

TEST_F(BulkheadTest, SendsAndSettlesAndGivesItsRoomBack) {
  stage.start();
  stage.arrive(1, "a", create);
  stage.turn();
  EXPECT_THAT(stage.in_flight(), ElementsAre(1));
  EXPECT_EQ(stage.flying[1].body, R"({"name":"x"})");
  stage.answer(1);
  stage.commit();
  EXPECT_EQ(row(1).outcome, Outcome::delivered);
  EXPECT_EQ(row(1).state, State::done);
  EXPECT_EQ(stage.room->free(), stage.room->bytes());
}

TEST_F(BulkheadTest, ALaneGoesOnOnlyWhenItsSettlementHasCommitted) {  // hazard 15
  route().coalesce = false;
  stage.start();
  stage.arrive(1, "a");
  stage.arrive(2, "a");
  stage.turn();
  EXPECT_THAT(stage.in_flight(), ElementsAre(1));
  stage.answer(1);
  EXPECT_THAT(stage.in_flight(), IsEmpty()) << "answered, but not durable";
  EXPECT_TRUE(stage.last_write(1)->lane_waits);
  stage.commit();
  EXPECT_THAT(stage.in_flight(), ElementsAre(2));
}

TEST_F(BulkheadTest, FoldsWhatWasNeverAttemptedAndSettlesItFirst) {  // hazard 20
  stage.start();
  stage.arrive(1, "a", create);
  stage.arrive(2, "a");
  stage.arrive(3, "a");
  stage.turn();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  stage.commit();
  EXPECT_EQ(row(1).outcome, Outcome::superseded);
  EXPECT_EQ(row(2).outcome, Outcome::superseded);
  EXPECT_THAT(stage.in_flight(), ElementsAre(3));
  EXPECT_EQ(stage.flying[3].operation, create);
}

TEST_F(BulkheadTest, AfterAnUncleanEndWhatWasPendingIsNotFolded) {  // hazard 20
  stage.arrive(1, "a", create);
  stage.arrive(2, "a");
  stage.start(true);
  stage.commit_all();
  EXPECT_THAT(stage.in_flight(), ElementsAre(1));
  EXPECT_EQ(stage.flying[1].operation, create);
}

TEST_F(BulkheadTest, ACarefulStartMakesTheAttemptDurableFirst) {  // hazard 25
  stage.arrive(1, "a");
  stage.start(true);
  stage.turn();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  ASSERT_NE(stage.last_write(1), nullptr);
  EXPECT_EQ(stage.last_write(1)->kind, Settlement::Kind::intent);
  EXPECT_EQ(stage.last_write(1)->attempt->phase, Settlement::AttemptRow::Phase::opened);
  stage.commit();
  EXPECT_THAT(stage.in_flight(), ElementsAre(1));
  stage.answer(1);
  EXPECT_EQ(stage.last_write(1)->attempt->phase, Settlement::AttemptRow::Phase::closed);
}

TEST_F(BulkheadTest, ARecordThatComesBackBeforeItsOutcomeIsKnownToHaveBeenWrittenBeginsAnew) {
  stage.start();
  stage.arrive(1, "a");
  stage.turn();
  stage.answer(1, ErrorClass::rejected, 422);
  stage.commit_unanswered();
  EXPECT_EQ(row(1).state, State::failed);
  stage.send_back(1);
  stage.take_up_due();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  stage.answer_commits();
  EXPECT_THAT(stage.in_flight(), ElementsAre(1));
  stage.answer(1);
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::delivered);
  EXPECT_EQ(row(1).attempts, 1);
  EXPECT_EQ(stage.room->free(), stage.room->bytes());
}

TEST_F(BulkheadTest, ATakeUpThatMissesALowerRecordIsParkedAgain) {
  route().coalesce = false;
  stage.start();
  stage.arrive(1, "a");
  stage.turn();
  stage.answer(1, ErrorClass::rejected, 422);
  stage.commit_all();
  stage.arrive(2, "a");
  stage.turn();
  stage.send_back(1);
  stage.take_up_due();
  stage.answer(2, ErrorClass::unavailable, 500);
  stage.commit_all();
  ASSERT_TRUE(row(1).parked && row(2).parked);
  stage.rows.at(1).taken_up = true;  // not seen by the snapshot
  stage.advance(15s);
  stage.take_up_due();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  stage.rows.at(1).taken_up = false;
  stage.commit_all();
  EXPECT_EQ(row(2).due, stage.now.steady);
  stage.take_up_due();
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::superseded);
  EXPECT_THAT(stage.in_flight(), ElementsAre(2));
}

TEST_F(BulkheadTest, AnOlderRecordThatJoinsALaneInFlightIsParkedBehindTheAttempt) {
  route().coalesce = false;
  stage.start();
  stage.arrive(1, "a");
  stage.turn();
  stage.answer(1, ErrorClass::rejected, 422);
  stage.commit_all();
  stage.arrive(2, "a");
  stage.turn();
  EXPECT_THAT(stage.in_flight(), ElementsAre(2));
  stage.send_back(1);
  stage.take_up_due();
  EXPECT_THAT(stage.in_flight(), ElementsAre(2));
  stage.answer(2, ErrorClass::unavailable, 500);
  stage.commit_all();
  EXPECT_EQ(row(2).reason, "retry");
  EXPECT_EQ(row(2).attempts, 1);
  EXPECT_EQ(row(1).reason, "lane");
  stage.advance(15s);
  stage.take_up_due();
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::superseded);
  EXPECT_THAT(stage.in_flight(), ElementsAre(2));
  stage.answer(2);
  stage.commit_all();
  EXPECT_EQ(row(2).outcome, Outcome::delivered);
}

TEST_F(BulkheadTest, AFailedAttemptIsParkedWithItsWholeLaneAndTakenUpInOrder) {
  route().coalesce = false;
  stage.start();
  stage.arrive(1, "a");
  stage.arrive(2, "a");
  stage.turn();
  stage.answer(1, ErrorClass::unavailable, 500);
  stage.arrive(3, "a");
  stage.commit_all();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  EXPECT_TRUE(row(1).parked && row(2).parked && row(3).parked);
  EXPECT_EQ(row(1).attempts, 1);
  EXPECT_EQ(row(2).reason, "lane");
  EXPECT_EQ(stage.room->free(), stage.room->bytes()) << "parked records take no memory";
  stage.advance(15s);
  stage.take_up_due();
  EXPECT_THAT(stage.in_flight(), ElementsAre(1));
  stage.answer(1);
  stage.commit();
  EXPECT_THAT(stage.in_flight(), ElementsAre(2));
}

TEST_F(BulkheadTest, ATakeUpThatMissesAParkedRecordDoesNotLetTheLaneGo) {
  route().coalesce = false;
  stage.start();
  stage.arrive(1, "a");
  stage.turn();
  stage.answer(1, ErrorClass::unavailable, 500);
  stage.commit_all();
  TakeUp stale;  // from a snapshot before record 2 was parked
  stale.lane = row(1).record.lane;
  stale.records.resize(1);
  stale.records[0].record = row(1).record;
  stale.records[0].reason = "retry";
  stage.arrive(2, "a");
  stage.commit_all();
  ASSERT_TRUE(row(2).parked);
  stage.bulkhead->take(stale, stage.now);
  stage.commit_all();
  stage.arrive(3, "a");
  stage.commit_all();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  stage.take_up_due();
  EXPECT_THAT(stage.in_flight(), ElementsAre(1));
  for (const std::int64_t counter : {1, 2, 3}) {
    EXPECT_THAT(stage.in_flight(), ElementsAre(counter));
    stage.answer(counter);
    stage.commit_all();
  }
}

TEST_F(BulkheadTest, ARecordThatIsTakenUpWhileItIsBeingParkedStaysInMemory) {
  route().coalesce = false;
  stage.start();
  stage.arrive(1, "a");
  stage.turn();
  stage.answer(1, ErrorClass::unavailable, 500);
  stage.commit_all();
  stage.advance(15s);
  stage.arrive(2, "a");  // joins the blocked lane; its parking is under way
  stage.turn();
  stage.take_up_due();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  stage.commit_all();
  EXPECT_THAT(stage.in_flight(), ElementsAre(1));
  stage.answer(1);
  stage.commit_all();
  EXPECT_THAT(stage.in_flight(), ElementsAre(2));
}

TEST_F(BulkheadTest, GivesUpAfterThreeRetriesAndSaysThatARetryMayHelp) {
  stage.start();
  stage.arrive(1, "a");
  stage.turn();
  for (int attempt = 0; attempt < 4; ++attempt) {
    ASSERT_THAT(stage.in_flight(), ElementsAre(1)) << attempt;
    stage.answer(1, ErrorClass::timeout, 0, true);
    stage.commit_all();
    stage.advance(60s);
    stage.take_up_due();
  }
  EXPECT_EQ(row(1).state, State::failed);
  EXPECT_EQ(row(1).outcome, Outcome::exhausted);
  EXPECT_EQ(row(1).attempts, 4);
}

TEST_F(BulkheadTest, OneBadObjectStopsOnlyItself) {  // hazard 24, invariant 7
  stage.start();
  stage.arrive(1, "poison");
  for (std::int64_t counter = 2; counter < 8; ++counter) stage.arrive(counter, std::to_string(counter));
  stage.turn();
  stage.answer(1, ErrorClass::unavailable, 500);
  for (std::int64_t counter = 2; counter < 8; ++counter) stage.answer(counter);
  stage.commit_all();
  for (std::int64_t counter = 2; counter < 8; ++counter) EXPECT_EQ(row(counter).outcome, Outcome::delivered);
  EXPECT_EQ(row(1).state, State::received);
}

TEST_F(BulkheadTest, WhatOpenedTheBreakerIsGivenBackAndRecordsGoOnInOrder) {  // hazard 24, invariant 8
  target().concurrency = 40;
  route().coalesce = false;
  stage.start();
  for (std::int64_t counter = 1; counter <= 12; ++counter) stage.arrive(counter, std::to_string(counter));
  for (std::int64_t counter = 13; counter <= 24; ++counter) stage.arrive(counter, std::to_string(counter - 12));
  stage.turn();
  for (std::int64_t counter = 1; counter <= 12; ++counter) {
    stage.answer(counter, ErrorClass::unavailable, 503);
    stage.commit_all();
  }
  for (std::int64_t counter = 1; counter <= 12; ++counter) EXPECT_EQ(row(counter).attempts, 0) << counter;
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  // Down for an hour: probes only, one at a time, nothing is spent.
  for (int i = 0; i < 60; ++i) {
    stage.advance(60s);
    stage.take_up_due();
    ASSERT_LE(stage.flying.size(), 1U);
    for (const auto counter : stage.in_flight()) stage.answer(counter, ErrorClass::network, 0);
    stage.commit_all();
  }
  for (const auto& [counter, row] : stage.rows) EXPECT_EQ(row.attempts, 0) << counter;
  // Back again.
  for (int i = 0; i < 40; ++i) {
    stage.advance(5s);
    stage.take_up_due();
    for (const auto counter : stage.in_flight()) stage.answer(counter);
    stage.commit_all();
  }
  EXPECT_EQ(stage.recoveries, 1) << "exhausted records are to be sent again";
  for (const auto& [counter, row] : stage.rows)
    EXPECT_EQ(row.outcome, Outcome::delivered) << counter << " " << row.description;
  for (const auto& [counter, row] : stage.rows) EXPECT_EQ(row.state, State::done) << counter << " " << row.description;
}

TEST_F(BulkheadTest, ConnectionFailuresCostNoAttempt) {
  stage.start();
  stage.arrive(1, "a");
  stage.turn();
  for (int i = 0; i < 20; ++i) {
    for (const auto counter : stage.in_flight()) stage.answer(counter, ErrorClass::network, 0);
    stage.commit_all();
    stage.advance(61s);
    stage.take_up_due();
  }
  EXPECT_EQ(row(1).attempts, 0);
  EXPECT_EQ(row(1).state, State::received);
  stage.advance(72h);
  for (const auto counter : stage.in_flight()) stage.answer(counter, ErrorClass::network, 0);
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::expired) << "no wait is without end";
}

TEST_F(BulkheadTest, RetryAfterHoldsTheWholeTargetFreeOfCharge) {
  stage.start();
  stage.arrive(1, "a");
  stage.turn();
  Answer busy;
  busy.counter = Counter{1};
  busy.error = ErrorClass::throttled;
  busy.status = 429;
  busy.retry_after = 30s;
  stage.give(busy);
  stage.arrive(2, "b");
  stage.advance(29s);
  stage.commit_all();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  stage.advance(1s);
  stage.turn();
  EXPECT_THAT(stage.in_flight(), ElementsAre(1, 2));
  EXPECT_EQ(row(1).attempts, 0);
}

TEST_F(BulkheadTest, ACreateGoesOutUnderADurablePendingIdentity) {
  with_identities();
  stage.start();
  stage.arrive(1, "a", create);
  stage.turn();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  stage.commit();
  EXPECT_TRUE(stage.identity.contains("a"));
  ASSERT_THAT(stage.in_flight(), ElementsAre(1));
  EXPECT_EQ(stage.flying[1].doubt, Doubt::none);
  Answer created;
  created.counter = Counter{1};
  created.remote_id = "R1";
  stage.give(created);
  stage.commit();
  EXPECT_EQ(stage.identity["a"], "R1");
  stage.arrive(2, "a");
  stage.turn();
  EXPECT_EQ(stage.flying[2].remote_id, "R1");
  EXPECT_EQ(stage.flying[2].operation, update);
}

TEST_F(BulkheadTest, AnUnansweredCreateIsLookedForTwiceBeforeItIsSentAgain) {  // hazard 23, invariant 3
  with_identities();
  route().rest.lookup = CallSettings{};
  stage.start();
  stage.arrive(1, "a", create);
  stage.commit_all();
  stage.answer(1, ErrorClass::timeout, 0, true, Doubt::may_exist);
  stage.commit_all();
  stage.advance(10s);
  stage.take_up_due();
  EXPECT_THAT(stage.in_flight(), IsEmpty()) << "the first request may still be running";
  stage.advance(30s);
  stage.take_up_due();
  ASSERT_THAT(stage.in_flight(), ElementsAre(1));
  EXPECT_EQ(stage.flying[1].doubt, Doubt::may_exist);
  stage.answer(1, ErrorClass::outcome_unknown, 404, true, Doubt::missing_once);
  stage.commit_all();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  stage.advance(15s);
  stage.take_up_due();
  ASSERT_THAT(stage.in_flight(), ElementsAre(1));
  EXPECT_EQ(stage.flying[1].doubt, Doubt::missing_once);
}

TEST_F(BulkheadTest, ARefusedOrUnreachedCreateLeavesNoDoubtBehind) {
  with_identities();
  stage.start();
  stage.arrive(1, "a", create);
  stage.arrive(2, "b", create);
  stage.commit_all();
  stage.answer(1, ErrorClass::rejected, 422);
  stage.answer(2, ErrorClass::unavailable, 503);
  stage.commit_all();
  EXPECT_EQ(row(1).state, State::failed);
  EXPECT_FALSE(stage.identity.contains("a"));
  EXPECT_FALSE(stage.identity.contains("b"));
  stage.arrive(3, "a");  // hazard 22: create rejected, then an update
  stage.advance(15s);
  stage.take_up_due();
  stage.commit_all();
  ASSERT_THAT(stage.in_flight(), ElementsAre(2, 3));
  EXPECT_EQ(stage.flying[3].operation, create);
  EXPECT_EQ(stage.flying[2].doubt, Doubt::none);
}

TEST_F(BulkheadTest, AnUnsettledAttemptForbidsUnchanged) {  // hazard 21
  route().needs_agreed = route().skip_unchanged = true;
  with_identities();
  stage.identity["a"] = "R1";
  stage.agreed["a"] = R"({"name": "x"})";
  stage.start();
  stage.arrive(1, "a");
  stage.commit_all();
  EXPECT_EQ(row(1).outcome, Outcome::unchanged);
  stage.arrive(2, "a", update, 0, R"({"name": "y"})");
  stage.commit_all();
  stage.answer(2, ErrorClass::timeout, 0, true);
  stage.commit_all();
  EXPECT_TRUE(stage.agreed_unsettled.contains("a"));
  stage.rows[2].state = State::failed;  // a person gives it up
  stage.rows[2].parked = false;
  stage.start();
  stage.arrive(3, "a");
  stage.commit_all();
  EXPECT_THAT(stage.in_flight(), ElementsAre(3)) << "they may have y";
}

TEST_F(BulkheadTest, RetryOfAnOvertakenRecordSendsNothingOld) {  // hazard 22, rule 11
  route().coalesce = false;
  stage.arrive(10, "a");
  stage.arrive(11, "a");
  stage.rows[11].state = State::done;
  stage.rows[10].parked = stage.rows[10].retried = true;
  stage.rows[10].due = stage.now.steady;
  stage.start();
  stage.take_up_due();
  stage.commit_all();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  EXPECT_EQ(row(10).outcome, Outcome::superseded);
  EXPECT_EQ(stage.followed, 1);
}

TEST_F(BulkheadTest, ChildrenWaitForTheirParentAndCyclesAreCompleted) {  // hazard 26
  FieldSettings field;
  field.column = "account_id";
  field.to = "AccountId";
  field.ref = "opportunity";
  route().fields = {field};
  route().needs_refs = true;
  stage.parents_missing = {"a", "b"};
  stage.start();
  stage.arrive(1, "a", create, 0, R"({"account_id": "b"})");
  stage.commit_all();
  EXPECT_EQ(row(1).reason, "parent");
  stage.arrive(2, "b", create, 0, R"({"account_id": "a"})");
  stage.turn();
  ASSERT_THAT(stage.in_flight(), ElementsAre(2));
  EXPECT_EQ(stage.flying[2].body, R"({"AccountId":null})");
  stage.answer(2);
  stage.commit();
  EXPECT_EQ(stage.followed, 1) << "completed by a `latest` record";
}

TEST_F(BulkheadTest, ADeleteWaitsForDeletesOfWhatMayReferToItButNotForEver) {
  FieldSettings field;
  field.column = "parent_id";
  field.to = "Parent";
  field.ref = "opportunity";
  RouteSettings& child = stage.add_route("line");
  child.fields = {field};
  stage.start();
  stage.arrive(1, "p", remove);
  stage.arrive(2, "c", remove, 1);
  stage.turn();
  EXPECT_THAT(stage.in_flight(), ElementsAre(2));
  stage.answer(2);
  stage.commit();
  stage.advance(50ms);
  stage.turn();
  EXPECT_THAT(stage.in_flight(), ElementsAre(1));
  stage.answer(1);
  stage.commit();
  stage.arrive(3, "q", remove);
  stage.arrive(4, "d", remove, 1);
  stage.turn();
  for (int i = 0; i < 101; ++i) {
    stage.advance(50ms);
    stage.turn();
  }
  EXPECT_THAT(stage.in_flight(), ElementsAre(3, 4));
}

TEST_F(BulkheadTest, AnAnswerToARecordThatAPersonHasSettledChangesNothing) {
  stage.start();
  stage.arrive(1, "a");
  stage.turn();
  stage.rows[1].state = State::done;
  stage.rows[1].outcome = Outcome::discarded;
  stage.answer(1);
  stage.commit();
  EXPECT_EQ(row(1).outcome, Outcome::discarded);
  EXPECT_EQ(stage.room->free(), stage.room->bytes());
  stage.arrive(2, "a");
  stage.turn();
  EXPECT_THAT(stage.in_flight(), ElementsAre(2)) << "the lane goes on";
}

TEST_F(BulkheadTest, ALaneGoesOnWhenTheRecordThatBlocksItIsSettledWhileItIsBeingParked) {
  route().coalesce = false;
  stage.start();
  stage.arrive(1, "a");
  stage.arrive(2, "a");
  stage.turn();
  stage.answer(1, ErrorClass::unavailable, 500);
  stage.rows[1].state = State::done;
  stage.commit_all();
  EXPECT_THAT(stage.in_flight(), ElementsAre(2));
}

TEST_F(BulkheadTest, ArrivalsThatMemoryHoldsAreIgnored) {
  stage.start();
  stage.arrive(1, "a");
  stage.arrive(1, "a");
  stage.turn();
  stage.answer(1);
  stage.commit();
  EXPECT_EQ(stage.room->free(), stage.room->bytes());
  EXPECT_THAT(stage.in_flight(), IsEmpty());
}

TEST_F(BulkheadTest, PausedTargetsWaitInMemoryAndPausedRoutesAreParked) {
  stage.start();
  stage.bulkhead->take(Pause{0, no_route, true}, stage.now);
  stage.arrive(1, "a");
  stage.turn();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  EXPECT_THAT(stage.writes, IsEmpty());
  stage.bulkhead->take(Pause{0, no_route, false}, stage.now);
  stage.turn();
  EXPECT_THAT(stage.in_flight(), ElementsAre(1));
  stage.bulkhead->take(Pause{0, 0, true}, stage.now);
  stage.arrive(2, "b");
  stage.commit_all();
  EXPECT_EQ(row(2).reason, "pause");
}

TEST_F(BulkheadTest, AnAttemptThatIsNotMadeLeavesNothingToLookFor) {
  for (const bool drops : {true, false}) {
    stage.arrive(1, "a");
    stage.start(true);
    stage.turn();
    ASSERT_EQ(stage.last_write(1)->kind, Settlement::Kind::intent);
    if (drops)
      stage.bulkhead->take(Drop{0}, stage.now);
    else
      stage.bulkhead->stop();
    EXPECT_EQ(stage.bulkhead->announcing(), 1) << "whoever stops has to wait for it";
    stage.commit();
    EXPECT_EQ(stage.bulkhead->announcing(), drops ? 1 : 0);
    EXPECT_THAT(stage.in_flight(), IsEmpty());
    ASSERT_FALSE(stage.writes.empty()) << "announced, and never sent";
    EXPECT_EQ(stage.last_write(1)->attempt->phase, Settlement::AttemptRow::Phase::closed);
    EXPECT_EQ(stage.quiets, 0);
    stage.commit();
    EXPECT_EQ(stage.quiets, drops ? 1 : 0);
    stage.quiets = 0;
    stage.rows.clear();
    stage.bulkhead.reset();
  }
}

TEST_F(BulkheadTest, DropEndsWhatIsInFlightThenForgetsAndSaysSo) {  // rule 13
  stage.start();
  stage.arrive(1, "a");
  stage.turn();
  stage.arrive(2, "b");
  stage.bulkhead->take(Drop{0}, stage.now);
  stage.turn();
  EXPECT_EQ(stage.quiets, 0);
  stage.answer(1);
  EXPECT_EQ(stage.quiets, 0) << "not settled yet";
  stage.commit();
  EXPECT_EQ(stage.quiets, 1);
  EXPECT_EQ(stage.room->free(), stage.room->bytes());
}

TEST_F(BulkheadTest, AStartInTheMiddleWaitsForAttemptsInFlight) {  // rule 13
  stage.start();
  stage.arrive(1, "a");
  stage.turn();
  stage.bulkhead->take(Start{}, stage.now);
  stage.arrive(1, "a");
  stage.arrive(2, "a");
  stage.turn();
  EXPECT_THAT(stage.in_flight(), ElementsAre(1));
  stage.answer(1);
  stage.commit_all();
  EXPECT_THAT(stage.in_flight(), ElementsAre(2)) << "1 is read again and found settled";
}

TEST_F(BulkheadTest, TheFloorStaysBelowWhatMemoryHolds) {
  stage.start();
  stage.arrive(5, "a");
  stage.arrive(6, "b");
  stage.bulkhead->take(Safe{0, Counter{9}}, stage.now);
  stage.turn();
  EXPECT_THAT(stage.floors, ElementsAre(4));
  stage.answer(5);
  stage.answer(6);
  stage.commit();
  EXPECT_THAT(stage.floors, ElementsAre(4)) << "at most once a second";
  stage.advance(1s);
  stage.turn();
  EXPECT_THAT(stage.floors, ElementsAre(4, 9));
}

TEST_F(BulkheadTest, ABatchHoldsOneRecordOfALane) {
  route().coalesce = false;
  stage.target.limit = 100;
  stage.start();
  for (std::int64_t counter = 1; counter <= 30; ++counter) stage.arrive(counter, std::to_string(counter % 10));
  stage.turn();
  EXPECT_THAT(stage.shipments, ElementsAre(10));
}

TEST_F(BulkheadTest, WhatIsInFlightForLongerThanAMomentIsNoted) {
  stage.start();
  stage.arrive(1, "a");
  stage.turn();
  stage.advance(1s);
  stage.turn();
  ASSERT_NE(stage.last_write(1), nullptr);
  EXPECT_EQ(stage.last_write(1)->kind, Settlement::Kind::note);
}

TEST_F(BulkheadTest, AStaleBodyIsReadAgain) {
  stage.start();
  stage.bulkhead->take(Pause{0, no_route, true}, stage.now);
  stage.arrive(1, "a");
  stage.advance(6s);
  stage.rows[1].state = State::done;  // discarded meanwhile
  stage.bulkhead->take(Pause{0, no_route, false}, stage.now);
  stage.turn();
  EXPECT_THAT(stage.in_flight(), IsEmpty());
  EXPECT_EQ(stage.room->free(), stage.room->bytes());
}

TEST_F(BulkheadTest, AStopMarksWhatWasTriedAndSendsNothingMore) {
  stage.start();
  stage.arrive(1, "a");
  stage.turn();
  stage.arrive(2, "b");
  stage.bulkhead->stop();
  stage.turn();
  EXPECT_THAT(stage.in_flight(), ElementsAre(1));
  stage.answer(1, ErrorClass::network, 0, true);
  ASSERT_NE(stage.last_write(1), nullptr);
  EXPECT_EQ(stage.last_write(1)->kind, Settlement::Kind::note);
  EXPECT_EQ(stage.last_write(2), nullptr) << "state 1: never attempted";
}

TEST_F(BulkheadTest, ARecordOfAnUnknownRouteFailsAlone) {
  stage.start();
  stage.add_route("unknown");
  stage.arrive(1, "a", update, 1);
  stage.commit_all();
  EXPECT_EQ(row(1).state, State::failed);
}

}  // namespace
}  // namespace tandem
