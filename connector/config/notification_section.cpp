#include <utility>

#include "config/sections.hpp"
#include "config/template_check.hpp"

namespace tandem {
namespace {

/// A pointer, or in a topic's message one of its other places.
void read_place(Section& section, std::string_view key, bool message, std::string& out) {
  if (!section.text_or_empty(key, out) || out.empty()) return;
  if (message && (out == "key" || out == "topic")) return;
  const auto fault = check_pointer(out, message ? PointerPlace::answer_or_header : PointerPlace::answer);
  if (!fault) return;
  section.problem(key, fault->message, message ? "write e.g. /data/id, key, topic or header:NAME" : fault->remedy);
}

bool is_place(std::string_view text, bool message) {
  return text.starts_with('/') || (message && (text == "key" || text == "topic" || text.starts_with("header:")));
}

/// Their words to ours.
void read_words(Section& parent, std::string_view key, std::vector<std::pair<std::string, std::string>>& out) {
  const yaml::Value* value = parent.take(key);
  if (value == nullptr) return;
  Section section(parent.reading(), value, parent.path_of(key));
  for (const auto* entry : section.take_names())
    if (auto text = section.text_of(entry->value, section.path_of(entry->key)))
      out.emplace_back(entry->key, std::move(*text));
}

void read_confirmations(Section& parent, bool message, SourceSettings& source) {
  const yaml::Value* value = parent.take("confirmations");
  if (value == nullptr) return;
  Section section(parent.reading(), value, parent.path_of("confirmations"));
  ConfirmationSettings confirmations;
  read_place(section, "record_id", message, confirmations.record_id);
  read_place(section, "failed", message, confirmations.failed);
  read_place(section, "error", message, confirmations.error);
  read_place(section, "remote_id", message, confirmations.remote_id);
  if (!section.present()) return;
  if (confirmations.record_id.empty() && !section.has("record_id"))
    section.problem_here("`record_id` is missing", "name the place of our record's id, e.g. /record_id");
  source.confirmations = std::move(confirmations);
}

}  // namespace

void read_notification(Section& section, SourceSettings& source) {
  NotificationSettings& notification = source.notification;
  const bool message = source.topics.has_value();
  const bool typed = source.poll || source.foreign;  // what is read says of which type it is
  if (!message && !typed) read_place(section, "records", false, notification.records);
  if (!source.foreign) read_place(section, "id", message, notification.id);
  read_place(section, "object_id", message, notification.object_id);
  // Where each record says its type, or the type of all.
  if (!typed && section.text("request_type", notification.type)) {
    notification.request_type.clear();
    if (is_place(notification.type, message)) {
      read_place(section, "request_type", message, notification.request_type);
      notification.type.clear();
    }
  }
  if (!typed) {
    if (section.has("operation")) notification.type_tells_operation = false;
    read_place(section, "operation", message, notification.operation);
    read_words(section, "operations", notification.operations);
  }
  read_place(section, "deleted", message, notification.deleted);
  read_place(section, "version", message, notification.version);
  if (!typed) read_place(section, "event", message, notification.event);
  if (!source.foreign) read_place(section, "body", false, notification.body);
  if (!typed) read_words(section, "types", notification.types);
  if (!typed) read_confirmations(section, message, source);
  for (const auto& [theirs, ours] : notification.operations)
    if (ours != "create" && ours != "update" && ours != "delete")
      section.problem("operations", "unknown operation `" + ours + "`", "known here: create, update, delete");
  const bool only_confirms = source.confirmations && !section.has("request_type");
  if (section.present() && !typed && !only_confirms && notification.type.empty() && notification.request_type.empty())
    section.problem_here("does not say of which type its records are",
                         "add request_type: a JSON pointer, or the request_type of all");
  if (notification.id.empty() && notification.object_id.empty())
    section.problem_here("does not say which object a record is about", "add id or object_id, JSON pointers");
}

}  // namespace tandem
