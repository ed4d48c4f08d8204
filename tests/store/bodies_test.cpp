#include "store/bodies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "outbox_scene.hpp"
#include "store/flush.hpp"
#include "store/window.hpp"

namespace tandem {
namespace {

using test_support::OutboxScene;

/// Table account is watched; its route to alpha has a reference and two `sql` fields.
class BodyReading : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared.emplace();
    auto& settings = shared->settings;
    WatchSettings watch;
    watch.name = "account";
    watch.table = "public.account";
    settings.watches.push_back(watch);
    auto& route = settings.routes[0];
    route.watch = "account";
    route.needs_sql = route.needs_refs = true;
    FieldSettings parent, ratio, doubled;
    parent.column = "parent_id";
    parent.to = "ParentId";
    parent.ref = "account";
    ratio.kind = doubled.kind = FieldKind::sql;
    ratio.to = "Ratio";
    ratio.sql = "amount / divisor";
    doubled.to = "Doubled";
    doubled.sql = "amount * 2 -- place and image are columns here, too\n + place + length(image)";
    route.fields = {parent, ratio, doubled};
    shared->admin->run(
        "create table account (id bigint primary key, parent_id bigint, amount numeric, divisor numeric, place "
        "integer, image text)");
  }
  static void TearDownTestSuite() { shared.reset(); }
  void SetUp() override {
    scene.clear();
    scene.admin->run(
        "drop table account cascade; create table account (id bigint primary key, parent_id bigint, amount numeric, "
        "divisor "
        "numeric, place integer, image text); grant select on account to tandem_mapping; "
        "select tandem.apply_target('alpha', '{}'); select tandem.apply_watch('account', 'public.account'); "
        "select tandem.apply_route('alpha', 'account', 'account', '{}'); select tandem.generate_capture('account')");
    tenure = scene.take_over();
    fence = scene.fence(tenure);
    const auto prepared = reader.prepare(session);
    ASSERT_TRUE(prepared) << prepared.error().message;
  }
  std::vector<WantedBody> pending() {
    auto window = store::read_window(session, table, {{true, true}, Counter{0}, std::nullopt, {}, 1000});
    EXPECT_TRUE(window) << window.error().message;
    std::vector<WantedBody> wanted;
    for (const auto& record : window->records[0])
      wanted.push_back({record.counter, record.record_id, record.route, record.object_id, record.xid});
    return wanted;
  }
  std::vector<FoundBody> read(const std::vector<WantedBody>& wanted) {
    auto found = reader.read(session, fence, 0, wanted, 1 << 26);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : std::vector<FoundBody>();
  }
  static std::string value(const FoundBody& body, std::size_t field) {
    for (const auto& one : body.lookups.values)
      if (one.field == field) return one.found ? one.json : "missing";
    return "absent";
  }
  void latest(const std::string& object_id) {
    scene.admin->run("insert into tandem.outbox (object_id, request_type, operation, target) values ('" + object_id +
                     "', 'account', 'update', 'alpha')");
  }

  inline static std::optional<OutboxScene> shared;
  OutboxScene& scene = *shared;
  store::Tenure tenure;
  store::Fence fence;
  store::RouteTable table{scene.settings};
  postgres::Connection session = scene.session();
  store::BodyReader reader{scene.settings};
};

TEST_F(BodyReading, ImagesComeWithReferencesAndComputedFields) {
  scene.admin->run(
      "insert into account values (1, null, 10.50, 4, 0, ''), (2, 1, 3, 2, 1, 'xy'); "
      "insert into tandem.identity (target, request_type, object_id, remote_id, state) values "
      "('alpha', 'account', '1', 'R\"1', 'paired'), ('alpha', 'account', '2', null, 'pending')");
  const auto found = read(pending());
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].remote_id, "R\"1");
  EXPECT_FALSE(found[0].identity_pending);
  EXPECT_TRUE(found[1].identity_pending);
  EXPECT_EQ(value(found[0], 0), "missing");
  EXPECT_EQ(value(found[1], 0), R"("R\"1")");
  EXPECT_EQ(value(found[0], 1), "2.6250000000000000");
  EXPECT_EQ(value(found[1], 2), "9");
  EXPECT_TRUE(found[0].sql_error.empty()) << found[0].sql_error;
}

