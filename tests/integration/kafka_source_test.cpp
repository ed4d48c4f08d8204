#include <gmock/gmock.h>

#include <random>
#include <string>

#include "support/http_call.hpp"
#include "support/kafka_cluster.hpp"
#include "support/kafka_reader.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

/// Run twice: with librdkafka's mock cluster, and by `./dev test kafka` with a broker of Apache Kafka.
namespace tandem::test_support {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto bound = std::chrono::seconds(60);
constexpr const char* account_table = "create table account (id bigint primary key, name text not null, tier integer)";

/// A CRM that reads one topic and writes another; its objects have the same keys wherever they are.
class Side {
 public:
  /// A successor waits out the target's `timeout`.
  Side(const std::string& reads, const std::string& writes, const std::string& more = {},
       const std::string& timeout = "30s")
      : stand_(options("sources:\n  events: { type: kafka, topics: [" + reads + "], object_id: key" + more + " }\n")) {
    stand_.sql().run(account_table);
    stand_.install("  events:\n    type: kafka\n    brokers: [\"" + kafka_cluster().brokers()[0] +
                       "\"]\n    breaker: { open_first: 100ms, open_longest: 500ms }\n    timeout: " + timeout + "\n",
                   "\n  account:\n    table: public.account\n    routes:\n      - target: events\n        topic: " +
                       writes + "\n        apply: { conflict: theirs }\n");
  }
  Stand& stand() { return stand_; }
  Sql& sql() { return stand_.sql(); }
  void start() { stand_.tandem().start_ready(60s); }
  std::string rows() {
    return sql().text("select coalesce(string_agg(concat_ws(' ', id, name, tier), ', ' order by id), '') from account");
  }
  long long pending() {
    return sql().number(
        "select (select count(*) from tandem.outbox where request_state in (1, 2)) + (select count(*) from "
        "tandem.inbox "
        "where request_state in (1, 2))");
  }
  bool holds(const std::string& wanted) {
    return wait_for([&] { return rows() == wanted && pending() == 0; }, bound);
  }
  long long stored() { return sql().number("select count(*) from tandem.inbox"); }

