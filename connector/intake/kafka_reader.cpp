#include "intake/kafka_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "json/scan.hpp"
#include "log/log.hpp"
#include "target/trace_parent.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using kafka::Handle;

constexpr std::size_t most_messages = 5'000, most_bytes = 8 << 20;  // of one haul
constexpr int question_ms = 2'000, wait_ms = 500, linger_ms = 50;
constexpr auto discovery_interval = 30s;

struct MessageDeleter {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using Message = std::unique_ptr<rd_kafka_message_t, MessageDeleter>;

std::string joined(const std::vector<std::string>& all) {
  std::string out;
  for (const std::string& one : all) out += (out.empty() ? "" : ",") + one;
  return out;
}

Handle<rd_kafka_conf_t> consumer_conf(const TopicsSettings& topics, const std::string& group,
                                      std::vector<kafka::PropertyProblem>& problems) {
  // Defaults that a property of the file may replace; memory is bounded by the fetches under way and what waits.
  KafkaConnection cluster;
  for (const auto& [name, value] :
       {std::pair("reconnect.backoff.max.ms", "2000"), std::pair("socket.keepalive.enable", "true"),
        std::pair("client.id", "tandem"), std::pair("queued.max.messages.kbytes", "32768"),
        std::pair("fetch.max.bytes", "8388608"), std::pair("fetch.error.backoff.ms", "100")})
    cluster.properties.push_back({name, Secret(value), 0});
  cluster.properties.insert(cluster.properties.end(), topics.cluster.properties.begin(),
                            topics.cluster.properties.end());
  auto made = kafka::conf(cluster,
                          {{"group.id", group},
                           {"enable.auto.commit", "false"},
                           {"enable.auto.offset.store", "false"},
                           {"auto.offset.reset", "error"},
                           {"allow.auto.create.topics", "false"},
                           {"log.queue", "true"}},
                          problems);
  rd_kafka_conf_set_events(made.get(), RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
  return made;
}

std::string_view view(const void* data, std::size_t size) {
  return data == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(data), size);
}

std::vector<std::pair<std::string_view, std::string_view>> headers_of(const rd_kafka_message_t& message) {
  std::vector<std::pair<std::string_view, std::string_view>> all;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return all;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    all.emplace_back(name, view(value, size));
  return all;
}

std::string place_of(const std::string& topic, std::int32_t partition, std::int64_t offset) {
  return topic + "/" + std::to_string(partition) + "/" + std::to_string(offset);
}

}  // namespace

KafkaReader::KafkaReader(const Settings& settings, const SourceSettings& source)
    : source_(source),
      topics_(*source.topics),
      // librdkafka wants a name although no group is joined.
      group_(topics_.group.empty() ? "tandem-" + settings.connector + "-" + source.name : topics_.group),
      notification_(settings, source),
      scrubber_(kafka::scrubber_of(topics_.cluster)) {}

KafkaReader::~KafkaReader() = default;

std::vector<kafka::PropertyProblem> KafkaReader::check(const SourceSettings& source) {
  std::vector<kafka::PropertyProblem> problems;
  const Scrubber scrubber = kafka::scrubber_of(source.topics->cluster);
  auto made = consumer_conf(*source.topics, "tandem", problems);
  if (problems.empty())
    if (auto tried = kafka::client(RD_KAFKA_CONSUMER, std::move(made), scrubber); !tried)
      problems.push_back({source.line, "", tried.error().message});
  for (auto& problem : problems) problem.message = scrubber.clean(problem.message);
  return problems;
}

Status KafkaReader::open() {
  if (client_) return {};
  std::vector<kafka::PropertyProblem> problems;
  auto made = consumer_conf(topics_, group_, problems);
  if (!problems.empty()) return fail(ErrorKind::config, problems[0].name + ": " + scrubber_.clean(problems[0].message));
  rd_kafka_conf_set(made.get(), "bootstrap.servers", joined(topics_.cluster.brokers).c_str(), nullptr, 0);
  auto client = kafka::client(RD_KAFKA_CONSUMER, std::move(made), scrubber_);
  if (!client) return tl::unexpected(std::move(client.error()));
  client_ = std::move(*client);
  rd_kafka_set_log_queue(client_.get(), nullptr);
  events_.reset(rd_kafka_queue_get_main(client_.get()));
  messages_.reset(rd_kafka_queue_get_consumer(client_.get()));
  return {};
}

Status KafkaReader::start(const std::string& position) {
  auto parsed = kafka::Offsets::parse(position);
  if (!parsed) return tl::unexpected(std::move(parsed.error()));
  if (auto opened = open(); !opened) return opened;
  offsets_ = std::move(*parsed);
  assigned_.clear();
  astray_.clear();
  moved_ = false;
  if (auto found = discover(); !found) return found;
  return assign();
}

