#include "support/kafka_reader.hpp"

#include <librdkafka/rdkafka.h>

#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>

namespace tandem::test_support {
namespace {

struct Deleter {
  void operator()(rd_kafka_t* p) const { rd_kafka_destroy(p); }
  void operator()(rd_kafka_message_t* p) const { rd_kafka_message_destroy(p); }
  void operator()(rd_kafka_topic_partition_list_t* p) const { rd_kafka_topic_partition_list_destroy(p); }
  void operator()(rd_kafka_topic_t* p) const { rd_kafka_topic_destroy(p); }
};
template <class T>
using Handle = std::unique_ptr<T, Deleter>;

constexpr std::chrono::seconds bound{30};

using Reported = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);

thread_local int undelivered = 0;  // librdkafka reports while this thread flushes

void count_undelivered(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) ++undelivered;
}

Handle<rd_kafka_t> client(rd_kafka_type_t type, const std::vector<std::string>& brokers,
                          const std::vector<std::pair<const char*, const char*>>& settings,
                          Reported reported = nullptr) {
  char words[256];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  std::string list;
  for (const std::string& broker : brokers) list += (list.empty() ? "" : ",") + broker;
  rd_kafka_conf_set(conf, "bootstrap.servers", list.c_str(), nullptr, 0);
  for (const auto& [name, value] : settings)
    if (rd_kafka_conf_set(conf, name, value, words, sizeof words) != RD_KAFKA_CONF_OK) throw std::runtime_error(words);
  if (reported != nullptr) rd_kafka_conf_set_dr_msg_cb(conf, reported);
  Handle<rd_kafka_t> made(rd_kafka_new(type, conf, words, sizeof words));
  if (!made) throw std::runtime_error(words);
  return made;
}

int partitions_of(rd_kafka_t* reader, const std::string& topic) {
  const rd_kafka_metadata_t* found = nullptr;
  if (rd_kafka_metadata(reader, 1, nullptr, &found, 10'000) != RD_KAFKA_RESP_ERR_NO_ERROR) return 0;
  int count = 0;
  for (int i = 0; i < found->topic_cnt; ++i)
    if (topic == found->topics[i].topic) count = found->topics[i].partition_cnt;
  rd_kafka_metadata_destroy(found);
  return count;
}

KafkaMessage copied(const rd_kafka_message_t& message) {
  KafkaMessage out;
  out.partition = message.partition;
  out.offset = message.offset;
  if (message.key != nullptr) out.key.assign(static_cast<const char*>(message.key), message.key_len);
  if (message.payload != nullptr) out.value.emplace(static_cast<const char*>(message.payload), message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return out;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    out.headers.emplace(name, std::string(static_cast<const char*>(value), size));
  return out;
}

}  // namespace

std::vector<KafkaMessage> read_topic(const std::vector<std::string>& brokers, const std::string& topic) {
  const auto reader = client(RD_KAFKA_CONSUMER, brokers,
                             {{"group.id", "reader"},
                              {"enable.partition.eof", "true"},
                              {"fetch.wait.max.ms", "10"},
                              {"enable.auto.commit", "false"}});
  const int partitions = partitions_of(reader.get(), topic);
  std::vector<KafkaMessage> all;
  if (partitions == 0) return all;
  const Handle<rd_kafka_topic_partition_list_t> list(rd_kafka_topic_partition_list_new(partitions));
  for (int i = 0; i < partitions; ++i)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_assign(reader.get(), list.get());
  const auto end = std::chrono::steady_clock::now() + bound;
  for (int ended = 0; ended < partitions;) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("the topic " + topic + " cannot be read");
    const Handle<rd_kafka_message_t> message(rd_kafka_consumer_poll(reader.get(), 100));
    if (!message) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
      ++ended;
    else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
      all.push_back(copied(*message));
  }
  rd_kafka_consumer_close(reader.get());
  return all;
}

bool answering(const std::vector<std::string>& brokers) {
  const auto asking = client(RD_KAFKA_PRODUCER, brokers, {{"log_level", "0"}});
  const rd_kafka_metadata_t* found = nullptr;
  if (rd_kafka_metadata(asking.get(), 1, nullptr, &found, 1'000) != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
  bool led = found->broker_cnt > 0;
  for (int i = 0; i < found->topic_cnt; ++i)
    for (int j = 0; j < found->topics[i].partition_cnt; ++j) led = led && found->topics[i].partitions[j].leader >= 0;
  rd_kafka_metadata_destroy(found);
  return led;
}

std::map<std::string, std::vector<std::string>> by_key(const std::vector<KafkaMessage>& messages) {
  std::map<std::string, std::vector<std::string>> all;
  for (const KafkaMessage& message : messages) all[message.key].push_back(message.value.value_or("(deleted)"));
  return all;
}

void write_topic(const std::vector<std::string>& brokers, const std::string& topic,
                 const std::vector<KafkaDraft>& messages) {
  // A broker of the tests takes no batch above 100,000 bytes.
  const auto writer = client(RD_KAFKA_PRODUCER, brokers,
                             {{"enable.idempotence", "true"},
                              {"linger.ms", "1"},
                              {"batch.size", "50000"},
                              {"queue.buffering.max.messages", "1000000"}},
                             count_undelivered);
  undelivered = 0;
  const Handle<rd_kafka_topic_t> to(rd_kafka_topic_new(writer.get(), topic.c_str(), nullptr));
  for (const KafkaDraft& draft : messages) {
    rd_kafka_headers_t* headers = rd_kafka_headers_new(4);
    for (const auto& [name, value] : draft.headers)
      rd_kafka_header_add(headers, name.c_str(), -1, value.data(), static_cast<ssize_t>(value.size()));
    std::string key = draft.key.value_or(""), value = draft.value.value_or("");
    std::array<rd_kafka_vu_t, 6> parts{};
    parts[0].vtype = RD_KAFKA_VTYPE_RKT;
    parts[0].u.rkt = to.get();
    parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    parts[1].u.i32 = draft.partition;
    parts[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[2].u.i = RD_KAFKA_MSG_F_COPY;
    parts[3].vtype = RD_KAFKA_VTYPE_KEY;
    parts[3].u.mem = {draft.key ? key.data() : nullptr, key.size()};
    parts[4].vtype = RD_KAFKA_VTYPE_VALUE;
    parts[4].u.mem = {draft.value ? value.data() : nullptr, value.size()};
    parts[5].vtype = RD_KAFKA_VTYPE_HEADERS;
    parts[5].u.headers = headers;
    if (rd_kafka_error_t* error = rd_kafka_produceva(writer.get(), parts.data(), parts.size())) {
      const std::string words = rd_kafka_error_string(error);
      rd_kafka_error_destroy(error);
      throw std::runtime_error(words);
    }
  }
  if (rd_kafka_flush(writer.get(), 20'000) != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error("not written");
  if (undelivered > 0) throw std::runtime_error(std::to_string(undelivered) + " messages were refused");
}

}  // namespace tandem::test_support