TEST_F(BodyReading, AsksForTheLiveRowOnlyWhereTheRecordHasNoImage) {
  scene.admin->run("alter role tandem_connector set track_functions = 'all'");
  session = scene.session();
  ASSERT_TRUE(reader.prepare(session));
  scene.admin->run("insert into account values (1, null, 1, 1, 0, ''), (2, null, 1, 1, 0, ''), (3, null, 1, 1, 0, '')");
  latest("1");
  ASSERT_TRUE(session.run("begin"));
  EXPECT_EQ(read(pending()).size(), 4u);
  const auto calls =
      session.run("select coalesce(sum(calls), 0) from pg_stat_xact_user_functions where funcname = 'live_account'");
  ASSERT_TRUE(calls) << calls.error().message;
  EXPECT_EQ(calls->text(0, 0), "1");
  ASSERT_TRUE(session.run("rollback"));
  scene.admin->run("alter role tandem_connector reset track_functions");
}

TEST_F(BodyReading, BringsNoMoreThanItIsAskedFor) {
  scene.admin->run(
      "insert into tandem.outbox (object_id, request_type, operation, target, body) select i, 'account', 'update', "
      "'alpha', jsonb_build_object('t', repeat(md5(i::text), 8000)) from generate_series(1, 9) i");
  auto wanted = pending();
  ASSERT_EQ(wanted.size(), 9u);
  std::size_t statements = 0;
  for (std::span<const WantedBody> left = wanted; !left.empty(); ++statements) {
    const auto found = reader.read(session, fence, 0, left, 600'000);
    ASSERT_TRUE(found) << found.error().message;
    std::size_t bytes = 0;
    for (const auto& one : *found) bytes += one.body.size();
    EXPECT_TRUE(found->size() == 1 || bytes <= 600'000) << bytes;
    for (std::size_t at = 0; at < found->size(); ++at) EXPECT_EQ((*found)[at].counter, left[at].counter);
    ASSERT_FALSE(found->empty());
    left = left.subspan(found->size());
  }
  EXPECT_GT(statements, 4u);
}

TEST_F(BodyReading, AFailingExpressionFailsItsRecordAlone) {
  scene.admin->run(
      "insert into account select i, null, 1, case when i = 5 then 0 else 1 end, 0, '' from generate_series(1, 9) i");
  const auto found = read(pending());
  ASSERT_EQ(found.size(), 9u);
  for (std::size_t at = 0; at < found.size(); ++at) {
    if (at == 4) {
      EXPECT_THAT(found[at].sql_error, ::testing::StartsWith("field Ratio: ")) << found[at].sql_error;
    } else {
      EXPECT_TRUE(found[at].sql_error.empty()) << found[at].sql_error;
      EXPECT_EQ(value(found[at], 1), "1.00000000000000000000");
    }
  }
}

TEST_F(BodyReading, LatestReadsTheLiveRow) {
  scene.admin->run("insert into account values (1, null, 9007199254740993.10, 1, 0, '')");
  scene.admin->run("update tandem.outbox set request_state = 3, outcome = 'delivered'");
  latest("1");
  latest("2");
  const auto found = read(pending());
  ASSERT_EQ(found.size(), 2u);
  EXPECT_THAT(found[0].body, ::testing::HasSubstr("9007199254740993.10"));
  EXPECT_FALSE(found[0].live_row_gone);
  EXPECT_FALSE(found[0].image_pending);
  EXPECT_TRUE(found[1].live_row_gone);
  EXPECT_TRUE(found[1].body.empty());
}

TEST_F(BodyReading, LatestSeesAPendingImageOfItsLane) {
  scene.admin->run("insert into account values (1, null, 1, 1, 0, '')");
  latest("1");
  const auto found = read(pending());
  ASSERT_EQ(found.size(), 2u);
  EXPECT_FALSE(found[0].image_pending);
  EXPECT_TRUE(found[1].image_pending);
}

TEST_F(BodyReading, TellsWhatBecameOfARecord) {
  scene.admin->run("insert into account select i, null, 1, 1, 0, '' from generate_series(1, 3) i");
  const auto wanted = pending();
  scene.admin->run(
      "update tandem.outbox set request_state = 3, outcome = 'discarded' where object_id = '1'; "
      "delete from tandem.outbox where object_id = '2'");
  const auto found = read(wanted);
  using Found = FoundBody::Found;
  EXPECT_EQ(found.at(0).found, Found::settled);
  EXPECT_EQ(found.at(1).found, Found::gone);
  EXPECT_EQ(found.at(2).found, Found::pending);
}

TEST_F(BodyReading, WhatTheOtherSideHasSentOfAnObjectIsFoundWithoutReadingTheInbox) {
  scene.admin->run(
      R"(insert into tandem.source (source, definition) values ('theirs', '{"target": "alpha"}'); truncate tandem.inbox;)"
      "insert into account select i, null, 1, 1, 0, '' from generate_series(1, 10) i");
  for (int i = 0; i < 8; ++i) EXPECT_EQ(read(pending()).size(), 10U);  // a plan is made while the inbox is empty
  scene.admin->run(
      "insert into tandem.inbox (object_id, object_hash, request_type, operation, source, source_record_id, "
      "request_state, outcome) select o, hashtextextended(o, 0), 'account', 'update', 'theirs', id, "
      "case when id = 'now' then 1 else 3 end, case when id <> 'now' then 'applied' end from ("
      "select (n % 10 + 1)::text as o, n::text as id from generate_series(1, 200) n "
      "union all select 'x' || n, 'x' || n from generate_series(1, 50000) n union all select '3', 'now') as given");
  const auto before = scene.rows_read(session, "'inbox'");
  const auto found = read(pending());
  ASSERT_EQ(found.size(), 10U);
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_EQ(found[i].found, i == 2 ? FoundBody::Found::not_visible : FoundBody::Found::pending) << i;
  EXPECT_LT(scene.rows_read(session, "'inbox'") - before, 1'000);
  scene.admin->run("truncate tandem.inbox");
}

TEST_F(BodyReading, AChangedKeyTakesItsIdentityAlongWhenTheOldLaneIsQuiet) {
  scene.admin->run("insert into account values (1, null, 1, 1, 0, '')");
  scene.admin->run(
      "insert into tandem.identity (target, request_type, object_id, remote_id, state) values ('alpha', 'account', "
      "'1', 'R1', 'paired')");
  scene.admin->run("update account set id = 7");
  auto wanted = pending();
  ASSERT_EQ(wanted.size(), 2u);
  ASSERT_EQ(wanted[1].object_id, "7");
  EXPECT_EQ(read(wanted).at(1).found, FoundBody::Found::waits) << "a record of the old key is pending";
  scene.admin->run("update tandem.outbox set request_state = 3, outcome = 'delivered' where object_id = '1'");
  wanted = pending();
  const auto found = read(wanted);
  EXPECT_EQ(found.at(0).found, FoundBody::Found::pending);
  EXPECT_EQ(found.at(0).remote_id, "R1");
  EXPECT_EQ(scene.admin->text("select object_id from tandem.identity"), "7");
}

TEST_F(BodyReading, AChangedKeyWaitsForParkedRecordsOfTheOldOne) {
  scene.admin->run("insert into account values (1, null, 1, 1, 0, '')");
  scene.admin->run("update account set id = 7");
  auto wanted = pending();
  ASSERT_EQ(wanted.size(), 2u);
  const auto floor = std::to_string(wanted[0].counter.value);
  scene.admin->run("insert into tandem.parked (counter, peer, request_type, object_id, reason) values (" + floor +
                   ", 'alpha', 'account', '1', 'retry')");
  scene.admin->run("insert into tandem.settled_through (peer, counter) values ('alpha', " + floor + ")");
  EXPECT_EQ(read(wanted).at(1).found, FoundBody::Found::waits) << "parked at the floor";
  scene.admin->run("update tandem.parked set retried = true");
  EXPECT_TRUE(read(wanted).at(0).overtaken) << "the object has another key by now";
}

TEST_F(BodyReading, AnUnknownTypeIsReadWithoutARoute) {
  scene.admin->run(
      "insert into tandem.outbox (object_id, request_type, operation, target, body) values ('1', 'unheard', 'update', "
      "'alpha', '{}')");
  const auto found = read(pending());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].body, "{}");
}

}  // namespace
}  // namespace tandem
