#include <algorithm>
#include <array>

#include "config/sections.hpp"

namespace tandem {
namespace {

constexpr std::string_view letters_and_digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// What the promise rests on, or what another key of the file says.
struct OwnProperty {
  std::string_view name, remedy;
};
constexpr OwnProperty own_properties[] = {
    {"bootstrap.servers", "write them into brokers"},
    {"metadata.broker.list", "write them into brokers"},
    {"acks", "tandem waits for all replicas"},
    {"request.required.acks", "tandem waits for all replicas"},
    {"enable.idempotence", "tandem's producer is idempotent"},
    {"enable.gapless.guarantee", "lanes keep the order of each object"},
    {"transactional.id", "tandem's producer is idempotent without transactions"},
    {"max.in.flight", "lanes keep the order of each object"},
    {"max.in.flight.requests.per.connection", "lanes keep the order of each object"},
    {"message.timeout.ms", "write timeout"},
    {"delivery.timeout.ms", "write timeout"},
    {"message.max.bytes", "write max_body"},
    {"message.send.max.retries", "write timeout"},
    {"retries", "write timeout"},
    {"partitioner", "the key decides, as Java's clients do it"},
    {"group.id", "write group"},
    {"enable.auto.commit", "positions are stored with the rows"},
    {"auto.commit.enable", "positions are stored with the rows"},
    {"enable.auto.offset.store", "positions are stored with the rows"},
    {"enable.partition.eof", "it means nothing here"},
    {"plugin.library.paths", "tandem loads no plugins"},
    {"log.queue", "see log.level"},
};

bool broker_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view host = text.substr(0, colon), port = text.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string_view::npos) return false;
  const int number = std::stoi(std::string(port));
  return number > 0 && number <= 65535 && host.find_first_of(" \t\r\n,/@") == std::string_view::npos;
}

void read_property(Section& section, const yaml::Value::Entry& entry, KafkaConnection& cluster) {
  const bool from_file = entry.key.ends_with("_file");
  KafkaProperty property;
  property.name = from_file ? entry.key.substr(0, entry.key.size() - 5) : entry.key;
  property.line = entry.line;
  const auto own = std::ranges::find(own_properties, std::string_view(property.name), &OwnProperty::name);
  if (own != std::end(own_properties) || property.name.starts_with("test.") || property.name.ends_with("_cb")) {
    section.problem(entry.key, "is not yours to set",
                    own == std::end(own_properties) ? "remove it" : std::string(own->remedy));
    return;
  }
  if (std::ranges::any_of(cluster.properties, [&](const auto& known) { return known.name == property.name; })) {
    section.problem(entry.key, "`" + property.name + "` is given twice", "keep one of them");
    return;
  }
  if (from_file) {
    if (!section.secret(property.name, property.value)) return;
  } else {
    const auto read = section.scalar(entry.value, section.path_of(entry.key));
    if (!read) return;
    property.value = Secret(read->text);
    if (property.name.find("password") != std::string::npos || property.name.ends_with(".pem") ||
        property.name.find("secret") != std::string::npos)
      section.reading().loaded.settings.remember(read->text);
  }
  cluster.properties.push_back(std::move(property));
}

}  // namespace

void read_kafka_connection(Section& section, KafkaConnection& cluster) {
  section.names("brokers", cluster.brokers);
  for (const std::string& broker : cluster.brokers)
    if (!broker_address(broker))
      section.problem("brokers", "`" + broker + "` is not HOST:PORT", "write e.g. [kafka.example:9092]");
  if (section.present() && !section.has("brokers"))
    section.problem_here("`brokers` is missing", "name at least one, e.g. brokers: [kafka.example:9092]");
  const yaml::Value* value = section.take("properties");
  if (value == nullptr) return;
  Section properties(section.reading(), value, section.path_of("properties"));
  for (const auto* entry : properties.take_names()) read_property(properties, *entry, cluster);
}

void read_kafka(Section& section, KafkaSettings& kafka) {
  section.text("topic", kafka.topic);
  section.choice("value", kafka.value, {{"json", KafkaValue::json}, {"cloudevents", KafkaValue::cloudevents}});
  section.choice("deletes", kafka.deletes, {{"tombstone", KafkaDelete::tombstone}, {"message", KafkaDelete::message}});
}

std::string topic_of(Section& section, const std::string& text, const std::string& target,
                     const std::string& request_type) {
  std::string topic;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto open = rest.find('{');
    topic += rest.substr(0, open);
    if (open == std::string_view::npos) break;
    const auto close = rest.find('}', open);
    const std::string_view word =
        close == std::string_view::npos ? rest.substr(open) : rest.substr(open + 1, close - open - 1);
    if (word == "target") {
      topic += target;
    } else if (word == "request_type") {
      topic += request_type;
    } else {
      // Another topic for another operation or value would take an object's changes apart, and with that their order.
      section.problem("topic", "unknown placeholder in `" + text + "`", "known here: {target}, {request_type}");
      return {};
    }
    rest.remove_prefix(close + 1);
  }
  if (topic.empty() || topic.size() > 249 || topic == "." || topic == ".." ||
      topic.find_first_not_of(std::string(letters_and_digits) + "._-") != std::string::npos) {
    section.problem("topic", "`" + topic + "` is not a topic's name", "use at most 249 of letters, digits, _ . and -");
    return {};
  }
  return topic;
}

}  // namespace tandem
