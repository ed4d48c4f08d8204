#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "accounts.hpp"
#include "support/kafka_cluster.hpp"
#include "support/kafka_reader.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

/// CRM → Kafka → a master system → Kafka → confirmation. Run twice: with librdkafka's mock cluster, and by `./dev test
/// kafka` with a broker of Apache Kafka.
namespace tandem::test_support {
namespace {

constexpr auto bound = std::chrono::seconds(60);

TEST(KafkaConfirmed, TheMasterSystemConfirmsOverAnotherTopic) {
  Stand::Options options;
  options.top =
      "sources:\n  events: { type: kafka, topics: [confirmed_back], confirmations: { record_id: \"header:confirms\", "
      "failed: /error, error: /error/text, remote_id: /master_id } }\n";
  Stand stand(options);
  stand.sql().run(account_table);
  write_topic(kafka_cluster().brokers(), "confirmed_back", {});
  stand.install("  events:\n    type: kafka\n    brokers: [\"" + kafka_cluster().brokers()[0] +
                    "\"]\n    breaker: { open_first: 100ms, open_longest: 500ms }\n",
                "\n  account:\n    table: public.account\n    routes:\n      - target: events\n        topic: "
                "confirmed_out\n        settle_on: confirmed\n        confirm_within: 10m\n");
  stand.tandem().start_ready(bound);
  stand.sql().run("insert into account values (1, 'one', 0, true), (2, 'two', 0, true)");
  ASSERT_TRUE(wait_for(
      [&] { return stand.sql().number("select count(*) from tandem.parked where reason = 'confirmation'") == 2; },
      bound));
  for (const auto& message : read_topic(kafka_cluster().brokers(), "confirmed_out")) {
    ASSERT_TRUE(message.headers.contains("record_id"));
    const bool good = message.key == "1";
    write_topic(kafka_cluster().brokers(), "confirmed_back",
                {{message.key,
                  good ? R"({"master_id": "M1"})" : R"({"error": {"text": "closed"}})",
                  {{"confirms", message.headers.at("record_id")}},
                  0}});
  }
  ASSERT_TRUE(stand.settles(bound));
  EXPECT_EQ(stand.outcome_of("1", "account"), "delivered");
  EXPECT_EQ(stand.outcome_of("2", "account"), "rejected");
  EXPECT_EQ(stand.sql().text("select description from tandem.outbox where object_id = '2'"), "closed");
  EXPECT_EQ(stand.sql().text("select object_id || ' ' || remote_id || ' ' || state from tandem.identity"),
            "1 M1 paired");
}

}  // namespace
}  // namespace tandem::test_support
