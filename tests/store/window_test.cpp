#include "store/window.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "outbox_scene.hpp"

namespace tandem {
namespace {

using test_support::OutboxScene;

class Window : public ::testing::Test {
 protected:
  store::WindowAnswer ask(const store::WindowQuestion& question) {
    auto answer = store::read_window(session, table, question);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? std::move(*answer) : store::WindowAnswer{};
  }
  static void SetUpTestSuite() { shared.emplace(); }
  static void TearDownTestSuite() { shared.reset(); }
  static OutboxScene& cleared() {
    shared->clear();
    return *shared;
  }

  inline static std::optional<OutboxScene> shared;
  OutboxScene& scene = cleared();
  store::RouteTable table{scene.settings};
  postgres::Connection session = scene.session();
};

TEST_F(Window, SeesEveryRowAndBringsWhatItIsAskedFor) {
  const auto first = scene.insert("1");
  const auto second = scene.insert("2", "beta", "contact");
  const auto foreign = scene.insert("3", "gamma");
  const auto answer = ask({{true, false}, Counter{0}, std::nullopt, {}, 100});
  EXPECT_EQ(answer.seen, (std::vector{Counter{first}, Counter{second}, Counter{foreign}}));
  ASSERT_EQ(answer.records[0].size(), 1u);
  EXPECT_TRUE(answer.records[1].empty());
  const auto& record = answer.records[0][0];
  EXPECT_EQ(record.counter, Counter{first});
  EXPECT_EQ(record.object_id, "1");
  EXPECT_EQ(record.route, 0u);
  EXPECT_EQ(record.operation, Operation::update);
  EXPECT_EQ(record.state, State::created);
  EXPECT_EQ(record.body, R"({"n": 1})");
  EXPECT_EQ(record.lane, lane_hash("alpha", "account", "1"));
  EXPECT_EQ(to_string(record.record_id),
            scene.admin->text("select record_id from tandem.outbox where object_id = '1'"));
  EXPECT_EQ(record.xid.value, scene.admin->number("select xid::text::bigint from tandem.outbox where object_id = '1'"));
  EXPECT_LT(std::chrono::system_clock::now() - record.created, std::chrono::minutes{1});
  EXPECT_GT(answer.xmin.value, record.xid.value);
}

TEST_F(Window, ReadsGapsAndNewRowsInOrderUpToItsLimits) {
  std::vector<long long> counters;
  for (int i = 0; i < 10; ++i) counters.push_back(scene.insert(std::to_string(i)));
  const std::vector<CounterRange> gaps{{Counter{counters[1]}, Counter{counters[2]}},
                                       {Counter{counters[4]}, Counter{counters[4]}}};
  const auto answer = ask({{true, true}, Counter{counters[6]}, Counter{counters[8]}, gaps, 100});
  EXPECT_EQ(answer.seen, (std::vector{Counter{counters[1]}, Counter{counters[2]}, Counter{counters[4]},
                                      Counter{counters[7]}, Counter{counters[8]}}));
  const auto cut = ask({{true, true}, Counter{counters[6]}, std::nullopt, gaps, 2});
  EXPECT_EQ(cut.seen, (std::vector{Counter{counters[1]}, Counter{counters[2]}}));
}

TEST_F(Window, OfOneTargetAloneSeesNoRowOfOthers) {
  std::vector<long long> counters;
  for (int i = 0; i < 10; ++i)
    counters.push_back(i % 2 == 0 ? scene.insert(std::to_string(i))
                                  : scene.insert(std::to_string(i), "beta", "contact"));
  const std::vector<CounterRange> gaps{{Counter{counters[1]}, Counter{counters[3]}}};
  store::WindowQuestion question{{false, true}, Counter{counters[5]}, Counter{counters[9]}, gaps, 3};
  question.alone = TargetIndex{1};
  const auto answer = ask(question);
  EXPECT_EQ(answer.seen, (std::vector{Counter{counters[1]}, Counter{counters[3]}, Counter{counters[7]}}));
  EXPECT_TRUE(answer.records[0].empty());
  EXPECT_EQ(answer.records[1].size(), 3u);
}

TEST_F(Window, PassesOverWhatIsSettledOrParked) {
  scene.insert("settled");
  scene.insert("parked");
  scene.insert("held");
  scene.admin->run(
      "update tandem.outbox set request_state = 3, outcome = 'delivered' where object_id = 'settled'; "
      "update tandem.outbox set request_state = 2 where object_id <> 'settled'; "
      "insert into tandem.parked (counter, peer, request_type, object_id, reason) "
      "select counter, target, request_type, object_id, 'retry' from tandem.outbox where object_id = 'parked'");
  const auto answer = ask({{true, true}, Counter{0}, std::nullopt, {}, 100});
  EXPECT_EQ(answer.seen.size(), 3u);
  ASSERT_EQ(answer.records[0].size(), 1u);
  EXPECT_EQ(answer.records[0][0].object_id, "held");
  EXPECT_EQ(answer.records[0][0].state, State::received);
}

TEST_F(Window, LeavesOutLongBodiesAndTellsLatestRecordsApart) {
  scene.insert("long", "alpha", "account", "jsonb_build_object('n', repeat('x', 20000))");
  scene.insert("latest", "alpha", "account", "null");
  const auto answer = ask({{true, true}, Counter{0}, std::nullopt, {}, 100});
  ASSERT_EQ(answer.records[0].size(), 2u);
  EXPECT_TRUE(answer.records[0][0].body_left_out);
  EXPECT_TRUE(answer.records[0][0].body.empty());
  EXPECT_FALSE(answer.records[0][1].body_left_out);
}

TEST_F(Window, NeverFetchesALargeBody) {
  scene.insert("0", "alpha", "account", "jsonb_build_object('n', repeat('abcdefgh', 500000))");
  scene.admin->run(
      "insert into tandem.outbox (object_id, request_type, operation, target, body) "
      "select i, 'account', 'update', 'alpha', o.body from tandem.outbox o, generate_series(1, 50) i");
  ASSERT_TRUE(session.script("begin"));
  const auto answer = ask({{true, true}, Counter{0}, std::nullopt, {}, 1000});
  ASSERT_EQ(answer.records[0].size(), 51u);
  EXPECT_TRUE(std::ranges::all_of(answer.records[0], &Record::body_left_out));
  const auto fetched = session.run(
      "select pg_stat_get_xact_blocks_fetched(reltoastrelid) from pg_class where oid = 'tandem.outbox'::regclass");
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(fetched->number(0, 0), 0) << "blocks of bodies that are left out";
}

TEST_F(Window, TellsWhatCaptureCouldNotCompute) {
  scene.admin->run(
      "insert into tandem.outbox (object_id, request_type, operation, target, error_code, description) "
      "values ('1', 'account', 'update', 'alpha', 'mapping', 'division by zero'), ('2', 'unheard', 'update', 'alpha', "
      "null, null)");
  const auto answer = ask({{true, true}, Counter{0}, std::nullopt, {}, 100});
  ASSERT_EQ(answer.records[0].size(), 2u);
  EXPECT_EQ(answer.records[0][0].capture_error, ErrorClass::mapping);
  EXPECT_EQ(answer.records[0][0].description, "division by zero");
  EXPECT_EQ(answer.records[0][1].route, no_route);
}

TEST_F(Window, CopiesNumbersAsTheyStand) {
  scene.insert("1", "alpha", "account", R"('{"a": 9007199254740993, "b": 1.10, "c": "ä \" \\"}')");
  const auto answer = ask({{true, true}, Counter{0}, std::nullopt, {}, 100});
  EXPECT_EQ(answer.records[0].at(0).body, R"({"a": 9007199254740993, "b": 1.10, "c": "ä \" \\"})");
}

}  // namespace
}  // namespace tandem
