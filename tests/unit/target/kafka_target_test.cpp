#include <gmock/gmock.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "support/kafka_mock.hpp"
#include "support/kafka_reader.hpp"
#include "target/kafka_verdict.hpp"
#include "target/registry.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using namespace test_support;
using testing::ElementsAre;
using testing::HasSubstr;

/// A Kafka target with one route, its answers, and the loop that turns it.
struct KafkaBench {
  Settings settings;
  HttpClient http;
  std::map<std::int64_t, Answer> answers;  ///< by counter
  int answered_twice = 0;
  std::unique_ptr<Target> target;

  explicit KafkaBench(std::vector<std::string> brokers) {
    TargetSettings events;
    events.name = "events";
    events.type = "kafka";
    events.cluster.brokers = std::move(brokers);
    events.max_body_bytes = 1'000'000;
    events.timeout = 5s;
    settings.targets.push_back(events);
    RouteSettings route;
    route.target = "events";
    route.request_type = "account";
    route.kafka = KafkaSettings{"crm.account", KafkaValue::json, KafkaDelete::tombstone};
    settings.routes.push_back(route);
  }
  KafkaSettings& route() { return *settings.routes[0].kafka; }

  void make() {
    auto made = make_target(settings, settings.targets[0], http, [this](std::vector<Answer> some) {
      for (Answer& answer : some) answered_twice += !answers.emplace(answer.counter.value, std::move(answer)).second;
    });
    ASSERT_TRUE(made) << made.error().message;
    target = std::move(*made);
  }
  static Attempt attempt(std::int64_t counter, std::string object_id, Operation operation = Operation::update) {
    Attempt out;
    out.counter = {counter};
    out.record_id.bytes[15] = static_cast<std::uint8_t>(counter);
    out.operation = operation;
    out.object_id = std::move(object_id);
    if (operation != Operation::remove) out.body = "{\"n\":" + std::to_string(counter) + "}";
    return out;
  }
  void start(std::vector<Attempt> attempts) {
    if (!target) make();
    const std::size_t before = answers.size();
    target->start({0, std::move(attempts)});
    EXPECT_EQ(answers.size(), before) << "never from within start";
  }
  void turn_until_answered(std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (answers.size() < count && std::chrono::steady_clock::now() < end) http.turn(1s);
    ASSERT_EQ(answers.size(), count);
    EXPECT_EQ(answered_twice, 0);
  }
  Answer send(Attempt attempt) {
    const std::int64_t counter = attempt.counter.value;
    start({std::move(attempt)});
    turn_until_answered(answers.size() + 1);
    return answers[counter];
  }
};

TEST(KafkaTarget, WritesKeyValueAndHeaders) {
  KafkaMock cluster;
  KafkaBench bench(cluster.brokers());
  Attempt attempt = KafkaBench::attempt(1, "A-1", Operation::create);
  attempt.trace_context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const Answer answer = bench.send(attempt);
  EXPECT_EQ(answer.error, ErrorClass::none) << answer.description;
  EXPECT_GT(answer.duration.count(), 0);
  EXPECT_EQ(bench.send(KafkaBench::attempt(2, "A-1", Operation::remove)).error, ErrorClass::none);
  const auto messages = read_topic(cluster.brokers(), "crm.account");
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].key, "A-1");
  EXPECT_EQ(messages[0].value, "{\"n\":1}");
  const std::map<std::string, std::string> headers{{"record_id", "00000000-0000-0000-0000-000000000001"},
                                                   {"request_type", "account"},
                                                   {"operation", "create"},
                                                   {"object_id", "A-1"},
                                                   {"content-type", "application/json"},
                                                   {"traceparent", attempt.trace_context}};
  EXPECT_EQ(messages[0].headers, headers);
  EXPECT_EQ(messages[1].value, std::nullopt) << "a tombstone";
  EXPECT_EQ(messages[1].headers.at("operation"), "delete");
  EXPECT_EQ(messages[1].partition, messages[0].partition);
}