 private:
  static Stand::Options options(std::string top) {
    Stand::Options out;
    out.top = std::move(top);
    return out;
  }
  Stand stand_;
};

/// A message as a producer without our headers would write it.
KafkaDraft told(const std::string& key, const std::optional<std::string>& value) {
  return {key, value, {{"request_type", "account"}}, 0};
}

TEST(KafkaSourceScene, TwoCrmsStayTheSameOverTwoTopics) {
  write_topic(kafka_cluster().brokers(), "pair_a", {});
  Side a("pair_b", "pair_a"), b("pair_a", "pair_b");
  a.sql().run("insert into account values (1, 'one', 1), (2, 'two', 2)");
  write_topic(kafka_cluster().brokers(), "pair_b", {told("9", R"({"id": 9, "name": "from the first", "tier": 9})")});
  a.start();
  b.start();
  EXPECT_TRUE(a.holds("1 one 1, 2 two 2, 9 from the first 9")) << a.rows();
  a.sql().run("insert into account values (3, 'three', 3); update account set name = 'uno' where id = 1");
  ASSERT_TRUE(wait_for([&] { return b.rows().starts_with("1 uno 1"); }, bound)) << b.rows();
  b.sql().run("update account set tier = 11 where id = 1; insert into account values (4, 'four', 4)");
  b.sql().run("delete from account where id = 2");
  EXPECT_TRUE(a.holds("1 uno 11, 3 three 3, 4 four 4, 9 from the first 9")) << a.rows();
  b.sql().run("insert into account values (2, 'two again', 2)");
  EXPECT_TRUE(a.holds("1 uno 11, 2 two again 2, 3 three 3, 4 four 4, 9 from the first 9")) << a.rows();
  a.sql().run("delete from account where id = 2");
  ASSERT_TRUE(wait_for([&] { return b.sql().number("select count(*) from account where id = 2") == 0; }, bound));
  a.sql().run("insert into account values (2, 'two for ever', 2)");
  EXPECT_TRUE(b.holds("1 uno 11, 2 two for ever 2, 3 three 3, 4 four 4")) << b.rows();
  EXPECT_EQ(a.sql().number("select count(*) from tandem.inbox where request_state = 4"), 0);
  EXPECT_EQ(b.sql().number("select count(*) from tandem.inbox where request_state = 4"), 0);
  EXPECT_EQ(b.sql().number("select count(*) from tandem.outbox"), 4) << "what came from there does not go back";
}

TEST(KafkaSourceScene, AMalformedMessageIsListedAndBlocksNothing) {
  const std::string topic = "malformed";
  write_topic(kafka_cluster().brokers(), topic,
              {told("1", R"({"id": 1, "name": "a"})"), told("2", "no json"), told("3", "[]"), told("4", ""),
               KafkaDraft{std::nullopt, R"({"id": 5, "name": "no key"})", {{"request_type", "account"}}, 0},
               KafkaDraft{"6", R"({"id": 6})", {{"request_type", "nothing"}}, 0},
               told("7", R"({"id": 7, "name": "\u0000"})"), told("8", R"({"id": 8, "name": "b"})")});
  Side side(topic, "malformed_out");
  side.start();
  EXPECT_TRUE(side.holds("1 a, 8 b")) << side.rows();
  const auto rows = side.sql().rows("select place, reason from tandem.refused where source = 'events' order by place");
  ASSERT_EQ(rows.size(), 6U);
  for (std::size_t i = 0; i < rows.size(); ++i)
    EXPECT_EQ(rows[i][0], "malformed/0/" + std::to_string(i + 1)) << *rows[i][1];
  EXPECT_THAT(*rows[0][1], HasSubstr("not JSON"));
  EXPECT_THAT(*rows[4][1], HasSubstr("no route takes objects of type nothing"));
  EXPECT_EQ(side.sql().number("select refused from tandem.inbox_status where source = 'events'"), 6);
  EXPECT_EQ(side.stored(), 2);
  const auto metrics = http_call(side.stand().tandem().http_port(), "GET", "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr(R"(tandem_intake_refused_total{source="events",status="malformed"})"));
}

/// Among good messages some that only PostgreSQL refuses, and some that were told before.
void takes_what_fits_in_order(const std::string& topic, int messages) {
  const int refuse_each = messages / 4 - 1, repeat_each = messages / 7 + 1;
  std::vector<KafkaDraft> drafts;
  for (int i = 1; i <= messages; ++i) {
    const auto key = std::to_string(i);
    const auto event = i % repeat_each == 0 ? std::to_string(i - repeat_each + 1) : key;
    drafts.push_back({key,
                      R"({"id": )" + key + R"(, "name": ")" + (i % refuse_each == 0 ? "\\u0000" : "n") + "\"}",
                      {{"request_type", "account"}, {"record_id", event}},
                      0});
  }
  write_topic(kafka_cluster().brokers(), topic, drafts);
  Side side(topic, topic + "_out", ", event: 'header:record_id'");
  side.start();
  const int refused = messages / refuse_each, repeated = messages / repeat_each;
  const auto position = "select (position -> '" + topic + "' ->> '0')::bigint from tandem.source";
  EXPECT_TRUE(wait_for([&] { return side.sql().number(position) == messages; }, bound)) << side.sql().number(position);
  EXPECT_EQ(side.stored(), messages - refused - repeated);
  EXPECT_EQ(side.sql().number("select count(*) from tandem.refused where source = 'events'"), refused);
  EXPECT_EQ(side.sql().number("select count(*) from (select remote_id::int as id, lag(remote_id::int) over (order by "
                              "counter) as before from tandem.inbox) i where before >= id"),
            0)
      << "out of order";
}

TEST(KafkaSourceScene, WhatCannotBeStoredCostsNothingOfWhatIsSentBehindIt) {
  takes_what_fits_in_order("behind", 20'000);
}

TEST(KafkaSourceScene, WhatCannotBeStoredCostsNothingOfASmallHaul) {
  takes_what_fits_in_order("small_haul", 400);
}

TEST(KafkaSourceScene, ReadsCloudEventsAndTombstones) {
  const std::string topic = "events_in";
  const auto event = [](const std::string& id, const std::string& operation, const std::string& subject,
                        const std::string& data) {
    return R"({"specversion":"1.0","id":")" + id + R"(","source":"erp","type":"account.)" + operation +
           R"(","subject":")" + subject + R"(","data":)" + data + "}";
  };
  write_topic(kafka_cluster().brokers(), topic,
              {told("1", event("e1", "create", "1", R"({"id": 1, "name": "a"})")),
               told("1", event("e2", "update", "1", R"({"id": 1, "name": "b"})")),
               told("1", event("e2", "update", "1", R"({"id": 1, "name": "again"})")),
               told("2", event("e3", "create", "2", R"({"id": 2, "name": "c"})")), told("2", std::nullopt)});
  Side side(topic, "events_out", ", value: cloudevents");
  side.start();
  EXPECT_TRUE(wait_for([&] { return side.stored() == 4; }, bound)) << "an event that comes twice is stored once";
  EXPECT_TRUE(side.holds("1 b")) << side.rows();
}

