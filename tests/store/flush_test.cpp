#include "store/flush.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "outbox_scene.hpp"
#include "store/bodies.hpp"
#include "store/start.hpp"
#include "store/window.hpp"

namespace tandem {
namespace {

using test_support::OutboxScene;
using test_support::Sql;

class Flush : public ::testing::Test {
 protected:
  std::vector<Record> read(TargetIndex target = 0) {
    auto window = store::read_window(session, table, {{true, true}, Counter{0}, std::nullopt, {}, 1000});
    EXPECT_TRUE(window) << window.error().message;
    return window ? window->records[target] : std::vector<Record>();
  }
  static Settlement settlement(const Record& record, Outcome outcome = Outcome::delivered) {
    Settlement s;
    s.counter = record.counter;
    s.record_id = record.record_id;
    s.xid = record.xid;
    s.lane = record.lane;
    s.route = record.route;
    s.object_id = record.object_id;
    s.outcome = outcome;
    s.attempts = 1;
    s.answer_status = 200;
    s.duration = std::chrono::microseconds{1500};
    return s;
  }
  store::Flushed flush(std::vector<Settlement> settlements) {
    auto flushed = store::write_flush(session, fence, settlements);
    EXPECT_TRUE(flushed) << flushed.error().message;
    return flushed ? *flushed : store::Flushed{};
  }
  std::string row(Counter counter, const std::string& columns) {
    return scene.admin->text("select (" + columns +
                             ")::text from tandem.outbox where counter = " + std::to_string(counter.value));
  }

  static void SetUpTestSuite() { shared.emplace(); }
  static void TearDownTestSuite() { shared.reset(); }
  static OutboxScene& cleared() {
    shared->clear();
    return *shared;
  }