TEST(KafkaTarget, WritesCloudEventsAndDeletesAsMessages) {
  KafkaMock cluster;
  KafkaBench bench(cluster.brokers());
  bench.route().value = KafkaValue::cloudevents;
  bench.route().deletes = KafkaDelete::message;
  bench.settings.targets[0].event_source = "crm/east";
  EXPECT_EQ(bench.send(KafkaBench::attempt(1, "a\"b")).error, ErrorClass::none);
  EXPECT_EQ(bench.send(KafkaBench::attempt(2, "a\"b", Operation::remove)).error, ErrorClass::none);
  const auto messages = read_topic(cluster.brokers(), "crm.account");
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(
      messages[0].value,
      R"({"specversion":"1.0","id":"00000000-0000-0000-0000-000000000001","source":"crm/east",)"
      R"("type":"account.update","subject":"a\"b","partitionkey":"a\"b","datacontenttype":"application/json","data":{"n":1}})");
  EXPECT_THAT(messages[0].headers.at("content-type"), HasSubstr("application/cloudevents+json"));
  EXPECT_THAT(messages[1].value.value_or(""), HasSubstr(R"("type":"account.delete")"));
  EXPECT_THAT(messages[1].value.value_or(""), testing::Not(HasSubstr("\"data\"")));
}

TEST(KafkaTarget, DeletesAsPlainMessages) {
  KafkaMock cluster;
  KafkaBench bench(cluster.brokers());
  bench.route().deletes = KafkaDelete::message;
  EXPECT_EQ(bench.send(KafkaBench::attempt(1, "7", Operation::remove)).error, ErrorClass::none);
  EXPECT_THAT(by_key(read_topic(cluster.brokers(), "crm.account"))["7"],
              ElementsAre(R"({"object_id":"7","deleted":true})"));
}

