#include "target/kafka_message.hpp"

#include "json/writer.hpp"
#include "target/trace_parent.hpp"

namespace tandem::kafka {
namespace {

/// CloudEvents 1.0, structured mode.
std::string event_of(const Messages& route, const Attempt& attempt) {
  json::Writer w;
  w.open_object()
      .key("specversion")
      .string("1.0")
      .key("id")
      .string(to_string(attempt.record_id))
      .key("source")
      .string(route.event_source)
      .key("type")
      .string(route.request_type + "." + std::string(operation_word(attempt.operation)))
      .key("subject")
      .string(attempt.object_id)
      .key("partitionkey")
      .string(attempt.object_id);
  if (is_traceparent(attempt.trace_context)) w.key("traceparent").string(attempt.trace_context);
  if (!attempt.body.empty()) w.key("datacontenttype").string("application/json").key("data").raw(attempt.body);
  w.close_object();
  return w.take();
}

}  // namespace

std::string_view operation_word(Operation operation) {
  switch (operation) {
    case Operation::create:
      return "create";
    case Operation::remove:
      return "delete";
    case Operation::call:
      return "call";
    default:
      return "update";
  }
}

std::optional<std::string_view> value_of(const Messages& route, const Attempt& attempt, std::string& made) {
  if (attempt.operation == Operation::remove && route.deletes == KafkaDelete::tombstone) return std::nullopt;
  if (route.value == KafkaValue::cloudevents) return made = event_of(route, attempt);
  if (attempt.operation != Operation::remove) return attempt.body;
  json::Writer w;
  w.open_object().key("object_id").string(attempt.object_id).key("deleted").boolean(true).close_object();
  return made = w.take();
}

std::string_view content_type(const Messages& route) {
  return route.value == KafkaValue::cloudevents ? "application/cloudevents+json; charset=UTF-8" : "application/json";
}

}  // namespace tandem::kafka