  inline static std::optional<OutboxScene> shared;
  OutboxScene& scene = cleared();
  store::Tenure tenure = scene.take_over();
  store::Fence fence = scene.fence(tenure);
  store::RouteTable table{scene.settings};
  postgres::Connection session = scene.session();
};

TEST_F(Flush, ADeliveredRecordIsWrittenOnceWithBothTimes) {
  scene.insert("1");
  const auto records = read();
  ASSERT_EQ(records.size(), 1u);
  const auto flushed = flush({settlement(records[0])});
  EXPECT_EQ(flushed.settled.size(), 1u);
  EXPECT_GT(flushed.drawn.value, records[0].xid.value);
  EXPECT_EQ(row(records[0].counter, "request_state, outcome, attempts, answer_status, duration"),
            "(3,delivered,1,200,00:00:00.0015)");
  EXPECT_EQ(row(records[0].counter, "date_time_update - date_time_received"), "00:00:00.0015");
  EXPECT_TRUE(read().empty());
}

TEST_F(Flush, AFailedRecordIsListedWithItsAttemptAndItsWordsMadePrintable) {
  scene.insert("1");
  const auto record = read().at(0);
  auto s = settlement(record, Outcome::rejected);
  s.error = ErrorClass::rejected;
  s.description = std::string("no stage \"Perdu\" \xff for order 4711\0!", 35);
  s.need_retry = true;
  s.answer_status = 422;
  s.attempt = Settlement::AttemptRow{std::chrono::system_clock::now(), true, 1, Settlement::AttemptRow::Phase::whole};
  EXPECT_EQ(flush({s}).settled.size(), 1u);
  EXPECT_EQ(row(record.counter, "request_state, outcome, error_code, need_retry"), "(4,rejected,rejected,t)");
  EXPECT_EQ(scene.admin->text("select fingerprint from tandem.failed"),
            "no stage # \xEF\xBF\xBD for order #\xEF\xBF\xBD!");
  EXPECT_EQ(scene.admin->text("select (attempt, counted, error_code, answer_status, epoch)::text from tandem.attempt"),
            "(1,t,rejected,422,1)");
}

TEST_F(Flush, IdentitiesAndAgreedImagesAreWrittenWithTheOutcome) {
  scene.insert("1");
  const auto record = read().at(0);
  auto pending = settlement(record);
  pending.kind = Settlement::Kind::intent;
  pending.identity = Settlement::IdentityWrite::pending;
  flush({pending});
  EXPECT_EQ(scene.admin->text("select (object_id, remote_id, state)::text from tandem.identity"), "(1,,pending)");
  EXPECT_EQ(row(record.counter, "request_state, outcome"), "(2,)");

  auto paired = settlement(record);
  paired.identity = Settlement::IdentityWrite::paired;
  paired.remote_id = "R-1";
  paired.version = "7";
  paired.agreed = Settlement::AgreedWrite::image;
  paired.agreed_image = R"({"amount": 1.10})";
  flush({paired});
  EXPECT_EQ(scene.admin->text("select (object_id, remote_id, state, version)::text from tandem.identity"),
            "(1,R-1,paired,7)");
  EXPECT_EQ(scene.admin->text("select (image::text, unsettled, counter)::text from tandem.agreed"),
            "(\"{\"\"amount\"\": 1.10}\",f," + std::to_string(record.counter.value) + ")");
  EXPECT_EQ(row(record.counter, "request_state, outcome"), "(3,delivered)");

  scene.insert("1");
  auto removed = settlement(read().at(0));
  removed.identity = Settlement::IdentityWrite::removed;
  removed.agreed = Settlement::AgreedWrite::removed;
  flush({removed});
  EXPECT_EQ(scene.admin->text("select state from tandem.identity"), "deleted");
  EXPECT_EQ(scene.admin->number("select count(*) from tandem.agreed"), 0);
}

TEST_F(Flush, ARemoteIdBelongsToOneObject) {
  scene.insert("1");
  scene.insert("2");
  auto records = read();
  auto first = settlement(records.at(0)), second = settlement(records.at(1));
  first.identity = second.identity = Settlement::IdentityWrite::paired;
  first.remote_id = second.remote_id = "R-1";
  flush({first});
  const auto refused = store::write_flush(session, fence, std::span(&second, 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sqlstate, "23505");
  EXPECT_EQ(row(records[1].counter, "request_state"), "1");
}

TEST_F(Flush, AParkedRecordIsPassedOverByWindowsAndTakenUpOnce) {
  scene.insert("1");
  const auto record = read().at(0);
  auto park = settlement(record);
  park.kind = Settlement::Kind::park;
  park.park_reason = "retry";
  park.due_in = std::chrono::milliseconds{0};
  park.error = ErrorClass::timeout;
  park.description = "no answer";
  EXPECT_EQ(flush({park}).settled.size(), 1u);
  EXPECT_EQ(row(record.counter, "request_state, error_code, attempts"), "(2,timeout,1)");
  EXPECT_TRUE(read().empty());

  auto taken = store::take_up(session, table, fence, {true, true});
  ASSERT_TRUE(taken) << taken.error().message;
  ASSERT_EQ(taken->size(), 1u);
  EXPECT_EQ(taken->at(0).lane, record.lane);
  EXPECT_EQ(taken->at(0).records.at(0).record.counter, record.counter);
  EXPECT_TRUE(taken->at(0).records.at(0).record.body_left_out);
  EXPECT_EQ(store::take_up(session, table, fence, {true, true})->size(), 0u);
  EXPECT_TRUE(read().empty()) << "it stays parked until it is settled";

  auto blocked = store::release_parked(session, table, fence);
  ASSERT_TRUE(blocked) << blocked.error().message;
  ASSERT_EQ(blocked->size(), 1u);
  EXPECT_EQ(store::take_up(session, table, fence, {true, true})->size(), 1u)
      << "a start releases what an earlier one had taken up";

  flush({settlement(record)});
  EXPECT_EQ(scene.admin->number("select count(*) from tandem.parked"), 0);
}

TEST_F(Flush, ATakeUpBringsTheWholeLane) {
  scene.insert("1");
  scene.insert("1");
  scene.insert("2");
  auto records = read();
  std::vector<Settlement> parks;
  for (const auto& record : records) {
    auto park = settlement(record);
    park.kind = Settlement::Kind::park;
    park.park_reason = std::string(park_reason_lane);
    parks.push_back(park);
  }
  parks[0].park_reason = "retry";
  parks[0].due_in = std::chrono::milliseconds{0};
  flush(parks);
  auto taken = store::take_up(session, table, fence, {true, true});
  ASSERT_EQ(taken->size(), 2u) << "nothing parked stands before object 2";
  EXPECT_EQ(taken->at(0).records.size(), 2u);
  ASSERT_TRUE(store::release_parked(session, table, fence));
  EXPECT_EQ(store::take_up(session, table, fence, {true, true})->size(), 2u);
}

TEST_F(Flush, AFollowerThatNothingParkedStandsBeforeIsDueAtOnce) {
  scene.insert("1");
  auto park = settlement(read().at(0));
  park.kind = Settlement::Kind::park;
  park.park_reason = std::string(park_reason_lane);
  flush({park});
  EXPECT_EQ(store::take_up(session, table, fence, {true, true})->size(), 1u);
}

TEST_F(Flush, WhatWaitsForSomethingThatIsOverIsReleased) {
  scene.insert("1");
  scene.insert("1");
  const auto records = read();
  std::vector<Settlement> parks;
  for (const auto& record : records) {
    parks.push_back(settlement(record));
    parks.back().kind = Settlement::Kind::park;
    parks.back().park_reason = std::string(park_reason_lane);
  }
  parks[0].park_reason = "retry";
  parks[0].due_in = std::chrono::hours{1};
  flush(parks);
  ASSERT_TRUE(store::release_orphans(session, table, fence));
  EXPECT_EQ(store::take_up(session, table, fence, {true, true})->size(), 0u) << "it waits for the first one";
  scene.admin->run("delete from tandem.parked where reason = 'retry'");
  ASSERT_TRUE(store::release_orphans(session, table, fence));
  EXPECT_EQ(store::take_up(session, table, fence, {true, true})->size(), 1u);
}

TEST_F(Flush, APauseThatIsOverDoesNotPark) {
  scene.insert("1");
  scene.insert("2");
  scene.admin->run(
      "insert into tandem.target (target, definition) values ('alpha', '{}');"
      "insert into tandem.watch (watch, relation, table_name, key_columns, definition) "
      "values ('account', 0, 'account', '{id}', '{}');"
      "insert into tandem.route (target, request_type, watch, definition) values ('alpha', 'account', 'account', "
      "'{}')");
  const auto records = read();
  auto park = settlement(records.at(0));
  park.kind = Settlement::Kind::park;
  park.park_reason = "pause";
  flush({park});
  EXPECT_EQ(store::take_up(session, table, fence, {true, true})->size(), 1u) << "resumed before it was parked";
  scene.admin->run("update tandem.route set paused = true");
  auto second = park;
  second.counter = records.at(1).counter;
  second.record_id = records.at(1).record_id;
  flush({second});
  EXPECT_EQ(store::take_up(session, table, fence, {true, true})->size(), 0u);
  scene.admin->run("update tandem.route set paused = false");
  ASSERT_EQ(store::wake_resumed(session, table, fence, 10), 1u);
  EXPECT_EQ(store::take_up(session, table, fence, {true, true})->size(), 1u) << "or while it was";
}

TEST_F(Flush, AResumedRouteIsWokenStepByStepAndAPausedOneIsNot) {
  scene.admin->run(
      "insert into tandem.target (target, definition) values ('alpha', '{}');"
      "insert into tandem.watch (watch, relation, table_name, key_columns, definition) "
      "values ('account', 0, 'account', '{id}', '{}');"
      "insert into tandem.route (target, request_type, watch, definition, paused) "
      "values ('alpha', 'account', 'account', '{}', true);"
      "insert into tandem.parked (counter, peer, request_type, object_id, reason, due) "
      "select i, 'alpha', 'account', i, 'pause', 'infinity' from generate_series(1, 25) i");
  EXPECT_EQ(*store::wake_resumed(session, table, fence, 10), 0u);
  EXPECT_EQ(scene.admin->text("select tandem.resume('alpha', 'account')::text"), "true");
  for (const auto woken : {10u, 10u, 5u, 0u}) EXPECT_EQ(*store::wake_resumed(session, table, fence, 10), woken);
  EXPECT_EQ(scene.admin->number("select count(*) from tandem.parked where due <= clock_timestamp()"), 25);
}

TEST_F(Flush, TakingUpLooksAtTheLanesThatAreDueAndNotAtAllThatIsParked) {
  scene.admin->run(
      "insert into tandem.outbox (object_id, request_type, operation, target, request_state) "
      "select i, 'account', 'update', 'alpha', 2 from generate_series(1, 100000) i;"
      "insert into tandem.parked (counter, peer, request_type, object_id, reason) "
      "select counter, target, request_type, object_id, 'pause' from tandem.outbox;"
      "analyze tandem.parked, tandem.outbox");
  ASSERT_TRUE(session.script("begin"));
  const auto taken = store::take_up(session, table, fence, {true, true});
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(taken->size(), store::most_taken_up);
  const auto fetched = session.run("select pg_stat_get_xact_tuples_fetched('tandem.parked'::regclass)");
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_LT(fetched->number(0, 0), 5'000) << "rows of tandem.parked";
  ASSERT_TRUE(session.script("rollback"));
}

TEST_F(Flush, AnAttemptsErrorIsNotCapturesNorTakesItAway) {
  scene.insert("1");
  scene.insert("2", "alpha", "account", "null");
  scene.admin->run(
      "update tandem.outbox set error_code = 'mapping', description = 'when: division by zero' "
      "where object_id = '2'");
  std::vector<Settlement> parks;
  for (const auto& record : read()) {
    parks.push_back(settlement(record));
    parks.back().kind = Settlement::Kind::park;
    parks.back().park_reason = "retry";
    parks.back().due_in = std::chrono::milliseconds{0};
  }
  parks[0].error = ErrorClass::mapping;
  parks[0].description = "another server's words";
  flush(parks);
  auto taken = store::take_up(session, table, fence, {true, true});
  ASSERT_EQ(taken->size(), 2u);
  EXPECT_EQ(taken->at(0).records.at(0).record.capture_error, ErrorClass::none);
  EXPECT_EQ(taken->at(1).records.at(0).record.capture_error, ErrorClass::mapping);
  EXPECT_EQ(taken->at(1).records.at(0).record.description, "when: division by zero");
}

TEST_F(Flush, OnlyTheWaitForAParentIsCounted) {
  scene.insert("child", "alpha", "contact");
  auto park = settlement(read().at(0));
  park.kind = Settlement::Kind::park;
  park.park_reason = "retry";
  park.due_in = std::chrono::milliseconds{0};
  const auto waited = [&] {
    flush({park});
    scene.admin->run("update tandem.parked set since = since - interval '1 hour', due = now()");
    return store::take_up(session, table, fence, {true, true})->at(0).records.at(0).waited;
  };
  EXPECT_EQ(waited(), std::chrono::milliseconds{0});
  park.park_reason = "parent";
  park.parent_type = "account";
  park.parent_object_id = "parent";
  EXPECT_LT(waited(), std::chrono::minutes{61});
  EXPECT_GE(waited(), std::chrono::minutes{120});
}

TEST_F(Flush, AChildWakesWhenItsParentGetsAnIdentity) {
  scene.insert("parent");
  scene.insert("child", "alpha", "contact");
  auto records = read();
  auto park = settlement(records.at(1));
  park.kind = Settlement::Kind::park;
  park.park_reason = "parent";
  park.parent_type = "account";
  park.parent_object_id = "parent";
  flush({park});
  EXPECT_EQ(store::take_up(session, table, fence, {true, true})->size(), 0u);
  auto parent = settlement(records.at(0));
  parent.identity = Settlement::IdentityWrite::paired;
  parent.remote_id = "R-1";
  EXPECT_EQ(flush({parent}).woken, std::vector<std::string>{"alpha"});
  EXPECT_EQ(store::take_up(session, table, fence, {true, true})->size(), 1u);
}

TEST_F(Flush, AChildThatParksBesideItsParentsIdentityDoesNotSleep) {
  scene.insert("parent");
  scene.insert("child", "alpha", "contact");
  auto records = read();
  auto park = settlement(records.at(1));
  park.kind = Settlement::Kind::park;
  park.park_reason = "parent";
  park.parent_type = "account";
  park.parent_object_id = "parent";
  auto parent = settlement(records.at(0));
  parent.identity = Settlement::IdentityWrite::paired;
  parent.remote_id = "R-1";
  flush({park, parent});
  EXPECT_EQ(store::take_up(session, table, fence, {true, true})->size(), 1u);
}

TEST_F(Flush, AParentThatNobodyHasWrittenOfGetsARecordOnce) {
  scene.insert("child", "alpha", "contact");
  auto park = settlement(read().at(0));
  park.kind = Settlement::Kind::park;
  park.park_reason = "parent";
  park.parent_type = "account";
  park.parent_object_id = "parent";
  park.ensure_parent = true;
  flush({park});
  flush({park});
  EXPECT_EQ(scene.admin->number("select count(*) from tandem.outbox where object_id = 'parent' and body is null"), 1);
}

TEST_F(Flush, ADeliveredRecordSupersedesFailedOnesOfItsObject) {
  scene.insert("1");
  scene.insert("1");
  scene.insert("2");
  auto records = read();
  auto failed = settlement(records.at(0), Outcome::rejected), other = settlement(records.at(2), Outcome::rejected);
  flush({failed, other});
  auto next = settlement(records.at(1));
  next.supersedes_failed = true;
  flush({next});
  EXPECT_EQ(row(records[0].counter, "request_state, outcome"), "(3,superseded)");
  EXPECT_EQ(row(records[2].counter, "request_state, outcome"), "(4,rejected)");
  EXPECT_EQ(scene.admin->number("select count(*) from tandem.failed"), 1);
}

TEST_F(Flush, CallsFollowTheirCauseOnceHoweverOftenItIsWritten) {
  scene.insert("1");
  scene.insert("2");
  const auto records = read();
  auto first = settlement(records[0]), second = settlement(records[1]);
  first.calls = R"([{"do": "start"}, {"do": "tell"}])";
  second.calls = R"([{"do": "start"}])";
  second.outcome = Outcome::delivered;
  flush({first, second});
  const auto repeated = flush({first, second});  // the answer to the first flush was lost
  EXPECT_EQ(repeated.missing.size(), 2u);
  EXPECT_EQ(
      scene.admin->text(
          "select string_agg(object_id || ' ' || (body ->> 'do'), ', ' order by counter) from tandem.outbox where "
          "operation = 'call' and request_state = 1"),
      "1 start, 1 tell, 2 start");
  EXPECT_EQ(
      scene.admin->number("select count(*) from tandem.outbox c join tandem.outbox o on o.record_id::text = c.body ->> "
                          "'caused_by' and o.object_id = c.object_id and o.counter < c.counter"),
      3);
}

TEST_F(Flush, AFailedCallIsNotMadeUpForByALaterChange) {
  scene.insert("1");
  scene.admin->run("update tandem.outbox set operation = 'call'");
  flush({settlement(read()[0], Outcome::rejected)});
  scene.insert("1");
  auto later = settlement(read()[0]);
  later.supersedes_failed = true;
  flush({later});
  EXPECT_EQ(scene.admin->text("select outcome from tandem.outbox where operation = 'call'"), "rejected");
  EXPECT_EQ(scene.admin->number("select count(*) from tandem.failed"), 1);
}

TEST_F(Flush, WhatASourceHasSaidIsForgottenWithItsRecordAlone) {
  scene.insert("1");
  scene.insert("2");
  const auto records = read();
  scene.admin->run(
      "insert into tandem.confirmation (counter, record_id, source) select counter, record_id, 'theirs' from "
      "tandem.outbox");
  auto parked = settlement(records[1]);
  parked.kind = Settlement::Kind::park;
  parked.park_reason = park_reason_confirmation;
  parked.due_in = std::chrono::minutes{5};
  auto done = settlement(records[0]);
  done.confirmed = true;
  flush({done, parked});
  EXPECT_EQ(scene.admin->text("select string_agg(counter::text, ' ') from tandem.confirmation"),
            std::to_string(records[1].counter.value));
  EXPECT_EQ(scene.admin->text("select due <= now() from tandem.parked"), "t") << "it had come before the parking";
}

TEST_F(Flush, WhatIsConfirmedWhileItIsParkedIsWokenAndNothingElse) {
  scene.insert("1");
  scene.insert("2");
  std::vector<Settlement> parked;
  for (const auto& record : read()) {
    parked.push_back(settlement(record));
    parked.back().kind = Settlement::Kind::park;
    parked.back().park_reason = park_reason_confirmation;
    parked.back().due_in = std::chrono::minutes{5};
  }
  flush(parked);
  EXPECT_EQ(store::wake_confirmed(session, table, fence), 0u);
  scene.admin->run(
      "insert into tandem.confirmation (counter, record_id, source) select counter, record_id, 'theirs' from "
      "tandem.outbox where object_id = '2'");
  EXPECT_EQ(store::wake_confirmed(session, table, fence), 1u);
  EXPECT_EQ(store::wake_confirmed(session, table, fence), 0u);
  const auto lanes = store::take_up(session, table, fence, {true, true});
  ASSERT_EQ(lanes->size(), 1u);
  EXPECT_EQ((*lanes)[0].records[0].record.object_id, "2");
  EXPECT_EQ((*lanes)[0].records[0].reason, "confirmation");
}

TEST_F(Flush, TheCrmsRowIsToBeToldWhereItsRouteAsks) {
  scene.insert("1");
  scene.insert("2");
  const auto records = read();
  auto told = settlement(records[0]);
  told.write_back = true;
  flush({told, settlement(records[1])});
  EXPECT_EQ(scene.admin->text(
                "select string_agg(concat_ws(' ', target, request_type, object_id), ', ') from tandem.write_back"),
            "alpha account 1");
}

TEST_F(Flush, ACarefulAttemptIsOpenedBeforeAndClosedAfter) {
  scene.insert("1");
  const auto record = read().at(0);
  auto intent = settlement(record);
  intent.kind = Settlement::Kind::intent;
  intent.attempt =
      Settlement::AttemptRow{std::chrono::system_clock::now(), true, 1, Settlement::AttemptRow::Phase::opened};
  flush({intent});
  store::BodyReader bodies(scene.settings);
  ASSERT_TRUE(bodies.prepare(session));
  const std::vector<WantedBody> wanted{{record.counter, record.record_id, record.route, record.object_id, record.xid}};
  auto found = bodies.read(session, fence, 0, wanted, 1 << 26);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->at(0).unanswered, 1);
  EXPECT_EQ(found->at(0).body, R"({"n": 1})");
  auto answer = settlement(record);
  answer.attempt = intent.attempt;
  answer.attempt->phase = Settlement::AttemptRow::Phase::closed;
  flush({answer});
  EXPECT_EQ(scene.admin->text("select count(*) || ' ' || count(duration) from tandem.attempt"), "1 1");
}

TEST_F(Flush, AnOlderEpochWritesNothing) {
  scene.insert("1");
  const auto record = read().at(0);
  const auto newer = scene.take_over();
  EXPECT_EQ(newer.epoch.value, tenure.epoch.value + 1);
  EXPECT_TRUE(newer.unclean);
  for (const auto kind : {Settlement::Kind::outcome, Settlement::Kind::park, Settlement::Kind::note}) {
    auto s = settlement(record);
    s.kind = kind;
    const auto refused = store::write_flush(session, fence, std::span(&s, 1));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::fenced);
  }
  EXPECT_EQ(row(record.counter, "request_state"), "1");
  EXPECT_EQ(store::still_alive(session, "test", tenure.epoch).error().kind, ErrorKind::fenced);
  EXPECT_EQ(store::stop_cleanly(session, "test", tenure.epoch).error().kind, ErrorKind::fenced);
  EXPECT_EQ(store::write_floors(session, fence, table.targets(), std::vector{Floor{0, Counter{1}}}).error().kind,
            ErrorKind::fenced);
}

TEST_F(Flush, ALaneOfWhichSomebodyHoldsARowComesLaterAndWhole) {
  for (const auto* object : {"1", "1", "2"}) scene.insert(object);
  std::vector<Settlement> parks;
  for (const auto& record : read()) {
    parks.push_back(settlement(record));
    parks.back().kind = Settlement::Kind::park;
    parks.back().park_reason = "retry";
    parks.back().due_in = std::chrono::milliseconds{0};
    parks.back().may_have_been_sent = record.object_id == "1";
  }
  flush(parks);
  Sql person(scene.postgres.url());
  person.run("begin; select from tandem.parked where object_id = '1' order by counter limit 1 for update");
  auto lanes = store::take_up(session, table, fence, {true, true});
  ASSERT_TRUE(lanes) << lanes.error().message;
  ASSERT_EQ(lanes->size(), 1u);
  EXPECT_EQ(lanes->at(0).records.at(0).record.object_id, "2");
  EXPECT_FALSE(lanes->at(0).records.at(0).attempted);
  person.run("rollback");
  lanes = store::take_up(session, table, fence, {true, true});
  ASSERT_EQ(lanes->size(), 1u);
  EXPECT_EQ(lanes->at(0).records.size(), 2u);
  EXPECT_TRUE(lanes->at(0).records.at(0).attempted) << "whoever takes it up must not fold it";
}

TEST_F(Flush, WhatMayHaveBeenAttemptedOutlivesACleanStop) {
  store::StartFacts facts;
  facts.drawn = Counter{12};
  EXPECT_EQ(store::know_server(session, fence, facts, true)->value, 12);
  facts.drawn = Counter{20};
  EXPECT_EQ(store::know_server(session, fence, facts, false)->value, 12);
}

TEST_F(Flush, AnIdentityIsKeptThoughAPersonHasDiscardedItsRecord) {
  scene.insert("1");
  auto answer = settlement(read().at(0));
  scene.admin->run("update tandem.outbox set request_state = 3, outcome = 'discarded'");
  answer.identity = Settlement::IdentityWrite::paired;
  answer.remote_id = "R1";
  EXPECT_EQ(flush({answer}).missing.size(), 1u);
  EXPECT_EQ(scene.admin->text("select remote_id from tandem.identity"), "R1");
  EXPECT_EQ(row(answer.counter, "outcome"), "discarded");
}

TEST_F(Flush, AFloorIsWrittenWhileItsReaderLives) {
  std::optional reading = scene.session();
  const auto reader = store::read_start(*reading, table, fence)->reader;
  const auto floor = [&] { return scene.admin->text("select max(counter)::text from tandem.settled_through"); };
  ASSERT_TRUE(store::write_floors(session, fence, table.targets(), std::vector{Floor{0, Counter{7}, reader}}));
  EXPECT_EQ(floor(), "7");
  reading.reset();
  while (scene.admin->number("select count(*) from pg_stat_activity where pid = " + std::to_string(reader.pid)) > 0) {
  }
  ASSERT_TRUE(store::write_floors(session, fence, table.targets(), std::vector{Floor{0, Counter{9}, reader}}));
  EXPECT_EQ(floor(), "7") << "computed before a loss: what lies below may be pending again";
}

TEST_F(Flush, ATakeOverWaitsForAFlushInFlight) {
  Sql flush_in_flight(scene.postgres.url());
  flush_in_flight.run("begin; select from tandem.connector where name = 'test' for key share");
  auto other = store::open_session(scene.settings, "test");
  const auto refused = [&] {
    (void)other->run("set lock_timeout = '100ms'");
    return store::take_over(*other, "test", tenure.epoch);
  }();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sqlstate, "55P03");
  flush_in_flight.run("commit");
  EXPECT_TRUE(store::take_over(*other, "test", tenure.epoch));
}

TEST_F(Flush, NotFoundIsNotAnAnswer) {
  const auto record_of = [&](long long counter) {
    for (auto& record : read())
      if (record.counter.value == counter) return record;
    return Record{};
  };
  const auto settled = record_of(scene.insert("settled")), gone = record_of(scene.insert("gone")),
             pending = record_of(scene.insert("pending"));
  scene.admin->run(
      "update tandem.outbox set request_state = 3, outcome = 'discarded' where object_id = 'settled'; "
      "delete from tandem.outbox where object_id = 'gone'");
  Sql writer(scene.postgres.url());
  writer.run("begin");
  auto open = gone;
  open.counter = Counter{999'999};
  open.xid = Xid{writer.number("select pg_current_xact_id()::text::bigint")};
  auto future = gone;
  future.xid = Xid{1'000'000'000};
  const std::vector missing{settlement(settled), settlement(gone), settlement(pending), settlement(open),
                            settlement(future)};
  const auto verdicts = store::judge_missing(session, missing);
  ASSERT_TRUE(verdicts) << verdicts.error().message;
  using V = store::Verdict;
  EXPECT_EQ(*verdicts, (std::vector{V::settled, V::lost, V::pending, V::running, V::lost}));
}

// A session keeps the plans that it has made; in the first minute of an outage they know nothing of what piles up.
TEST_F(Flush, PlansThatWereMadeWhileNothingWasParkedReadLittleOfWhatIs) {
  constexpr int each = 100;
  int made = 0;
  const auto flush_all_kinds = [&](int count) {
    for (int i = 0; i < 6 * count; ++i) scene.insert(std::to_string(++made));
    const auto records = read();
    std::vector<Settlement> plain, telling;
    for (std::size_t i = 0; i < records.size(); ++i) {
      auto s = settlement(records[i]);
      switch (i % 6) {
        case 0:
          s.supersedes_failed = true;
          break;
        case 1:
          s.identity = Settlement::IdentityWrite::paired;
          s.remote_id = "r" + s.object_id;
          break;
        case 2:
          s.outcome = Outcome::rejected;
          s.attempt = Settlement::AttemptRow{};
          break;
        case 3:
          s.kind = Settlement::Kind::park;
          s.park_reason = std::string(park_reason_lane);
          break;
        case 4:
          s.kind = Settlement::Kind::park;
          s.park_reason = "parent";
          s.parent_type = "account";
          s.parent_object_id = "nobody";
          s.attempt = Settlement::AttemptRow{};
          break;
        default:
          plain.push_back(s);
          continue;
      }
      telling.push_back(s);
    }
    flush(plain);
    flush(telling);
    const auto lanes = store::take_up(session, table, fence, {true, true});
    std::vector<Record> taken;
    for (const auto& lane : *lanes)
      for (const auto& parked : lane.records) taken.push_back(parked.record);
    for (const auto& record : taken) flush({settlement(record)});
  };
  for (int i = 0; i < 8; ++i) flush_all_kinds(1);

  scene.admin->run(
      "insert into tandem.parked (counter, peer, request_type, object_id, due, reason) select 1000000 + n, 'alpha', "
      "'account', 'x' || n, 'infinity', 'blocked' from generate_series(1, 20000) n;"
      "insert into tandem.failed (counter, peer, request_type, object_id, outcome) select 2000000 + n, 'alpha', "
      "'account', 'x' || n, 'rejected' from generate_series(1, 20000) n;"
      "insert into tandem.attempt (counter, attempt, epoch, started_at, duration) select 2000000 + n, 1, 1, now(), '1 "
      "ms' from generate_series(1, 20000) n");
  const std::string tables = "'parked', 'failed', 'attempt'";
  const auto before = scene.rows_read(session, tables);
  flush_all_kinds(each);
  EXPECT_LT(scene.rows_read(session, tables) - before, 20'000 + 6 * each * 20)
      << "all that waits was read again and again: "
      << scene.admin->text(
             "select string_agg(indexrelname || ' ' || idx_tup_read, ', ' order by idx_tup_read desc) from "
             "pg_stat_user_indexes where relname in ('parked', 'failed', 'attempt')");
}

TEST_F(Flush, ALateSettlementDoesNotHitAnotherRecordUnderItsCounter) {
  scene.insert("1");
  auto s = settlement(read().at(0));
  s.record_id.bytes[15] ^= 1;
  EXPECT_EQ(flush({s}).missing.size(), 1u);
}

TEST_F(Flush, ExhaustedRecordsAreSentAgainWhileTheyAreYoung) {
  scene.insert("young");
  scene.insert("old");
  scene.insert("rejected");
  auto records = read();
  flush({settlement(records.at(0), Outcome::exhausted), settlement(records.at(1), Outcome::exhausted),
         settlement(records.at(2), Outcome::rejected)});
  scene.admin->run("update tandem.outbox set date_time = now() - interval '10 days' where object_id = 'old'");
  EXPECT_EQ(store::recover(session, fence, "alpha", std::chrono::hours{72}, 100).value(), 1u);
  auto taken = store::take_up(session, table, fence, {true, true});
  ASSERT_EQ(taken->size(), 1u);
  EXPECT_TRUE(taken->at(0).records.at(0).retried);
}

TEST_F(Flush, ARetriedRecordWithANewerOneIsOvertaken) {
  const auto older = scene.insert("1");
  scene.insert("1");
  auto records = read();
  flush({settlement(records.at(0), Outcome::rejected), settlement(records.at(1))});
  scene.admin->run("select tandem.retry(" + std::to_string(older) + ")");
  auto taken = store::take_up(session, table, fence, {true, true});
  ASSERT_EQ(taken->size(), 1u);
  EXPECT_TRUE(taken->at(0).records.at(0).overtaken);
  auto superseded = settlement(records.at(0), Outcome::superseded);
  superseded.follow_with_latest = true;
  flush({superseded});
  EXPECT_EQ(scene.admin->number(
                "select count(*) from tandem.outbox where object_id = '1' and body is null and request_state = 1"),
            1);
}

}  // namespace
}  // namespace tandem
