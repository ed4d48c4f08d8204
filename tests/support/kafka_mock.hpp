#pragma once
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <memory>
#include <string>
#include <vector>

namespace tandem::test_support {

/// librdkafka's mock cluster: brokers on loopback, in this process, that fail on request. Topics come into being when
/// they are used, with four partitions.
class KafkaMock {
 public:
  explicit KafkaMock(int brokers = 1);
  ~KafkaMock();
  KafkaMock(const KafkaMock&) = delete;
  KafkaMock& operator=(const KafkaMock&) = delete;

  enum Request : std::int16_t { produce = 0, metadata = 3, init_producer_id = 22 };
  /// HOST:PORT, one for each broker.
  [[nodiscard]] std::vector<std::string> brokers() const;
  /// The next requests of this kind are answered so.
  void fail(Request request, const std::vector<rd_kafka_resp_err_t>& errors);
  void down();
  void up();
  void slow_by(int milliseconds);
  void make_topic(const std::string& topic, int partitions);

 private:
  struct Owner;
  std::unique_ptr<Owner> owner_;
};

}  // namespace tandem::test_support