Status KafkaReader::discover() {
  listen();
  const bool from_now = !topics_.from_start && offsets_.all().empty();
  std::string absent;
  for (const std::string& name : topics_.topics) {
    const Handle<rd_kafka_topic_t> topic(rd_kafka_topic_new(client_.get(), name.c_str(), nullptr));
    const rd_kafka_metadata_t* answer = nullptr;
    const auto failed = rd_kafka_metadata(client_.get(), 0, topic.get(), &answer, question_ms);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
      listen();
      return fail(ErrorKind::unavailable, "the cluster does not answer: " +
                                              (trouble_.empty() ? std::string(rd_kafka_err2str(failed)) : trouble_));
    }
    const Handle<const rd_kafka_metadata_t> told(answer);
    if (told->topic_cnt == 0 || told->topics[0].partition_cnt == 0) {
      absent += (absent.empty() ? "" : ", ") + name;
      continue;
    }
    for (int i = 0; i < told->topics[0].partition_cnt; ++i) {
      const Partition partition{name, told->topics[0].partitions[i].id};
      if (!assigned_.insert(partition).second || !from_now) continue;
      std::int64_t low = 0, high = 0;
      const auto refused =
          rd_kafka_query_watermark_offsets(client_.get(), name.c_str(), partition.second, &low, &high, question_ms);
      if (refused != RD_KAFKA_RESP_ERR_NO_ERROR)
        return fail(ErrorKind::unavailable, "the end of topic " + name + " is not told: " + rd_kafka_err2str(refused));
      offsets_.set(partition, high);
      moved_ = true;
    }
  }
  trouble_.clear();
  next_discovery_ = Clock::now() + discovery_interval;
  if (!absent.empty() && assigned_.empty()) return fail(ErrorKind::unavailable, "there is no topic " + absent);
  if (!absent.empty()) log::warn("a topic is not there", {{field::source, source_.name}, {field::name, absent}});
  return {};
}

Status KafkaReader::assign() {
  const Handle<rd_kafka_topic_partition_list_t> list(
      rd_kafka_topic_partition_list_new(static_cast<int>(assigned_.size())));
  for (const Partition& partition : assigned_) {
    const auto known = offsets_.all().find(partition);
    rd_kafka_topic_partition_list_add(list.get(), partition.first.c_str(), partition.second)->offset =
        known == offsets_.all().end() ? RD_KAFKA_OFFSET_BEGINNING : known->second;
  }
  const auto failed = rd_kafka_assign(client_.get(), list.get());
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(ErrorKind::unavailable, std::string("partitions cannot be assigned: ") + rd_kafka_err2str(failed));
  return {};
}

Result<Haul> KafkaReader::read(const std::stop_token&) {
  listen();
  if (needs_discovery()) {
    const auto before = assigned_.size();
    if (auto found = discover(); !found) return tl::unexpected(std::move(found.error()));
    if (assigned_.size() > before)
      if (auto done = assign(); !done) return tl::unexpected(std::move(done.error()));
  }
  Haul haul;
  gather(haul, Waiting::for_messages);
  if (!astray_.empty()) {
    for (const Partition& partition : std::exchange(astray_, {}))
      if (auto found = find_beginning(partition, haul); !found) return tl::unexpected(std::move(found.error()));
    if (auto done = assign(); !done) return tl::unexpected(std::move(done.error()));
    moved_ = true;
  }
  if (moved_ || !haul.records.empty() || !haul.refused.empty()) haul.position = offsets_.text();
  moved_ = false;
  return haul;
}

bool KafkaReader::needs_discovery() const {
  return !trouble_.empty() || Clock::now() >= next_discovery_;
}

std::optional<Haul> KafkaReader::more() {
  if (needs_discovery() || !astray_.empty()) return std::nullopt;
  Haul haul;
  gather(haul, Waiting::none);
  if (haul.records.empty() && haul.refused.empty()) return std::nullopt;
  haul.position = offsets_.text();
  return haul;
}

