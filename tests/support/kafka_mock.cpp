#include "support/kafka_mock.hpp"

#include <sstream>
#include <stdexcept>

namespace tandem::test_support {

struct KafkaMock::Owner {
  int count;
  rd_kafka_t* client = nullptr;
  rd_kafka_mock_cluster_t* cluster = nullptr;

  explicit Owner(int brokers) : count(brokers) {
    char words[256];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", nullptr, 0);
    client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
    if (client == nullptr) throw std::runtime_error(words);
    cluster = rd_kafka_mock_cluster_new(client, brokers);
    if (cluster == nullptr) throw std::runtime_error("no mock cluster");
  }
  ~Owner() {
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(client);
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
};

KafkaMock::KafkaMock(int brokers) : owner_(std::make_unique<Owner>(brokers)) {}
KafkaMock::~KafkaMock() = default;

std::vector<std::string> KafkaMock::brokers() const {
  std::vector<std::string> all;
  std::stringstream list(rd_kafka_mock_cluster_bootstraps(owner_->cluster));
  for (std::string one; std::getline(list, one, ',');) all.push_back(one);
  return all;
}

void KafkaMock::fail(Request request, const std::vector<rd_kafka_resp_err_t>& errors) {
  rd_kafka_mock_push_request_errors_array(owner_->cluster, request, errors.size(), errors.data());
}

void KafkaMock::down() {
  for (int id = 1; id <= owner_->count; ++id) rd_kafka_mock_broker_set_down(owner_->cluster, id);
}
void KafkaMock::up() {
  for (int id = 1; id <= owner_->count; ++id) rd_kafka_mock_broker_set_up(owner_->cluster, id);
}
void KafkaMock::slow_by(int milliseconds) {
  for (int id = 1; id <= owner_->count; ++id) rd_kafka_mock_broker_set_rtt(owner_->cluster, id, milliseconds);
}
void KafkaMock::make_topic(const std::string& topic, int partitions) {
  rd_kafka_mock_topic_create(owner_->cluster, topic.c_str(), partitions, 1);
}

}  // namespace tandem::test_support