TEST(KafkaTarget, ARefusedBatchIsTakenApartAndNeighboursArrive) {
  KafkaMock cluster;
  cluster.make_topic("crm.account", 1);
  KafkaBench bench(cluster.brokers());
  ASSERT_EQ(bench.send(KafkaBench::attempt(1, "warm")).error, ErrorClass::none);
  cluster.fail(KafkaMock::produce, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  std::vector<Attempt> attempts;
  for (int i = 2; i <= 20; ++i) attempts.push_back(KafkaBench::attempt(i, "k" + std::to_string(i)));
  bench.start(std::move(attempts));
  bench.turn_until_answered(20);
  for (const auto& [counter, answer] : bench.answers) EXPECT_EQ(answer.error, ErrorClass::none) << counter;
  for (const auto& [key, values] : by_key(read_topic(cluster.brokers(), "crm.account")))
    EXPECT_EQ(values.size(), 1U) << key;
}

TEST(KafkaTarget, WhatIsRefusedAloneIsTheRecordsFault) {
  KafkaMock cluster;
  KafkaBench bench(cluster.brokers());
  ASSERT_EQ(bench.send(KafkaBench::attempt(1, "warm")).error, ErrorClass::none);
  cluster.fail(KafkaMock::produce, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  const Answer large = bench.send(KafkaBench::attempt(2, "large"));
  EXPECT_EQ(large.error, ErrorClass::too_large);
  EXPECT_FALSE(large.maybe_in_effect);
  cluster.fail(KafkaMock::produce, {RD_KAFKA_RESP_ERR_INVALID_RECORD, RD_KAFKA_RESP_ERR_INVALID_RECORD});
  EXPECT_EQ(bench.send(KafkaBench::attempt(3, "odd")).error, ErrorClass::rejected);
  EXPECT_EQ(bench.send(KafkaBench::attempt(4, "next")).error, ErrorClass::none);
}

TEST(KafkaTarget, TooLargeIsNotSent) {
  KafkaMock cluster;
  KafkaBench bench(cluster.brokers());
  bench.settings.targets[0].max_body_bytes = 1'024;
  Attempt attempt = KafkaBench::attempt(1, "a");
  attempt.body = "\"" + std::string(2'000, 'x') + "\"";
  const Answer answer = bench.send(std::move(attempt));
  EXPECT_EQ(answer.error, ErrorClass::too_large);
  EXPECT_THAT(answer.description, HasSubstr("2002 bytes"));
  EXPECT_TRUE(read_topic(cluster.brokers(), "crm.account").empty());
}

TEST(KafkaTarget, BrokersThatAreDownAreTheNetworksFaultAndHaveNothing) {
  KafkaMock cluster;
  KafkaBench bench(cluster.brokers());
  bench.settings.targets[0].timeout = 800ms;
  cluster.down();
  const Answer answer = bench.send(KafkaBench::attempt(1, "a"));
  EXPECT_EQ(answer.error, ErrorClass::network) << answer.description;
  EXPECT_FALSE(answer.maybe_in_effect);
  EXPECT_FALSE(answer.description.empty());
  cluster.up();
  bench.settings.targets[0].timeout = 5s;
  Answer again;
  for (int i = 2; i < 12 && i != 0; ++i) {
    again = bench.send(KafkaBench::attempt(i, "a"));
    if (again.error == ErrorClass::none) break;
  }
  EXPECT_EQ(again.error, ErrorClass::none) << again.description;
}

TEST(KafkaTarget, AnUnansweredRequestMayBeInEffect) {
  KafkaMock cluster;
  KafkaBench bench(cluster.brokers());
  bench.settings.targets[0].timeout = 1s;
  ASSERT_EQ(bench.send(KafkaBench::attempt(1, "warm")).error, ErrorClass::none);
  cluster.slow_by(60'000);
  const Answer answer = bench.send(KafkaBench::attempt(2, "a"));
  EXPECT_EQ(answer.error, ErrorClass::timeout) << answer.description;
  EXPECT_TRUE(answer.maybe_in_effect);
}

TEST(KafkaTarget, RetriesOfTheClientNeitherDoubleNorReorder) {
  KafkaMock cluster;
  cluster.make_topic("crm.account", 1);
  KafkaBench bench(cluster.brokers());
  cluster.fail(KafkaMock::produce, {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR__TRANSPORT,
                                    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR__TRANSPORT});
  std::vector<Attempt> attempts;
  for (int i = 1; i <= 200; ++i) attempts.push_back(KafkaBench::attempt(i, "k" + std::to_string(i)));
  bench.start(std::move(attempts));
  bench.turn_until_answered(200);
  for (const auto& [counter, answer] : bench.answers) EXPECT_EQ(answer.error, ErrorClass::none) << answer.description;
  for (const auto& [key, values] : by_key(read_topic(cluster.brokers(), "crm.account")))
    EXPECT_EQ(values.size(), 1U) << key;
}

TEST(KafkaTarget, RefusedCredentialsAreToldAtOnceAndTheNextAttemptBeginsAnew) {
  KafkaMock cluster;
  cluster.fail(KafkaMock::init_producer_id, {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED});
  KafkaBench bench(cluster.brokers());
  bench.settings.targets[0].timeout = 60s;
  const Answer refused = bench.send(KafkaBench::attempt(1, "a"));
  EXPECT_EQ(refused.error, ErrorClass::auth) << refused.description;
  EXPECT_FALSE(refused.maybe_in_effect);
  EXPECT_EQ(bench.send(KafkaBench::attempt(2, "a")).error, ErrorClass::none);
}

TEST(KafkaTarget, AFatalErrorAnswersAllInFlightAndANewClientGoesOn) {
  KafkaMock cluster;
  cluster.make_topic("crm.account", 1);
  KafkaBench bench(cluster.brokers());
  ASSERT_EQ(bench.send(KafkaBench::attempt(1, "warm")).error, ErrorClass::none);
  cluster.fail(KafkaMock::produce, {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER});
  std::vector<Attempt> attempts;
  for (int i = 2; i <= 50; ++i) attempts.push_back(KafkaBench::attempt(i, "k" + std::to_string(i)));
  bench.start(std::move(attempts));
  bench.turn_until_answered(50);
  int failed = 0;
  std::vector<Attempt> again;
  for (const auto& [counter, answer] : bench.answers) {
    if (answer.error == ErrorClass::none) continue;
    ++failed;
    EXPECT_EQ(answer.error, ErrorClass::unavailable) << answer.description;
    again.push_back(KafkaBench::attempt(counter + 100, "k" + std::to_string(counter)));
  }
  EXPECT_GT(failed, 0);
  const std::size_t count = again.size();
  bench.start(std::move(again));
  bench.turn_until_answered(50 + count);
  for (const auto& [counter, answer] : bench.answers)
    EXPECT_TRUE(counter <= 100 || answer.error == ErrorClass::none) << answer.description;
}

TEST(KafkaTarget, AbandonAnswersEverythingBeforeItReturns) {
  KafkaMock cluster;
  KafkaBench bench(cluster.brokers());
  ASSERT_EQ(bench.send(KafkaBench::attempt(1, "warm")).error, ErrorClass::none);
  cluster.slow_by(60'000);
  std::vector<Attempt> attempts;
  for (int i = 2; i <= 20; ++i) attempts.push_back(KafkaBench::attempt(i, "k" + std::to_string(i)));
  bench.start(std::move(attempts));
  bench.target->abandon();
  EXPECT_EQ(bench.answers.size(), 20U);
  EXPECT_EQ(bench.answers[2].error, ErrorClass::network);
  EXPECT_EQ(bench.answered_twice, 0);
}

TEST(KafkaTarget, SendsNothingOnceTheLeaseIsLost) {
  KafkaMock cluster;
  KafkaBench bench(cluster.brokers());
  bench.http.send_only_while([] { return false; });
  const Answer answer = bench.send(KafkaBench::attempt(1, "a"));
  EXPECT_EQ(answer.error, ErrorClass::network);
  EXPECT_FALSE(answer.maybe_in_effect);
  EXPECT_TRUE(read_topic(cluster.brokers(), "crm.account").empty());
}

TEST(KafkaTarget, TellsPropertiesThatLibrdkafkaDoesNotTakeWithoutTheirSecrets) {
  KafkaBench bench({"127.0.0.1:9"});
  bench.settings.targets[0].cluster.properties = {{"linger.mss", Secret("5"), 7},
                                                  {"sasl.password", Secret("hush-hush"), 8},
                                                  {"security.protocol", Secret("tls"), 9}};
  const auto problems = check_target(bench.settings, bench.settings.targets[0]);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].line, 7);
  EXPECT_THAT(problems[0].message, HasSubstr("linger.mss"));
  EXPECT_EQ(problems[1].line, 9);
  for (const auto& problem : problems) EXPECT_THAT(problem.message, testing::Not(HasSubstr("hush")));
}

TEST(KafkaVerdict, ClassesErrors) {
  const std::pair<rd_kafka_resp_err_t, ErrorClass> table[] = {
      {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, ErrorClass::timeout},
      {RD_KAFKA_RESP_ERR__TRANSPORT, ErrorClass::network},
      {RD_KAFKA_RESP_ERR__PURGE_QUEUE, ErrorClass::network},
      {RD_KAFKA_RESP_ERR__AUTHENTICATION, ErrorClass::auth},
      {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ErrorClass::auth},
      {RD_KAFKA_RESP_ERR__QUEUE_FULL, ErrorClass::throttled},
      {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ErrorClass::too_large},
      {RD_KAFKA_RESP_ERR_INVALID_RECORD, ErrorClass::rejected},
      {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ErrorClass::unavailable},
      {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, ErrorClass::unavailable},
      {RD_KAFKA_RESP_ERR__FATAL, ErrorClass::unavailable}};
  for (const auto& [error, expected] : table) {
    EXPECT_EQ(kafka::judge(error, RD_KAFKA_MSG_STATUS_NOT_PERSISTED).error, expected) << rd_kafka_err2name(error);
    EXPECT_FALSE(kafka::judge(error, RD_KAFKA_MSG_STATUS_NOT_PERSISTED).maybe_in_effect);
    EXPECT_TRUE(kafka::judge(error, RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED).maybe_in_effect);
    EXPECT_EQ(kafka::judge(error, RD_KAFKA_MSG_STATUS_PERSISTED).error, ErrorClass::none);
  }
}

}  // namespace
}  // namespace tandem
