#include "store/receive.hpp"

#include <gtest/gtest.h>

#include "outbox_scene.hpp"

namespace tandem::test_support {
namespace {

store::Incoming incoming(const std::string& id, const std::string& body = "{}") {
  store::Incoming one;
  one.request_type = "account";
  one.operation = "update";
  one.remote_id = "r" + id;
  one.body = body;
  one.source_record_id = id;
  return one;
}

class Receive : public ::testing::Test {
 protected:
  Receive() {
    scene.admin->run(R"(insert into tandem.source (source, definition) values ('theirs', '{"target": "alpha"}');
      insert into tandem.identity (target, request_type, object_id, remote_id, state) values ('alpha', 'account', 'o2', 'r2', 'paired'),
        ('beta', 'account', 'wrong', 'r1', 'paired'), ('alpha', 'account', 'gone', 'r1', 'deleted'))");
  }
  OutboxScene scene;
};

TEST_F(Receive, StoresInOrderAndEachRecordOnce) {
  auto session = scene.session();
  const std::vector records{incoming("2"), incoming("1"), incoming("2")};
  auto count = store::receive(session, "theirs", records);
  ASSERT_TRUE(count.has_value()) << count.error().message;
  EXPECT_EQ(count->fresh, 2U);
  EXPECT_EQ(store::receive(session, "theirs", records)->fresh, 0U);
  EXPECT_EQ(store::receive(session, "others", records)->fresh, 2U) << "the id is the source's own";
  const auto rows = scene.admin->rows(
      "select source_record_id, object_id, remote_id, request_state, xid is not null from tandem.inbox where source = "
      "'theirs' order by counter");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0][0], "2");
  EXPECT_EQ(rows[0][1], "o2") << "known by its identity";
  EXPECT_EQ(rows[1][0], "1");
  EXPECT_EQ(rows[1][1], std::nullopt) << "neither another target's nor a deleted identity counts";
  EXPECT_EQ(rows[1][3], "1");
}

TEST_F(Receive, MovesThePositionWithTheRecords) {
  auto session = scene.session();
  const auto position = [&] { return scene.admin->text("select position from tandem.source"); };
  const store::Move first{"", R"({"offset": 5})"};
  ASSERT_TRUE(store::receive(session, "theirs", std::vector{incoming("1")}, {}, first)->moved);
  EXPECT_EQ(position(), R"({"offset": 5})");
  ASSERT_TRUE(store::receive(session, "theirs", std::vector{incoming("3")}));
  EXPECT_EQ(position(), R"({"offset": 5})");
  const store::Move second{R"({"offset":5})", R"({"offset": 6})"};
  const auto bad =
      store::receive(session, "theirs", std::vector{incoming("4"), incoming("5", R"("\u0000")")}, {}, second);
  ASSERT_FALSE(bad.has_value());
  EXPECT_TRUE(store::of_the_records(bad.error()));
  EXPECT_EQ(position(), R"({"offset": 5})");
  EXPECT_EQ(scene.admin->number("select count(*) from tandem.inbox where source_record_id = '4'"), 0);
  ASSERT_TRUE(store::receive(session, "theirs", {}, {}, second)->moved);
  EXPECT_EQ(position(), R"({"offset": 6})");
}

TEST_F(Receive, ARepeatThatIsNotExpectedLeavesNothingBehind) {
  auto session = scene.session();
  const store::Move first{"", "1"}, second{"1", "2"};
  const auto store = [&](const std::vector<store::Incoming>& records, const store::Move& move) {
    const auto statements = store::receiving("theirs", records, {}, move, store::Repeats::not_expected);
    EXPECT_TRUE(session.send(std::span<const postgres::Statement>(statements)));
    return store::finish_received(session, true);
  };
  ASSERT_EQ(store({incoming("1"), incoming("2")}, first)->fresh, 2U);
  const auto repeated = store({incoming("3"), incoming("2")}, second);
  ASSERT_FALSE(repeated.has_value());
  EXPECT_TRUE(store::is_repeat(repeated.error())) << repeated.error().message;
  EXPECT_EQ(scene.admin->text("select position from tandem.source"), "1");
  EXPECT_EQ(store::receive(session, "theirs", std::vector{incoming("3"), incoming("2")}, {}, second)->fresh, 1U);
}

TEST_F(Receive, StoresNothingWhereSomebodyElseHasReadOn) {
  auto session = scene.session();
  ASSERT_TRUE(store::receive(session, "theirs", {}, {}, store::Move{"", "{}"})->moved);
  const std::vector refused{store::Refused{"t/0/1", "not JSON"}};
  const auto late = store::receive(session, "theirs", std::vector{incoming("1")}, refused, store::Move{"", "[1]"});
  ASSERT_TRUE(late.has_value());
  EXPECT_FALSE(late->moved);
  EXPECT_EQ(late->fresh, 0U);
  EXPECT_EQ(scene.admin->text("select position from tandem.source"), "{}");
  EXPECT_EQ(scene.admin->number("select (select count(*) from tandem.inbox) + (select count(*) from tandem.refused)"),
            0);
}

