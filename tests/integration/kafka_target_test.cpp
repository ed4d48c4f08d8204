#include <gmock/gmock.h>

#include <string>

#include "accounts.hpp"
#include "support/kafka_cluster.hpp"
#include "support/kafka_reader.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

/// Run twice: with librdkafka's mock cluster, and by `./dev test kafka` with a broker of Apache Kafka.
namespace tandem::test_support {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A Kafka target. A timeout that a busy machine's broker may reach costs a second copy of a message: only scenes that
/// wait for one, or for a successor that waits it out, have a short one.
std::string kafka_target(const std::string& more = {}, const std::string& timeout = "30s") {
  return "  events:\n    type: kafka\n    brokers: [\"" + kafka_cluster().brokers()[0] +
         "\"]\n    timeout: " + timeout + R"(
    retry: { count: 3, first: 100ms, factor: 1.5 }
    breaker: { open_first: 100ms, open_longest: 500ms }
)" + more;
}

/// Topics outlive a test where the broker does: each has its own.
std::string watch_to(const std::string& topic, const std::string& more = {}) {
  return "\n  account:\n    table: public.account\n    routes:\n      - target: events\n        topic: " + topic +
         "\n" + more;
}

std::map<std::string, std::vector<std::string>> values_in(const std::string& topic) {
  return by_key(read_topic(kafka_cluster().brokers(), topic));
}

/// A row's `revenue`, which counts its changes.
int number_in(const std::string& body) {
  const auto at = body.find("\"revenue\":");
  return at == std::string::npos ? -1 : std::stoi(body.substr(at + 10));
}

/// Of each object every change came, in order; one that was sent again after a lost answer may stand twice, never after
/// a newer one.
void expect_complete(const std::map<std::string, std::vector<std::string>>& objects, std::size_t count, int changes,
                     bool once) {
  EXPECT_EQ(objects.size(), count);
  for (const auto& [key, values] : objects) {
    int last = 0;
    for (const std::string& value : values) {
      const int number = number_in(value);
      EXPECT_TRUE(number == last + 1 || (!once && number == last)) << key << ": " << number << " after " << last;
      last = number;
    }
    EXPECT_EQ(last, changes) << key;
  }
}

TEST(KafkaTargetScene, BringsCreatesUpdatesAndDeletesInOrder) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(kafka_target(), watch_to("in_order", "        coalesce: false\n"));
  stand.sql().run("insert into account values (1, 'ü', 0.1, true), (2, 'b', null, null)");
  stand.sql().run("update account set name = 'second' where nr = 1");
  stand.sql().run("delete from account where nr = 1");
  ASSERT_TRUE(stand.settles());
  auto objects = values_in("in_order");
  ASSERT_EQ(objects.size(), 2U);
  EXPECT_THAT(objects["1"], ElementsAre(HasSubstr("\"revenue\":0.1000"), HasSubstr("second"), "(deleted)"));
  EXPECT_EQ(objects["2"].size(), 1U);
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.outbox where outcome = 'delivered'"), 4);
  for (const auto& message : read_topic(kafka_cluster().brokers(), "in_order"))
    EXPECT_EQ(stand.sql().number("select count(*) from tandem.outbox where record_id = '" +
                                 message.headers.at("record_id") + "'"),
              1);
}

TEST(KafkaTargetScene, ManyObjectsManyChangesNoLossInOrder) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(kafka_target(), watch_to("many", "        coalesce: false\n"));
  stand.sql().run("insert into account select n, 'n' || n, 1, true from generate_series(1, 2000) n");
  for (int i = 2; i <= 4; ++i) stand.sql().run("update account set revenue = " + std::to_string(i));
  stand.tandem().start_ready();
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60)));
  expect_complete(values_in("many"), 2000, 4, true);
}

TEST(KafkaTargetScene, AnOutageCostsTimeAndNothingElse) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(kafka_target({}, "2s"), watch_to("outage", "        coalesce: false\n"));
  stand.sql().run("insert into account select n, 'n' || n, 1, true from generate_series(1, 200) n");
  ASSERT_TRUE(stand.settles());
  kafka_cluster().stop();
  stand.sql().run("update account set revenue = 2");
  stand.sql().run("update account set revenue = 3");
  EXPECT_TRUE(wait_for([&] { return stand.tandem().logged("the target is down"); }, std::chrono::seconds(30)));
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.outbox where request_state = 4"), 0);
  kafka_cluster().start();
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60)));
  expect_complete(values_in("outage"), 200, 3, false);
}

TEST(KafkaTargetScene, AKilledConnectorLosesNothing) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(kafka_target({}, "5s"), watch_to("killed", "        coalesce: false\n"));
  for (int i = 1; i <= 6; ++i) {
    if (i == 1)
      stand.sql().run("insert into account select n, 'n' || n, 1, true from generate_series(1, 1000) n");
    else
      stand.sql().run("update account set revenue = " + std::to_string(i));
    if (i % 2 == 0) {
      stand.tandem().kill();
      stand.tandem().start_ready(std::chrono::seconds(40));
    }
  }
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60)));
  expect_complete(values_in("killed"), 1000, 6, false);
}

TEST(KafkaTargetScene, ARecordThatIsTooLargeStopsOnlyItself) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(kafka_target("    max_body: 50KiB\n"), watch_to("large"));
  stand.sql().run("insert into account values (1, 'a', 1, true), (2, repeat('x', 60000), 1, true), (3, 'c', 1, true)");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.outcome_of("2", "account"), "rejected");
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.outbox where error_code = 'too_large'"), 1);
  EXPECT_EQ(values_in("large").size(), 2U);
}

TEST(KafkaTargetScene, DoctorTellsWhetherTheClusterIsThere) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(kafka_target({}, "5s"), watch_to("not_there_yet"));
  const Finished well = stand.tandem().command({"doctor"});
  EXPECT_THAT(well.output, HasSubstr("1 brokers"));
  EXPECT_THAT(well.output, HasSubstr("has no topic not_there_yet"));
  std::string nowhere = kafka_target({}, "5s");
  const std::string broker = kafka_cluster().brokers()[0];
  nowhere.replace(nowhere.find(broker), broker.size(), "127.0.0.1:1");
  stand.tandem().write_configuration(stand.configuration(nowhere, watch_to("not_there_yet")));
  EXPECT_THAT(stand.tandem().command({"doctor"}).output, HasSubstr("cannot be reached"));
}

}  // namespace
}  // namespace tandem::test_support
