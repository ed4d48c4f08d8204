#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tandem::test_support {

struct KafkaMessage {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string key;
  std::optional<std::string> value;
  std::map<std::string, std::string> headers;
};

/// Everything that a topic holds, each partition in its order. A topic that does not exist holds nothing.
[[nodiscard]] std::vector<KafkaMessage> read_topic(const std::vector<std::string>& brokers, const std::string& topic);
/// A broker answers, and leads what it holds.
[[nodiscard]] bool answering(const std::vector<std::string>& brokers);
/// The values of each key, in order; a tombstone is "(deleted)".
[[nodiscard]] std::map<std::string, std::vector<std::string>> by_key(const std::vector<KafkaMessage>& messages);

/// Writes messages into a topic, in order, and waits until they are there.
struct KafkaDraft {
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::int32_t partition = -1;
};
void write_topic(const std::vector<std::string>& brokers, const std::string& topic,
                 const std::vector<KafkaDraft>& messages);

}  // namespace tandem::test_support
