#pragma once
#include <librdkafka/rdkafka.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.hpp"
#include "log/log.hpp"
#include "model/error.hpp"
#include "target/scrub.hpp"

/// What producers and consumers share of librdkafka. For target/kafka* and intake/kafka* alone.
namespace tandem::kafka {

struct Deleter {
  void operator()(rd_kafka_conf_t* p) const { rd_kafka_conf_destroy(p); }
  void operator()(rd_kafka_t* p) const { rd_kafka_destroy(p); }
  void operator()(rd_kafka_queue_t* p) const { rd_kafka_queue_destroy(p); }
  void operator()(rd_kafka_event_t* p) const { rd_kafka_event_destroy(p); }
  void operator()(rd_kafka_topic_t* p) const { rd_kafka_topic_destroy(p); }
  void operator()(rd_kafka_error_t* p) const { rd_kafka_error_destroy(p); }
  void operator()(rd_kafka_headers_t* p) const { rd_kafka_headers_destroy(p); }
  void operator()(rd_kafka_topic_partition_list_t* p) const { rd_kafka_topic_partition_list_destroy(p); }
  void operator()(const rd_kafka_metadata_t* p) const { rd_kafka_metadata_destroy(p); }
};
template <class T>
using Handle = std::unique_ptr<T, Deleter>;

/// A descriptor that is readable while a queue of librdkafka holds something.
class Bell {
 public:
  Bell();
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  void rung_by(rd_kafka_queue_t* queue) const;
  void quiet() const;

 private:
  int fd_;
};

using Values = std::initializer_list<std::pair<const char*, std::string>>;
struct PropertyProblem {
  int line = 0;
  std::string name, message;
};
/// The cluster's properties and ours, ours last. What librdkafka does not take is told in `problems`.
[[nodiscard]] Handle<rd_kafka_conf_t> conf(const KafkaConnection& cluster, Values ours,
                                           std::vector<PropertyProblem>& problems);
/// A client of this configuration. Fails with librdkafka's words, secrets taken out.
[[nodiscard]] Result<Handle<rd_kafka_t>> client(rd_kafka_type_t type, Handle<rd_kafka_conf_t> conf,
                                                const Scrubber& scrubber);
/// Knows every secret that the properties may hold.
[[nodiscard]] Scrubber scrubber_of(const KafkaConnection& cluster);
/// Writes one log event of librdkafka into ours.
void pass_log_on(rd_kafka_event_t* event, const Scrubber& scrubber, log::FieldName kind, std::string_view name);

}  // namespace tandem::kafka
