#pragma once
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "intake/kafka_offsets.hpp"
#include "intake/notification.hpp"
#include "intake/source_reader.hpp"
#include "target/kafka_conf.hpp"

namespace tandem {

/// Reads all partitions of some topics. It joins no consumer group: the lease lets one connector read, and the position
/// in the database says from where, so nobody rebalances. Partitions that are added are found within half a minute, and
/// read from their beginning. docs/kafka.md is the reference.
class KafkaReader final : public SourceReader {
 public:
  /// `settings` and `source` must outlive this.
  KafkaReader(const Settings& settings, const SourceSettings& source);
  ~KafkaReader() override;

  [[nodiscard]] Status start(const std::string& position) override;
  [[nodiscard]] Result<Haul> read(const std::stop_token& stop) override;
  [[nodiscard]] std::optional<Haul> more() override;
  [[nodiscard]] bool repeats_itself() const override { return false; }
  void stored(const std::string& position) override;

  /// Without a connection: what is wrong with the properties.
  [[nodiscard]] static std::vector<kafka::PropertyProblem> check(const SourceSettings& source);

 private:
  using Clock = std::chrono::steady_clock;
  using Partition = kafka::Offsets::Partition;

  [[nodiscard]] Status open();
  /// Which partitions there are. Fails where no broker answers, or none of the topics is there.
  [[nodiscard]] Status discover();
  [[nodiscard]] Status assign();
  enum class Waiting : std::uint8_t { none, for_messages };
  void gather(Haul& haul, Waiting waiting);
  [[nodiscard]] bool needs_discovery() const;
  void take(const rd_kafka_message_t& message, Haul& haul);
  void take_payload(const rd_kafka_message_t& message, const std::string& topic, Haul& haul);
  /// What was to be read next is not there: goes on where the partition begins, and says so.
  [[nodiscard]] Status find_beginning(const Partition& partition, Haul& haul);
  void listen();

  const SourceSettings& source_;
  const TopicsSettings& topics_;
  const std::string group_;
  const NotificationReader notification_;
  const Scrubber scrubber_;
  kafka::Handle<rd_kafka_t> client_;
  kafka::Handle<rd_kafka_queue_t> events_, messages_;
  kafka::Offsets offsets_;
  std::set<Partition> assigned_;
  std::vector<Partition> astray_;  ///< their next offset is not there
  bool moved_ = false;             ///< offsets_ has changed without a message
  std::string trouble_;
  Clock::time_point next_discovery_{};
};

}  // namespace tandem
