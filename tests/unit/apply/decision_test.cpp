#include "apply/decision.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apply/lane_line.hpp"

namespace tandem {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Then = Step::Then;

class Decision : public ::testing::Test {
 protected:
  Decision() {
    source.name = "there";
    source.notification.operation = "/op";
    route.target = "there";
    route.request_type = "account";
    route.apply = ApplySettings{};
    route.fields.emplace_back().to = "Name";
    record.source = &source;
    record.request_type = "account";
    record.operation = "update";
    record.remote_id = "A1";
    record.body = R"({"Name":"theirs","Other":1})";
  }
  Meeting meeting() { return {route, record, lane, true, row.empty() ? nullptr : &row, &theirs, &agreed, &key, false}; }

  SourceSettings source;
  RouteSettings route;
  InboxRecord record;
  LaneFacts lane;
  Columns row{{"id", "7"}, {"name", R"("ours")"}}, theirs{{"name", R"("theirs")"}}, agreed{{"name", R"("ours")"}};
  std::vector<std::string> key{"id"};
};

TEST_F(Decision, APairThatHasEndedMakesItStaleAndAnUnansweredCreateIsWaitedFor) {
  EXPECT_EQ(meet(route, record, {false, "", true, true}).outcome, Outcome::stale);
  const Step waits = meet(route, record, {false, "", false, true});
  EXPECT_EQ(waits.then, Then::park);
  EXPECT_EQ(waits.reason, Waits::outcome);
  record.age = route.max_wait;
  EXPECT_EQ(meet(route, record, {false, "", false, true}).then, Then::go_on) << "not for ever";
  EXPECT_EQ(meet(route, record, {true, "A1", false, false}).then, Then::go_on);
  EXPECT_EQ(meet(route, record, {true, "A2", false, false}).outcome, Outcome::conflict);
}

TEST_F(Decision, AnOperationThatTheRouteDoesNotApplyIsFiltered) {
  route.apply->operations = {"create"};
  EXPECT_EQ(meet(route, record, {true, "A1", false, false}).outcome, Outcome::filtered);
}

TEST_F(Decision, AnUpdateOfAnUnknownObjectWaitsAndThenExpiresWhereOperationsAreTold) {
  EXPECT_EQ(place(route, record, false).reason, Waits::object);
  record.age = route.max_wait;
  EXPECT_EQ(place(route, record, false).outcome, Outcome::expired);
  source.notification.operation.clear();
  EXPECT_EQ(place(route, record, false).then, Then::insert) << "whoever tells no operation may mean a create";
  record.operation = "delete";
  EXPECT_TRUE(place(route, record, false).unpair) << "what comes late for it is known as such";
}

TEST_F(Decision, AnUpdateOfAnUnknownObjectIsFetchedWhereItsRouteCanAndIsThenWhole) {
  route.rest.fetch.emplace();
  EXPECT_EQ(place(route, record, false).reason, Waits::object) << "its create may be on its way";
  record.age = std::chrono::seconds(30);
  EXPECT_EQ(place(route, record, false).reason, Waits::fetch);
  record.fetched = true;
  EXPECT_EQ(place(route, record, false).then, Then::insert);
  record.fetched = false;
  record.age = route.max_wait = std::chrono::seconds(1);
  EXPECT_EQ(place(route, record, false).reason, Waits::fetch) << "rather than to expire";
}

TEST_F(Decision, ARowThatTheCrmHoldsIsWaitedForWithoutSpendingAnAttempt) {
  record.attempts = 2;
  const Step step = wait_for_row(route, record);
  EXPECT_EQ(step.then, Then::park);
  EXPECT_EQ(step.attempts, 2);
  record.age = route.max_wait;
  EXPECT_EQ(wait_for_row(route, record).then, Step::Then::park) << "however old it is when it first meets the row";
  record.parked = true;
  EXPECT_EQ(wait_for_row(route, record).outcome, Outcome::expired) << "no wait is without end";
}

TEST_F(Decision, TheLogIsWaitedForAsLongAsItHasBeenWaitedForHoweverOldTheRecordIs) {
  record.age = 2 * route.max_wait;
  record.parked = true;
  const Step first = wait_for_log(route, record, std::chrono::milliseconds(0), {"0/10", "7"});
  EXPECT_EQ(first.then, Then::park);
  EXPECT_EQ(first.reason, Waits::log);
  EXPECT_EQ(first.wait, std::chrono::milliseconds(30));
  EXPECT_EQ(first.seen.place, "0/10");
  EXPECT_EQ(wait_for_log(route, record, route.max_wait, {}).outcome, Outcome::expired) << "no wait is without end";
}

TEST_F(Decision, AnObjectThatTheyHaveDeletedLivesAgainWhereTheirOrderOrAVersionSaysSo) {
  PairFacts pair;
  pair.deleted = true;
  record.operation = "create";
  record.version = "4";
  record.body = R"({"Name":"again"})";
  EXPECT_EQ(meet(route, record, pair).outcome, Outcome::stale) << "what we have deleted stays deleted";
  pair.deleted_there = true;
  EXPECT_EQ(meet(route, record, pair).outcome, Outcome::stale) << "a webhook's order is not theirs";
  pair.deleted_version = "4";
  EXPECT_EQ(meet(route, record, pair).outcome, Outcome::stale) << "it came late";
  pair.deleted_version = "3";
  EXPECT_EQ(meet(route, record, pair).then, Step::Then::go_on);
  pair.deleted_version = "";
  record.fetched = true;
  EXPECT_EQ(meet(route, record, pair).then, Step::Then::go_on);
  record.fetched = false;
  SourceSettings topic = *record.source;
  topic.topics.emplace();
  record.source = &topic;
  EXPECT_EQ(meet(route, record, pair).then, Step::Then::go_on);
}

TEST_F(Decision, TheirChangeIsTakenAndBecomesTheAgreedImage) {
  lane.image = R"({"Name":"ours"})";
  const Step step = write_over(meeting());
  EXPECT_EQ(step.then, Then::update);
  EXPECT_THAT(step.take, ElementsAre("name"));
  EXPECT_EQ(step.agree->image, R"({"Name":"theirs"})") << "fields of the route alone";
  EXPECT_FALSE(step.follow);
  EXPECT_FALSE(step.conflict);
}

TEST_F(Decision, NothingIsDoneWhileAnAttemptOfOursIsUnderWay) {
  lane.in_flight = true;
  EXPECT_EQ(write_over(meeting()).reason, Waits::lane);
  EXPECT_EQ(tandem::remove(meeting()).reason, Waits::lane);
}

TEST_F(Decision, ANoticeThatHadNotSeenOurWriteIsAConflictAndOursGoesBack) {
  lane.version = "1";
  lane.written = "3";
  record.version = "2";
  const Step step = write_over(meeting());
  ASSERT_TRUE(step.conflict);
  EXPECT_THAT(step.conflict->fields, ElementsAre("name"));
  EXPECT_THAT(step.take, IsEmpty());
  EXPECT_TRUE(step.follow);
  EXPECT_TRUE(step.agree->unsettled);
  record.version = "1";
  EXPECT_EQ(write_over(meeting()).outcome, Outcome::stale);
}

TEST_F(Decision, WhatIsLeftToAPersonChangesNothing) {
  route.apply->conflict = ConflictPolicy::manual;
  agreed.insert_or_assign("name", R"("before")");
  const Step step = write_over(meeting());
  EXPECT_EQ(step.then, Then::settle);
  EXPECT_EQ(step.outcome, Outcome::conflict);
  EXPECT_FALSE(step.agree);
  EXPECT_EQ(step.conflict->policy, ConflictPolicy::manual);
  lane.forced = true;  // he has decided for theirs
  EXPECT_EQ(write_over(meeting()).then, Then::update);
  EXPECT_TRUE(write_over(meeting()).resolved);
}

TEST_F(Decision, AFieldOfItsOwnPolicyIsDecidedByItself) {
  agreed.insert_or_assign("name", R"("before")");
  route.apply->by_field["name"] = ConflictPolicy::theirs;
  const Step step = write_over(meeting());
  EXPECT_EQ(step.then, Then::update);
  EXPECT_THAT(step.take, ElementsAre("name"));
  EXPECT_TRUE(step.conflict) << "it is kept all the same";
}

TEST_F(Decision, DeletedHereAndChangedThereIsDecidedByThePolicy) {
  row.clear();
  EXPECT_EQ(write_over(meeting()).outcome, Outcome::superseded);
  route.apply->conflict = ConflictPolicy::theirs;
  EXPECT_EQ(write_over(meeting()).then, Then::insert);
  route.apply->conflict = ConflictPolicy::manual;
  EXPECT_EQ(write_over(meeting()).outcome, Outcome::conflict);
}

TEST_F(Decision, TheirDeleteOfWhatWeHaveChanged) {
  EXPECT_EQ(tandem::remove(meeting()).then, Then::erase);
  lane.waiting = true;
  EXPECT_EQ(tandem::remove(meeting()).then, Then::erase);
  EXPECT_TRUE(tandem::remove(meeting()).conflict);
  route.apply->conflict = ConflictPolicy::ours;
  EXPECT_TRUE(tandem::remove(meeting()).follow) << "it is created there anew";
  route.apply->conflict = ConflictPolicy::manual;
  EXPECT_FALSE(tandem::remove(meeting()).unpair);
  row.clear();
  EXPECT_EQ(tandem::remove(meeting()).outcome, Outcome::unchanged);
}

TEST_F(Decision, WhatTheCrmsTriggersMadeOfItGoesBack) {
  Step step;
  step.then = Then::update;
  step.take = {"name"};
  EXPECT_FALSE(end_write(step, route, row, {{"name", R"("theirs")"}}, theirs).follow);
  EXPECT_TRUE(end_write(step, route, row, {{"name", R"("THEIRS")"}}, theirs).follow);
  step.take.clear();
  EXPECT_FALSE(end_write(step, route, row, {{"name", R"("ours")"}}, theirs).follow) << "a field that was not taken";
  EXPECT_TRUE(end_write(step, route, row, {{"name", R"("a trigger's")"}}, theirs).follow) << "nor was this";
  step.take = {"name"};
  row.emplace("stamp", "1");
  const Columns stamped{{"name", R"("theirs")"}, {"stamp", "2"}};
  EXPECT_FALSE(end_write(step, route, row, stamped, theirs).follow) << "a column that does not travel";
  route.fields.emplace_back().column = "stamp";
  EXPECT_TRUE(end_write(step, route, row, stamped, theirs).follow);
  step.then = Then::insert;
  EXPECT_TRUE(end_write(step, route, {}, {{"id", "7"}}, theirs).follow);
}

TEST_F(Decision, TheDatabasesWordsAgainstTheRecordRejectItAndItsOwnTroublesAreTriedAgain) {
  const RetrySettings retry{2, std::chrono::milliseconds(100), 2.0, 0.1, std::chrono::hours(1)};
  Error error;
  error.message = "violates check constraint";
  error.sqlstate = "23514";
  EXPECT_EQ(after_error(retry, nullptr, record, error).outcome, Outcome::rejected);
  EXPECT_EQ(after_error(retry, nullptr, record, error).description, "violates check constraint");
  error.sqlstate = "55P03";
  EXPECT_EQ(after_error(retry, nullptr, record, error).error_code, "lock");
  record.attempts = 1;
  EXPECT_EQ(after_error(retry, nullptr, record, error).wait, std::chrono::milliseconds(200));
  EXPECT_EQ(after_error(retry, nullptr, record, error).attempts, 2);
  record.attempts = 2;
  EXPECT_EQ(after_error(retry, nullptr, record, error).outcome, Outcome::exhausted);
  EXPECT_EQ(after_error(retry, &route, record, error).then, Step::Then::park) << "what the CRM holds costs no attempt";
  EXPECT_EQ(after_error(retry, &route, record, error).attempts, 2);
}

TEST_F(Decision, BehindAParkedRecordEverythingWaitsAndACreatePassesOnlyWhatWaitsForIt) {
  LaneLine line;
  EXPECT_FALSE(line.holds(record));
  line.parked(record, Waits::object);
  EXPECT_TRUE(line.holds(record));
  record.operation = "create";
  EXPECT_FALSE(line.holds(record)) << "it is what the update waits for";
  for (const auto reason : {Waits::lane, Waits::outcome, Waits::parent, Waits::retry}) {
    line.parked(record, reason);
    EXPECT_TRUE(line.holds(record)) << word(reason);
  }
  record.remote_id = "A2";
  EXPECT_FALSE(line.holds(record));
}

}  // namespace
}  // namespace tandem
