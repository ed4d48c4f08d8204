#include <gmock/gmock.h>

#include "accounts.hpp"
#include "support/kafka_mock.hpp"
#include "support/kafka_reader.hpp"
#include "support/stand.hpp"

namespace tandem::test_support {
namespace {

/// What only a mock can be told to do wrong.
struct FaultyCluster {
  KafkaMock mock;
  Stand stand;

  void begin(const std::string& target_more = {}) {
    stand.sql().run(account_table);
    stand.begin("  events:\n    type: kafka\n    brokers: [\"" + mock.brokers()[0] + R"("]
    timeout: 5s
    retry: { count: 5, first: 100ms, factor: 1.5 }
    breaker: { open_first: 100ms, open_longest: 500ms }
)" + target_more,
                "\n  account:\n    table: public.account\n    routes:\n"
                "      - { target: events, topic: accounts, coalesce: false }\n");
  }
  void expect_in_order(std::size_t objects, int changes) {
    const auto all = by_key(read_topic(mock.brokers(), "accounts"));
    EXPECT_EQ(all.size(), objects);
    for (const auto& [key, values] : all) {
      int last = 0;
      for (const std::string& value : values) {
        const int number = std::stoi(value.substr(value.find("\"revenue\":") + 10));
        EXPECT_TRUE(number == last || number == last + 1) << key << ": " << number << " after " << last;
        last = number;
      }
      EXPECT_EQ(last, changes) << key;
    }
  }
};

TEST(KafkaFaults, AFatalClientIsReplacedWithoutLossOrReordering) {
  FaultyCluster it;
  it.begin();
  it.stand.sql().run("insert into account select n, 'n', 1, true from generate_series(1, 300) n");
  ASSERT_TRUE(it.stand.settles());
  it.mock.fail(KafkaMock::produce,
               {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER});
  it.stand.sql().run("update account set revenue = 2");
  it.stand.sql().run("update account set revenue = 3");
  ASSERT_TRUE(it.stand.settles(std::chrono::seconds(60)));
  EXPECT_TRUE(it.stand.tandem().logged("the Kafka client is of no use any more"));
  EXPECT_EQ(it.stand.sql().number("select count(*) from tandem.outbox where request_state = 4"), 0);
  it.expect_in_order(300, 3);
}

TEST(KafkaFaults, LostAnswersAndMovingLeadersAreRiddenOut) {
  FaultyCluster it;
  it.begin();
  it.stand.sql().run("insert into account select n, 'n', 1, true from generate_series(1, 300) n");
  ASSERT_TRUE(it.stand.settles());
  it.mock.fail(KafkaMock::produce, {RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR__TRANSPORT,
                                    RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT});
  it.stand.sql().run("update account set revenue = 2");
  ASSERT_TRUE(it.stand.settles(std::chrono::seconds(60)));
  EXPECT_EQ(it.stand.sql().number("select count(*) from tandem.outbox where request_state = 4"), 0);
  it.expect_in_order(300, 2);
}

TEST(KafkaFaults, RefusedCredentialsCostNoAttempt) {
  FaultyCluster it;
  it.mock.fail(KafkaMock::init_producer_id,
               {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED});
  it.begin();
  it.stand.sql().run("insert into account values (1, 'n', 1, true)");
  ASSERT_TRUE(it.stand.settles(std::chrono::seconds(30)));
  EXPECT_EQ(it.stand.outcome_of("1", "account"), "delivered");
  EXPECT_EQ(it.stand.sql().number("select attempts from tandem.outbox"), 1);
  EXPECT_TRUE(it.stand.tandem().logged("auth"));
}

}  // namespace
}  // namespace tandem::test_support
