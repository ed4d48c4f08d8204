#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <stdexcept>

#include "support/child_process.hpp"
#include "support/files.hpp"
#include "support/kafka_cluster.hpp"
#include "support/kafka_reader.hpp"
#include "support/port.hpp"
#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace {

using namespace std::chrono_literals;

/// One node of Apache Kafka (KRaft) on free ports of loopback, its files in a temporary folder.
class Broker final : public KafkaCluster {
 public:
  Broker() {
    write_file(settings(), "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:" +
                               std::to_string(controller_.number()) + "\nlisteners=BROKER://" + brokers()[0] +
                               ",CONTROLLER://127.0.0.1:" + std::to_string(controller_.number()) +
                               "\nadvertised.listeners=BROKER://" + brokers()[0] + R"(
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
num.partitions=3
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
message.max.bytes=100000
log.dirs=)" + (folder_.path() / "data").string() +
                               "\n");
    const Finished formatted = run_program(
        {.arguments = java({"kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", settings()})});
    if (formatted.status != 0) throw std::runtime_error("the broker's folder cannot be formatted: " + formatted.output);
    start();
  }
  [[nodiscard]] std::vector<std::string> brokers() const override {
    return {"127.0.0.1:" + std::to_string(port_.number())};
  }
  void stop() override {
    process_->kill();
    process_.reset();
  }
  void start() override {
    const auto log = folder_.path() / "log";
    process_.emplace(ChildProcess::Options{.arguments = java({"kafka.Kafka", settings()}), .output = log});
    const bool answers = wait_for([&] { return !process_->running() || answering(brokers()); }, 90s);
    if (!answers || !process_->running()) throw std::runtime_error("the broker does not start: " + read_file(log));
  }

 private:
  [[nodiscard]] std::string settings() const { return (folder_.path() / "server.properties").string(); }
  static std::vector<std::string> java(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"java",
                                 "-Xmx512m",
                                 "-Xms128m",
                                 "-XX:+UseSerialGC",
                                 "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                                 "-cp",
                                 std::string(TANDEM_KAFKA_JARS) + "/*"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }

  TemporaryFolder folder_;
  Port port_, controller_;
  std::optional<ChildProcess> process_;
};

}  // namespace

KafkaCluster& kafka_cluster() {
  static Broker broker;
  return broker;
}

}  // namespace tandem::test_support
