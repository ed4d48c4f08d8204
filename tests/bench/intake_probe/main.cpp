#include <chrono>
#include <cstdint>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "intake/kafka_reader.hpp"
#include "intake/reading_thread.hpp"
#include "support/kafka_mock.hpp"
#include "support/kafka_reader.hpp"
#include "support/sql.hpp"

/// How fast the Kafka source brings messages into the inbox, beside librdkafka's own consumer: both read the same topic
/// of the same mock cluster. Prints {"source": records/s, "consumer": records/s}.
///
/// usage: intake_probe URL RECORDS      (of a database with tandem's schema and a source `topics`)
namespace {

using namespace tandem;
using Clock = std::chrono::steady_clock;

constexpr const char* topic = "account";

double rate(std::size_t records, Clock::time_point since) {
  return static_cast<double>(records) / std::chrono::duration<double>(Clock::now() - since).count();
}

void fill(const std::vector<std::string>& brokers, std::size_t records) {
  const std::string body = R"({"name":")" + std::string(430, 'n') + R"("})";
  std::vector<test_support::KafkaDraft> drafts(records);
  for (std::size_t i = 0; i < records; ++i)
    drafts[i] = {std::to_string(i), body, {{"record_id", std::to_string(i)}, {"request_type", "account"}}};
  test_support::write_topic(brokers, topic, drafts);
}

double of_consumer(const std::vector<std::string>& brokers, std::size_t records) {
  const auto since = Clock::now();
  if (test_support::read_topic(brokers, topic).size() != records) throw std::runtime_error("messages are missing");
  return rate(records, since);
}

double of_source(const std::vector<std::string>& brokers, const std::string& url, std::size_t records) {
  Settings settings;
  settings.database.url = Secret(url);
  RouteSettings route;
  route.target = "topics";
  route.request_type = "account";
  route.apply.emplace();
  settings.routes.push_back(route);
  SourceSettings source;
  source.name = source.target = "topics";
  source.notification.id = "key";
  source.notification.request_type = "header:request_type";
  source.notification.event = "header:record_id";
  source.notification.body = "";
  source.topics.emplace();
  source.topics->cluster.brokers = brokers;
  source.topics->topics = {topic};
  settings.sources.push_back(source);
  test_support::Sql sql(url);
  ReadingThread reading(settings, settings.sources[0], std::make_unique<KafkaReader>(settings, settings.sources[0]),
                        [] {});
  const auto since = Clock::now();
  std::jthread thread([&](const std::stop_token& stop) { reading.run(stop); });
  // By the identity's counter, which costs nothing to ask.
  while (sql.number("select last_value from tandem.inbox_counter_seq") < static_cast<long long>(records))
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const double found = rate(records, since);
  thread.request_stop();
  thread.join();
  if (sql.number("select count(*) from tandem.inbox") != static_cast<long long>(records))
    throw std::runtime_error("records are missing");
  return found;
}

}  // namespace

int main(int count, char** arguments) try {
  if (count != 3) throw std::runtime_error("usage: intake_probe URL RECORDS");
  const std::size_t records = std::stoul(arguments[2]);
  test_support::KafkaMock cluster;
  cluster.make_topic(topic, 64);  // the mock keeps 5 MB of a partition
  fill(cluster.brokers(), records);
  const double consumer = of_consumer(cluster.brokers(), records);
  const double source = of_source(cluster.brokers(), arguments[1], records);
  std::cout << "{\"source\": " << source << ", \"consumer\": " << consumer << "}\n";
  return 0;
} catch (const std::exception& error) {
  std::cerr << "intake_probe: " << error.what() << '\n';
  return 1;
}
