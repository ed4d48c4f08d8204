#include <chrono>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "support/kafka_mock.hpp"
#include "support/kafka_reader.hpp"
#include "target/registry.hpp"

/// How fast the Kafka target is, beside librdkafka's own producer: both to the same mock cluster, in turn, the same
/// records. Prints {"target": records/s, "producer": records/s}.
///
/// usage: kafka_probe RECORDS
namespace {

using namespace tandem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t in_a_shipment = 500, in_flight = 8'000;  // what delivery gives a target of concurrency 16

const std::string& body() {
  static const std::string text = R"({"name":")" + std::string(430, 'n') + R"("})";
  return text;
}

double rate(std::size_t records, Clock::time_point since) {
  return static_cast<double>(records) / std::chrono::duration<double>(Clock::now() - since).count();
}

double of_target(const std::vector<std::string>& brokers, std::size_t records) {
  Settings settings;
  TargetSettings events;
  events.name = "events";
  events.type = "kafka";
  events.cluster.brokers = brokers;
  settings.targets.push_back(events);
  RouteSettings route;
  route.target = "events";
  route.request_type = "account";
  route.kafka = KafkaSettings{"by_target", KafkaValue::json, KafkaDelete::tombstone};
  settings.routes.push_back(route);
  HttpClient http;
  std::size_t answered = 0, failed = 0;
  auto target = make_target(settings, settings.targets[0], http, [&](const std::vector<Answer>& answers) {
    answered += answers.size();
    for (const Answer& answer : answers) failed += answer.error != ErrorClass::none;
  });
  if (!target) throw std::runtime_error(target.error().message);
  const auto since = Clock::now();
  for (std::size_t started = 0; answered < records;) {
    while (started < records && started - answered + in_a_shipment <= in_flight) {
      Shipment shipment{0, {}};
      for (std::size_t i = 0; i < in_a_shipment && started < records; ++i, ++started) {
        Attempt attempt;
        attempt.counter = {static_cast<std::int64_t>(started + 1)};
        attempt.object_id = std::to_string(started);
        attempt.body = body();
        shipment.attempts.push_back(std::move(attempt));
      }
      (*target)->start(std::move(shipment));
    }
    http.turn(std::chrono::milliseconds(100));
  }
  if (failed > 0) throw std::runtime_error(std::to_string(failed) + " records were not delivered");
  return rate(records, since);
}

double of_producer(const std::vector<std::string>& brokers, std::size_t records) {
  std::vector<test_support::KafkaDraft> drafts(records);
  for (std::size_t i = 0; i < records; ++i) drafts[i] = {std::to_string(i), body()};
  const auto since = Clock::now();
  test_support::write_topic(brokers, "by_producer", drafts);
  return rate(records, since);
}

}  // namespace

int main(int count, char** arguments) try {
  const std::size_t records = count > 1 ? std::stoul(arguments[1]) : 300'000;
  const test_support::KafkaMock cluster;
  of_producer(cluster.brokers(), 1'000);
  of_target(cluster.brokers(), 1'000);
  const double producer = of_producer(cluster.brokers(), records), target = of_target(cluster.brokers(), records);
  std::cout << "{\"target\": " << target << ", \"producer\": " << producer << "}\n";
  return 0;
} catch (const std::exception& error) {
  std::cerr << "kafka_probe: " << error.what() << '\n';
  return 1;
}