TEST(KafkaSourceScene, AKilledConnectorReadsEveryMessageOnce) {
  const std::string topic = "killed_in";
  Side side(topic, "killed_out", {}, "5s");
  const auto write = [&](int from, int to) {
    std::vector<KafkaDraft> drafts;
    for (int i = from; i < to; ++i)
      drafts.push_back(told(std::to_string(i), R"({"id": )" + std::to_string(i) + R"(, "name": "n"})"));
    write_topic(kafka_cluster().brokers(), topic, drafts);
  };
  write(0, 100);
  for (int round = 1; round <= 3; ++round) {
    side.start();
    EXPECT_TRUE(wait_for([&] { return side.stored() > 100 * (round - 1); }, bound));
    side.stand().tandem().kill();
    write(100 * round, 100 * (round + 1));
  }
  side.start();
  EXPECT_TRUE(wait_for([&] { return side.stored() == 400; }, bound)) << side.stored();
  EXPECT_TRUE(wait_for([&] { return side.sql().number("select count(*) from account") == 400; }, bound));
  EXPECT_EQ(side.sql().text("select position ->> 'killed_in' from tandem.source"), R"({"0": 400})");
}

/// Messages that stand in the inbox behind a later one of their partition.
long long out_of_order(Sql& sql) {
  return sql.number(
      "select count(*) from (select place, lag(place) over (partition by topic_partition order by counter) as before "
      "from (select counter, split_part(source_record_id, '/', 2) as topic_partition, split_part(split_part("
      "source_record_id, '/', 3), '@', 1)::bigint as place from tandem.inbox) i) o where before >= place");
}