TEST_F(Receive, ListsWhatCannotBeStoredAndStoresTheRest) {
  auto session = scene.session();
  std::vector<store::Incoming> records;
  for (int i = 0; i < 20; ++i) records.push_back(incoming(std::to_string(i), i % 7 == 3 ? R"({"a":"\u0000"})" : "{}"));
  const std::vector refused{store::Refused{"t/0/1", "not JSON"}};
  const auto received = store::receive_what_fits(session, "theirs", records, refused, {"", R"({"offset": 9})"});
  ASSERT_TRUE(received.has_value()) << received.error().message;
  EXPECT_EQ(received->fresh, 17U);
  EXPECT_EQ(scene.admin->text("select position from tandem.source"), R"({"offset": 9})");
  const auto rows = scene.admin->rows("select place, times from tandem.refused order by place");
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0][0], "10");
  EXPECT_EQ(rows[3][0], "t/0/1");
  EXPECT_FALSE(store::receive_what_fits(session, "theirs", records, refused, {"", "{}"})->moved);
  ASSERT_TRUE(store::receive(session, "theirs", {}, refused));
  EXPECT_EQ(scene.admin->number("select times from tandem.refused where place = 't/0/1'"), 2);
  EXPECT_EQ(scene.admin->text("select array_agg(source_record_id order by counter)::text from tandem.inbox"),
            "{0,1,2,4,5,6,7,8,9,11,12,13,14,15,16,18,19}");
}

TEST_F(Receive, NotesWhatWasRefusedWhateverBytesItQuotes) {
  auto session = scene.session();
  const std::vector refused{store::Refused{std::string(4'000, 'p'), std::string("operation \xff\0", 12)}};
  ASSERT_TRUE(store::receive(session, "theirs", std::vector{incoming("1")}, refused).has_value());
  EXPECT_EQ(scene.admin->number("select length(place) from tandem.refused"), 500);
  EXPECT_EQ(scene.admin->number("select count(*) from tandem.refused where reason like 'operation %'"), 1);
}

TEST_F(Receive, AConfirmationIsKeptForTheRecordThatWaitsForIt) {
  scene.admin->run(R"(insert into tandem.target (target, definition) values ('alpha', '{}'), ('beta', '{}');
    select tandem.apply_watch('outbox', 'tandem.outbox');
    select tandem.apply_route('alpha', 'account', 'outbox', '{"settle_on": "confirmed"}');
    select tandem.apply_route('alpha', 'contact', 'outbox', '{}');
    select tandem.apply_route('beta', 'account', 'outbox', '{"settle_on": "confirmed"}'))");
  scene.insert("waits");
  scene.insert("refused");
  scene.insert("other route", "alpha", "contact");
  scene.insert("other target", "beta");
  scene.insert("settled");
  scene.admin->run("update tandem.outbox set request_state = 3, outcome = 'delivered' where object_id = 'settled'");
  scene.insert("call");
  scene.admin->run("update tandem.outbox set operation = 'call' where object_id = 'call'");
  auto session = scene.session();
  int event = 0;
  const auto about = [&](const std::string& object_id, bool failed = false) {
    store::Incoming one;
    one.operation = "call";
    one.confirms = scene.admin->text("select record_id from tandem.outbox where object_id = '" + object_id + "'");
    one.failed = failed;
    one.error = failed ? "no room" : "";
    one.remote_id = failed ? "" : "R";
    one.source_record_id = "e" + std::to_string(++event);
    return one;
  };
  const std::vector given{about("waits"),        about("refused", true), about("other route"), incoming("1"),
                          about("other target"), about("settled"),       about("waits", true), about("call")};
  auto received = store::receive(session, "theirs", given);
  ASSERT_TRUE(received.has_value()) << received.error().message;
  EXPECT_EQ(received->fresh, 1U);
  EXPECT_EQ(received->confirmed, 2U);
  EXPECT_EQ(received->surplus, 5U);
  EXPECT_EQ(scene.admin->text("select string_agg(concat_ws('/', o.object_id, c.failed, c.remote_id, c.description), ', "
                              "' order by o.counter) "
                              "from tandem.confirmation c join tandem.outbox o using (counter, record_id)"),
            "waits/f/R, refused/t/no room");
  EXPECT_EQ(scene.admin->text("select string_agg(coalesce(object_id, '-') || ' ' || outcome, ', ' order by counter) "
                              "from tandem.inbox where "
                              "operation = 'call'"),
            "waits applied, refused applied, other route discarded, - discarded, settled discarded, waits discarded, "
            "call discarded");
  received = store::receive(session, "theirs", given);
  EXPECT_EQ(received->confirmed + received->surplus, 0U) << "the same messages again";
}

TEST_F(Receive, AConfirmationIsStoredWithItsPositionOrNotAtAll) {
  scene.admin->run(R"(insert into tandem.target (target, definition) values ('alpha', '{}');
    select tandem.apply_watch('outbox', 'tandem.outbox');
    select tandem.apply_route('alpha', 'account', 'outbox', '{"settle_on": "confirmed"}'))");
  scene.insert("1");
  auto session = scene.session();
  store::Incoming one;
  one.operation = "call";
  one.confirms = scene.admin->text("select record_id from tandem.outbox");
  one.source_record_id = "e";
  const store::Move behind{R"({"offset": 1})", R"({"offset": 2})"}, first{"", R"({"offset": 1})"};
  EXPECT_FALSE(store::receive(session, "theirs", std::vector{one}, {}, behind)->moved);
  EXPECT_EQ(scene.admin->number("select count(*) from tandem.confirmation"), 0);
  EXPECT_EQ(store::receive(session, "theirs", std::vector{one}, {}, first)->confirmed, 1U);
}

}  // namespace
}  // namespace tandem::test_support
