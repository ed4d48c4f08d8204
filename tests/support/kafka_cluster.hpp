#pragma once
#include <memory>
#include <string>
#include <vector>

namespace tandem::test_support {

/// A cluster that scenes with the real binary speak to. One implementation is linked: librdkafka's mock, or a broker of
/// Apache Kafka.
class KafkaCluster {
 public:
  virtual ~KafkaCluster() = default;
  [[nodiscard]] virtual std::vector<std::string> brokers() const = 0;
  /// No broker answers until `start`. What was acknowledged stays.
  virtual void stop() = 0;
  virtual void start() = 0;
};

/// Lives as long as the process's tests need it.
[[nodiscard]] KafkaCluster& kafka_cluster();

}  // namespace tandem::test_support
