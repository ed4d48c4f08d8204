#include "intake/notification.hpp"

#include <algorithm>
#include <optional>

#include "json/scan.hpp"
#include "json/text.hpp"

namespace tandem {
namespace {

constexpr std::string_view header_place = "header:";

bool known_operation(std::string_view word) {
  return word == "create" || word == "update" || word == "delete";
}

std::string translated(const std::vector<std::pair<std::string, std::string>>& words, std::string word) {
  for (const auto& [theirs, ours] : words)
    if (theirs == word) return ours;
  return word;
}

/// Text at a place; nullopt where there is none, or null, or it is empty.
std::optional<std::string> text_at(const Told& told, const std::string& place) {
  if (place.empty()) return std::nullopt;
  std::optional<std::string> text;
  if (place == "key") {
    text = told.key;
  } else if (place == "topic") {
    text = told.topic;
  } else if (place.starts_with(header_place)) {
    for (const auto& [name, value] : told.headers)
      if (name == std::string_view(place).substr(header_place.size())) text = value;
  } else if (!told.body.empty()) {
    const auto found = json::at(told.body, place);
    if (found && *found)
      if (auto scalar = json::scalar_text(**found)) text = std::move(*scalar);
  }
  if (text && text->empty()) return std::nullopt;
  return text;
}

/// What stands at a place, whatever it is.
std::string words_at(const Told& told, const std::string& place) {
  if (auto text = text_at(told, place)) return std::move(*text);
  if (!place.starts_with('/') || told.body.empty()) return {};
  const auto found = json::at(told.body, place);
  return found && *found && **found != "null" ? std::string(**found) : std::string();
}

bool is_an_id(std::string_view text) {
  return text.size() <= longest_id && text.find('\0') == std::string_view::npos && json::valid_utf8(text);
}

bool says_yes(const Told& told, const std::string& place) {
  if (place.empty() || told.body.empty()) return false;
  if (!place.starts_with('/')) return text_at(told, place).has_value();
  const auto found = json::at(told.body, place);
  if (!found || !*found) return false;
  return **found != "null" && **found != "false" && **found != "0" && **found != "\"\"";
}

}  // namespace

NotificationReader::NotificationReader(const Settings& settings, const SourceSettings& source) : source_(source) {
  for (const auto& route : settings.routes)
    if (route.target == source.target && route.apply) request_types_.push_back(route.request_type);
}

tl::expected<void, std::string> NotificationReader::read_type_and_operation(const Told& told,
                                                                            store::Incoming& out) const {
  const NotificationSettings& places = source_.notification;
  const bool gone = told.body.empty();
  std::optional<std::string> operation;
  out.request_type = told.type.empty() ? std::string_view(places.type) : told.type;
  if (out.request_type.empty()) {
    auto type = text_at(told, places.request_type);
    if (!type && gone) type = text_at(told, "header:request_type");
    if (!type) return tl::unexpected("no type at " + places.request_type);
    out.request_type = translated(places.types, *type);
    const auto dot = type->rfind('.');
    if (places.type_tells_operation && out.request_type == *type && dot != std::string::npos) {
      out.request_type = translated(places.types, type->substr(0, dot));
      operation = type->substr(dot + 1);
    }
  }
  if (std::ranges::find(request_types_, out.request_type) == request_types_.end())
    return tl::unexpected("no route takes objects of type " + out.request_type.substr(0, 100));
  if (gone || says_yes(told, places.deleted)) {
    out.operation = "delete";
    return {};
  }
  if (!places.operation.empty()) {
    operation = text_at(told, places.operation);
    if (!operation) return tl::unexpected("no operation at " + places.operation);
  }
  // A topic's message is the newest image whatever it says; it need not say it.
  if (!operation && source_.topics) operation = text_at(told, "header:operation");
  out.operation = translated(places.operations, operation.value_or("update"));
  if (!known_operation(out.operation)) return tl::unexpected("unknown operation " + out.operation.substr(0, 100));
  return {};
}

tl::expected<store::Incoming, std::string> NotificationReader::read_confirmation(const Told& told,
                                                                                 const std::string& record_id) const {
  const ConfirmationSettings& places = *source_.confirmations;
  if (!parse_record_id(record_id))
    return tl::unexpected("no record_id at " + places.record_id + ": " + record_id.substr(0, 100));
  store::Incoming out;
  out.operation = "call";
  out.confirms = record_id;
  out.failed = says_yes(told, places.failed);
  out.error = words_at(told, places.error);
  if (!out.failed) out.remote_id = text_at(told, places.remote_id).value_or("");
  out.source_record_id = text_at(told, source_.notification.event).value_or("");
  // One that names the record by its event would be passed over when the record is sent, and confirmed, once more.
  if (out.source_record_id == record_id) out.source_record_id.clear();
  for (const std::string* id : {&out.remote_id, &out.source_record_id})
    if (!is_an_id(*id)) return tl::unexpected(std::string("an id is too long or no text"));
  return out;
}

tl::expected<store::Incoming, std::string> NotificationReader::read(const Told& told) const {
  const NotificationSettings& places = source_.notification;
  if (source_.confirmations)
    if (const auto record_id = text_at(told, source_.confirmations->record_id))
      return read_confirmation(told, *record_id);
  const bool gone = told.body.empty();
  store::Incoming out;
  if (auto kind = read_type_and_operation(told, out); !kind) return tl::unexpected(std::move(kind.error()));
  out.remote_id = text_at(told, places.id).value_or("");
  out.object_id = text_at(told, places.object_id).value_or("");
  if (gone && out.remote_id.empty() && out.object_id.empty())
    (places.id.empty() ? out.object_id : out.remote_id) = told.key;
  if (out.remote_id.empty() && out.object_id.empty())
    return tl::unexpected("no id at " + (places.id.empty() ? places.object_id : places.id));
  out.version = text_at(told, places.version).value_or("");
  out.source_record_id = text_at(told, places.event).value_or("");
  if (gone && out.source_record_id.empty()) out.source_record_id = text_at(told, "header:record_id").value_or("");
  for (const std::string* id : {&out.remote_id, &out.object_id, &out.version, &out.source_record_id})
    if (!is_an_id(*id)) return tl::unexpected(std::string("an id or version is too long or no text"));
  if (gone) return out;
  if (const auto body = json::at(told.body, places.body); body && *body && **body != "null") {
    if (json::kind_of(**body) != json::Kind::object) return tl::unexpected("no object at " + places.body);
    out.body = **body;
  } else if (out.operation == "create" && !body) {
    return tl::unexpected("no body at " + places.body);
  }
  return out;
}

}  // namespace tandem
