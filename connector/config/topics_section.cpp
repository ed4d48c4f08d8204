#include "config/sections.hpp"

namespace tandem {

void read_topics(Section& section, const Settings& settings, SourceSettings& source) {
  TopicsSettings topics;
  const TargetSettings* target = settings.target(source.target);
  if (target != nullptr && target->type == "kafka" && !section.has("brokers") && !section.has("properties"))
    topics.cluster = target->cluster;
  else
    read_kafka_connection(section, topics.cluster);
  section.names("topics", topics.topics);
  if (section.present() && !section.has("topics"))
    section.problem_here("`topics` is missing", "name at least one, e.g. topics: [master.account]");
  for (const std::string& topic : topics.topics) topic_of(section, topic, source.target, "");
  enum class Start { earliest, latest };
  Start start = Start::earliest;
  section.choice("start", start, {{"earliest", Start::earliest}, {"latest", Start::latest}});
  topics.from_start = start == Start::earliest;
  section.text("group", topics.group);

  // As tandem's own Kafka targets write them.
  KafkaValue value = KafkaValue::json;
  section.choice("value", value, {{"json", KafkaValue::json}, {"cloudevents", KafkaValue::cloudevents}});
  NotificationSettings& told = source.notification;
  if (value == KafkaValue::cloudevents) {
    told.id = "/subject";
    told.request_type = "/type";
    told.type_tells_operation = true;
    told.event = "/id";
    told.body = "/data";
  } else {
    told.id = "key";
    told.request_type = "header:request_type";
    told.event = "header:record_id";
    told.body = "";
  }
  source.topics = std::move(topics);
}

}  // namespace tandem