TEST(KafkaSourceScene, HaulsThatAreStoredSideBySideKeepTheOrderOfTheTopic) {
  const std::string topic = "beside_in";
  constexpr int messages = 45'000, objects = 20'000;
  std::mt19937 random(7);
  std::vector<KafkaDraft> drafts;
  for (int i = 1; i <= messages; ++i) {
    const auto key = std::to_string(random() % objects);
    drafts.push_back(told(key, R"({"id": )" + key + R"(, "name": "n", "tier": )" + std::to_string(i) + "}"));
    drafts.back().partition = -1;
  }
  write_topic(kafka_cluster().brokers(), topic, drafts);
  Side side(topic, "beside_out", {}, "5s");
  const auto sessions = [&](const std::string& what) {
    return side.sql().number("select count(" + what +
                             ") from pg_stat_activity where application_name like 'tandem % source events'");
  };
  side.start();
  EXPECT_TRUE(wait_for([&] { return sessions("*") == 2; }, bound)) << "each has a session";
  EXPECT_TRUE(wait_for([&] { return side.stored() > 8'000; }, bound));
  side.stand().tandem().kill();
  side.start();
  for (const long long reached : {16'000, 24'000, 32'000}) {
    EXPECT_TRUE(wait_for([&] { return side.stored() > reached; }, bound));
    sessions("pg_terminate_backend(pid)");
  }
  EXPECT_TRUE(wait_for([&] { return side.stored() == messages; }, bound)) << side.stored();
  EXPECT_EQ(out_of_order(side.sql()), 0);
  EXPECT_EQ(side.sql().number("select count(*) from tandem.inbox where tandem.counter_of(record_id) <> counter"), 0);
  EXPECT_TRUE(wait_for([&] { return side.pending() == 0; }, 2 * bound)) << side.pending();
  EXPECT_EQ(
      side.sql().number("select count(*) from account a join (select remote_id, max((body ->> 'tier')::int) as tier "
                        "from tandem.inbox group by 1) i on i.remote_id = a.id::text where a.tier <> i.tier"),
      0);
  EXPECT_TRUE(wait_for([&] { return sessions("*") == 1; }, bound)) << "the second one is closed";
}

TEST(KafkaSourceScene, AValueThatOneObjectHandsOnToAnotherFindsItFree) {
  const std::string topic = "handed_on";
  std::vector<KafkaDraft> drafts;
  const auto tell = [&](int id, const std::string& name) {
    const auto key = std::to_string(id);
    drafts.push_back(told(key, R"({"id": )" + key + R"(, "name": ")" + name + "\"}"));
  };
  for (const int block : {0, 100'000}) {
    const auto name = [&](const char* kind, int i) { return kind + std::to_string(block + i); };
    for (int i = 1; i <= 5'000; ++i) tell(block + i, name("n", i));
    for (int i = 1; i <= 2'500; ++i) tell(block + i, name("x", i)), tell(block + 50'000 + i, name("n", i));
  }
  write_topic(kafka_cluster().brokers(), topic, drafts);
  Side side(topic, "handed_on_out");
  side.sql().run("alter table account add unique (name)");
  side.start();
  EXPECT_TRUE(wait_for([&] { return side.stored() == 20'000; }, bound)) << side.stored();
  EXPECT_TRUE(wait_for([&] { return side.pending() == 0; }, 2 * bound)) << side.pending();
  EXPECT_EQ(side.sql().text("select coalesce(string_agg(distinct description, '; '), '') from tandem.inbox where "
                            "request_state = 4"),
            "");
  EXPECT_EQ(side.sql().number("select count(*) from account"), 15'000);
}

TEST(KafkaSourceScene, ABacklogIsReadOverOneSessionWhereTheServerGivesNoOther) {
  const std::string topic = "one_session_in";
  std::vector<KafkaDraft> drafts;
  for (int i = 1; i <= 30'000; ++i)
    drafts.push_back(told(std::to_string(i), R"({"id": )" + std::to_string(i) + R"(, "name": "n"})"));
  Side side(topic, "one_session_out");
  side.sql().run("update tandem.source set paused = true");
  side.start();
  const auto reads = "select count(*) from pg_stat_activity where application_name like 'tandem % source events'";
  EXPECT_TRUE(wait_for([&] { return side.sql().number(reads) == 1; }, bound));
  side.sql().run("alter role tandem_connector connection limit 1");  // of those to come
  write_topic(kafka_cluster().brokers(), topic, drafts);
  side.sql().run("update tandem.source set paused = false");
  EXPECT_TRUE(wait_for([&] { return side.stored() == 30'000; }, bound)) << side.stored();
  EXPECT_TRUE(side.stand().tandem().logged("a source has one session only"));
  EXPECT_FALSE(side.stand().tandem().logged("a source cannot be read now"));
  EXPECT_EQ(out_of_order(side.sql()), 0);
}

TEST(KafkaSourceScene, AnOutageOfTheClusterCostsTimeAndNothingElse) {
  const std::string topic = "outage_in";
  write_topic(kafka_cluster().brokers(), topic, {told("1", R"({"id": 1, "name": "a"})")});
  Side side(topic, "outage_out");
  side.start();
  EXPECT_TRUE(side.holds("1 a")) << side.rows();
  kafka_cluster().stop();
  EXPECT_TRUE(wait_for([&] { return side.stand().tandem().logged("a source cannot be read now"); }, bound));
  EXPECT_THAT(http_call(side.stand().tandem().http_port(), "GET", "/readyz").body, HasSubstr("source events"));
  kafka_cluster().start();
  write_topic(kafka_cluster().brokers(), topic, {told("2", R"({"id": 2, "name": "b"})")});
  EXPECT_TRUE(side.holds("1 a, 2 b")) << side.rows();
}

TEST(KafkaSourceScene, DoctorTellsWhetherItsTopicsAreThere) {
  write_topic(kafka_cluster().brokers(), "seen_in", {told("1", R"({"id": 1, "name": "a"})")});
  Side side("seen_in, not_there_yet_in", "seen_out");
  const auto found = side.stand().tandem().command({"doctor"}).output;
  EXPECT_THAT(found, HasSubstr("source events: answers; 1 brokers"));
  EXPECT_THAT(found, HasSubstr("source events: has no topic not_there_yet_in"));
  EXPECT_THAT(found, testing::Not(HasSubstr("has no topic seen_in")));
}

TEST(KafkaSourceScene, GoesOnFromThePositionThatAPersonStores) {
  const std::string topic = "moved_in";
  std::vector<KafkaDraft> drafts;
  for (int i = 1; i <= 10; ++i)
    drafts.push_back(told(std::to_string(i), R"({"id": )" + std::to_string(i) + R"(, "name": "n"})"));
  write_topic(kafka_cluster().brokers(), topic, drafts);
  Side side(topic, "moved_out");
  side.start();
  ASSERT_TRUE(wait_for([&] { return side.stored() == 10 && side.pending() == 0; }, bound));
  side.sql().run("delete from tandem.inbox");
  side.sql().run(R"(update tandem.source set position = '{"moved_in": {"0": 4}}')");
  EXPECT_TRUE(wait_for([&] { return side.stored() == 6; }, bound)) << side.stored();
  // Behind the end: the topic must be another one by now.
  side.sql().run(R"(update tandem.source set position = '{"moved_in": {"0": 1000}}')");
  EXPECT_TRUE(wait_for([&] { return side.stored() == 10; }, bound)) << side.stored();
  EXPECT_THAT(side.sql().text("select reason from tandem.refused"), HasSubstr("it is read from its beginning"));
}

TEST(KafkaSourceScene, AStartAtTheEndTakesOnlyWhatComesFromThenOn) {
  const std::string topic = "latest_in";
  write_topic(kafka_cluster().brokers(), topic, {told("1", R"({"id": 1, "name": "old"})")});
  Side side(topic, "latest_out", ", start: latest");
  side.start();
  ASSERT_TRUE(wait_for(
      [&] { return side.sql().number("select count(*) from tandem.source where position is not null") == 1; }, bound));
  write_topic(kafka_cluster().brokers(), topic, {told("2", R"({"id": 2, "name": "new"})")});
  EXPECT_TRUE(side.holds("2 new")) << side.rows();
}

}  // namespace
}  // namespace tandem::test_support
