#include "target/kafka_conf.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <stdexcept>

namespace tandem::kafka {

Bell::Bell() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) throw std::runtime_error("no descriptor left for a Kafka client");
}
Bell::~Bell() {
  ::close(fd_);
}

void Bell::rung_by(rd_kafka_queue_t* queue) const {
  static const std::uint64_t one = 1;
  rd_kafka_queue_io_event_enable(queue, fd_, &one, sizeof one);
  // librdkafka rings when an empty queue gets its first entry: what is in it by now would never ring.
  [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
}

void Bell::quiet() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = ::read(fd_, &count, sizeof count);
}

Handle<rd_kafka_conf_t> conf(const KafkaConnection& cluster, Values ours, std::vector<PropertyProblem>& problems) {
  Handle<rd_kafka_conf_t> conf(rd_kafka_conf_new());
  std::array<char, 512> words{};
  for (const KafkaProperty& property : cluster.properties) {
    const std::string& value = property.value.reveal();
    if (rd_kafka_conf_set(conf.get(), property.name.c_str(), value.c_str(), words.data(), words.size()) !=
        RD_KAFKA_CONF_OK)
      problems.push_back({property.line, property.name, words.data()});
  }
  for (const auto& [name, value] : ours)
    if (rd_kafka_conf_set(conf.get(), name, value.c_str(), words.data(), words.size()) != RD_KAFKA_CONF_OK)
      problems.push_back({0, name, words.data()});
  return conf;
}

Result<Handle<rd_kafka_t>> client(rd_kafka_type_t type, Handle<rd_kafka_conf_t> conf, const Scrubber& scrubber) {
  std::array<char, 512> words{};
  Handle<rd_kafka_t> made(rd_kafka_new(type, conf.get(), words.data(), words.size()));
  if (!made) return fail(ErrorKind::config, "Kafka client: " + scrubber.clean(words.data()));
  [[maybe_unused]] const rd_kafka_conf_t* taken = conf.release();  // by rd_kafka_new, where it succeeds
  return made;
}

Scrubber scrubber_of(const KafkaConnection& cluster) {
  Scrubber scrubber;
  for (const KafkaProperty& property : cluster.properties) {
    const std::string_view name = property.name;
    if (name.find("password") != std::string_view::npos || name.find("secret") != std::string_view::npos ||
        name.ends_with(".pem") || name == "sasl.oauthbearer.config")
      scrubber.add(property.value.reveal());
  }
  return scrubber;
}

void pass_log_on(rd_kafka_event_t* event, const Scrubber& scrubber, log::FieldName kind, std::string_view name) {
  constexpr int warning = 4;  // of syslog: what is below it is worse
  const char* facility = nullptr;
  const char* text = nullptr;
  int level = 0;
  if (rd_kafka_event_log(event, &facility, &text, &level) != 0) return;
  const std::string words = scrubber.clean(text);
  if (level <= warning)
    log::warn("librdkafka reports trouble", {{kind, name}, {field::reason, words}});
  else
    log::debug("librdkafka", {{kind, name}, {field::reason, words}});
}

}  // namespace tandem::kafka
