#include "support/kafka_cluster.hpp"
#include "support/kafka_mock.hpp"

namespace tandem::test_support {
namespace {

class MockCluster final : public KafkaCluster {
 public:
  [[nodiscard]] std::vector<std::string> brokers() const override { return mock_.brokers(); }
  void stop() override { mock_.down(); }
  void start() override { mock_.up(); }

 private:
  KafkaMock mock_;
};

}  // namespace

KafkaCluster& kafka_cluster() {
  static MockCluster cluster;
  return cluster;
}

}  // namespace tandem::test_support