/// Waits for a first message, then a little for others: a position is not written for each alone.
void KafkaReader::gather(Haul& haul, Waiting waiting) {
  std::size_t bytes = 0, taken = 0;
  const auto take_one = [&](rd_kafka_message_t* owned) {
    const Message message(owned);
    bytes += message->len + message->key_len;
    ++taken;
    take(*message, haul);
  };
  const bool waits = waiting == Waiting::for_messages && !moved_;
  rd_kafka_message_t* const first = rd_kafka_consume_queue(messages_.get(), waits ? wait_ms : 0);
  if (first == nullptr) return;
  take_one(first);
  std::array<rd_kafka_message_t*, 200> more{};
  for (int wait = waits ? linger_ms : 0; taken < most_messages && bytes < most_bytes; wait = 0) {
    const auto count = rd_kafka_consume_batch_queue(messages_.get(), wait, more.data(), more.size());
    for (ssize_t i = 0; i < count; ++i) take_one(more.at(static_cast<std::size_t>(i)));
    if (count <= 0) break;
  }
}

void KafkaReader::take(const rd_kafka_message_t& message, Haul& haul) {
  if (message.rkt == nullptr) {
    trouble_ = rd_kafka_err2str(message.err);
    return;
  }
  const std::string topic = rd_kafka_topic_name(message.rkt);
  const Partition partition{topic, message.partition};
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (offsets_.take(partition, message.offset)) take_payload(message, topic, haul);
    return;
  }
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    if (std::ranges::find(astray_, partition) == astray_.end()) astray_.push_back(partition);
    return;
  }
  trouble_ = topic + ": " + scrubber_.clean(rd_kafka_message_errstr(&message));
}

void KafkaReader::take_payload(const rd_kafka_message_t& message, const std::string& topic, Haul& haul) {
  const std::string place = place_of(topic, message.partition, message.offset);
  const bool gone = message.payload == nullptr;
  const std::string_view body = view(message.payload, message.len);
  const auto refuse = [&](std::string reason) { haul.refused.push_back({place, std::move(reason)}); };
  if (!gone)
    if (auto valid = json::validate(body, 200); !valid) return refuse("not JSON: " + valid.error().message);
  if (!gone &&
      json::kind_of(body.substr(std::min(body.find_first_not_of(" \t\r\n"), body.size()))) != json::Kind::object)
    return refuse("not a JSON object");
  const auto headers = headers_of(message);
  auto record = notification_.read({body, view(message.key, message.key_len), topic, {}, headers});
  if (!record) return refuse(std::move(record.error()));
  // The time tells a topic that was made anew from the one before it.
  if (record->source_record_id.empty())
    record->source_record_id = place + "@" + std::to_string(rd_kafka_message_timestamp(&message, nullptr));
  for (const auto& [name, value] : headers)
    if (name == "traceparent" && is_traceparent(value)) record->trace_context = value;
  record->place = place;
  haul.records.push_back(std::move(*record));
}

Status KafkaReader::find_beginning(const Partition& partition, Haul& haul) {
  std::int64_t low = 0, high = 0;
  const auto failed = rd_kafka_query_watermark_offsets(client_.get(), partition.first.c_str(), partition.second, &low,
                                                       &high, question_ms);
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(ErrorKind::unavailable,
                "the beginning of topic " + partition.first + " is not told: " + rd_kafka_err2str(failed));
  const auto known = offsets_.all().find(partition);
  if (known == offsets_.all().end()) return {};
  const std::int64_t next = known->second;
  if (next >= low && next <= high) return {};
  haul.refused.push_back({place_of(partition.first, partition.second, next),
                          next < low ? "messages up to offset " + std::to_string(low - 1) +
                                           " were removed from the topic before they were read"
                                     : "the topic ends at offset " + std::to_string(high) +
                                           ", before what was read last: it is read from its beginning"});
  offsets_.set(partition, low);
  return {};
}

/// What the client has to say of itself.
void KafkaReader::listen() {
  while (const Handle<rd_kafka_event_t> event{rd_kafka_queue_poll(events_.get(), 0)}) {
    if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_LOG) {
      kafka::pass_log_on(event.get(), scrubber_, field::source, source_.name);
    } else if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_ERROR) {
      // That no broker is up says less than why.
      if (rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !trouble_.empty()) continue;
      trouble_ = scrubber_.clean(rd_kafka_event_error_string(event.get()));
    }
  }
}

void KafkaReader::stored(const std::string& position) {
  if (topics_.group.empty()) return;
  const auto offsets = kafka::Offsets::parse(position);
  if (!offsets) return;
  const Handle<rd_kafka_topic_partition_list_t> list(
      rd_kafka_topic_partition_list_new(static_cast<int>(offsets->all().size())));
  for (const auto& [partition, next] : offsets->all())
    rd_kafka_topic_partition_list_add(list.get(), partition.first.c_str(), partition.second)->offset = next;
  // For those who watch a group's lag; tandem itself never reads it.
  rd_kafka_commit(client_.get(), list.get(), 1);
}

}  // namespace tandem
