#include "intake/webhook.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <random>

#include "intake/signature.hpp"
#include "json/scan.hpp"
#include "json/text.hpp"

namespace tandem {
namespace {

constexpr std::size_t most_records = 10'000;  // of one request
constexpr std::size_t longest_id = 2'000;     // inbox keys stand in an index

tl::unexpected<Refusal> not_understood(std::string detail) {
  return tl::unexpected(Refusal{422, "not understood", std::move(detail)});
}

/// Text at a pointer; nullopt where there is none, or null.
std::optional<std::string> text_at(std::string_view record, const std::string& pointer) {
  if (pointer.empty()) return std::nullopt;
  const auto found = json::at(record, pointer);
  if (!found || !*found) return std::nullopt;
  auto text = json::scalar_text(**found);
  if (!text || text->empty()) return std::nullopt;
  return std::move(*text);
}

std::string translated(const std::vector<std::pair<std::string, std::string>>& words, std::string word) {
  for (const auto& [theirs, ours] : words)
    if (theirs == word) return ours;
  return word;
}

/// Stands in where a source gives its records no id: nothing can be recognised as sent twice then.
std::string fresh_id() {
  static std::atomic<std::uint64_t> counter{(std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()};
  static const std::uint64_t process = (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}();
  return "tandem " + std::to_string(process) + " " + std::to_string(counter++);
}

}  // namespace

std::string_view Posted::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

Webhook::Webhook(const Settings& settings, const SourceSettings& source) : source_(source) {
  for (const auto& route : settings.routes)
    if (route.target == source.target && route.apply) request_types_.push_back(route.request_type);
}

/// Every way that is configured must agree.
bool Webhook::authentic(const Posted& posted, WallTime now) const {
  bool good = true;
  if (!source_.signing.empty())
    good = signed_by(source_.signing,
                     {posted.header("webhook-id"), posted.header("webhook-timestamp"),
                      posted.header("webhook-signature"), posted.body},
                     now, source_.tolerance);
  if (!source_.header_name.empty())
    good = same_secret(posted.header(source_.header_name), source_.header_value.reveal()) && good;
  if (!source_.username.empty())
    good = same_secret(posted.header("authorization"),
                       "Basic " + encode_base64(source_.username + ":" + source_.password.reveal())) &&
           good;
  return good;
}

tl::expected<store::Incoming, Refusal> Webhook::read_one(std::string_view record) const {
  const NotificationSettings& told = source_.notification;
  store::Incoming out;
  out.request_type = told.type;
  if (out.request_type.empty()) {
    const auto type = text_at(record, told.request_type);
    if (!type) return not_understood("no type at " + told.request_type);
    out.request_type = translated(told.types, *type);
  }
  if (std::ranges::find(request_types_, out.request_type) == request_types_.end())
    return not_understood("no route takes objects of type " + out.request_type.substr(0, 100));
  out.operation = "update";
  if (!told.operation.empty()) {
    const auto operation = text_at(record, told.operation);
    if (!operation) return not_understood("no operation at " + told.operation);
    out.operation = translated(told.operations, *operation);
    if (out.operation != "create" && out.operation != "update" && out.operation != "delete")
      return not_understood("unknown operation " + out.operation.substr(0, 100));
  }
  out.remote_id = text_at(record, told.id).value_or("");
  out.object_id = text_at(record, told.object_id).value_or("");
  if (out.remote_id.empty() && out.object_id.empty())
    return not_understood("no id at " + (told.id.empty() ? told.object_id : told.id));
  out.version = text_at(record, told.version).value_or("");
  out.source_record_id = text_at(record, told.event).value_or("");
  for (const std::string* id : {&out.remote_id, &out.object_id, &out.version, &out.source_record_id})
    if (id->size() > longest_id || id->find('\0') != std::string::npos || !json::valid_utf8(*id))
      return not_understood("an id or version is too long or no text");
  if (const auto body = json::at(record, told.body); body && *body && **body != "null") {
    if (json::kind_of(**body) != json::Kind::object) return not_understood("no object at " + told.body);
    out.body = **body;
  } else if (out.operation == "create" && !body) {
    return not_understood("no body at " + told.body);
  }
  return out;
}

tl::expected<std::vector<store::Incoming>, Refusal> Webhook::read(const Posted& posted, WallTime now) const {
  if (posted.body.size() > source_.max_body_bytes)
    return tl::unexpected(
        Refusal{413, "body too large", "the limit is " + std::to_string(source_.max_body_bytes) + " bytes"});
  if (!authentic(posted, now)) return tl::unexpected(Refusal{401, "not authenticated", ""});
  if (auto valid = json::validate(posted.body, 200); !valid)
    return not_understood("not JSON: " + valid.error().message);

  std::vector<std::string_view> records;
  bool batch = true;
  std::string_view root = posted.body;
  if (!source_.notification.records.empty()) {
    const auto found = json::at(posted.body, source_.notification.records);
    if (!found || !*found) return not_understood("no records at " + source_.notification.records);
    root = **found;
  }
  const auto first = root.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && root[first] == '[') {
    auto elements = json::elements(root);
    if (!elements) return not_understood("not JSON: " + elements.error().message);
    records = std::move(*elements);
  } else if (source_.notification.records.empty()) {
    records.push_back(root);
    batch = false;
  } else {
    return not_understood("no array at " + source_.notification.records);
  }
  if (records.size() > most_records)
    return tl::unexpected(
        Refusal{413, "too many records", "the limit is " + std::to_string(most_records) + " in one request"});

  const std::string_view message_id = posted.header("webhook-id");
  std::vector<store::Incoming> out;
  out.reserve(records.size());
  for (std::size_t place = 0; place < records.size(); ++place) {
    if (json::kind_of(records[place]) != json::Kind::object)
      return not_understood("record " + std::to_string(place) + " is not an object");
    auto one = read_one(records[place]);
    if (!one) {
      if (batch) one.error().detail = "record " + std::to_string(place) + ": " + one.error().detail;
      return tl::unexpected(std::move(one.error()));
    }
    if (one->source_record_id.empty() && !message_id.empty() && message_id.size() <= longest_id &&
        json::valid_utf8(message_id))
      one->source_record_id = std::string(message_id) + (batch ? "#" + std::to_string(place) : "");
    if (one->source_record_id.empty()) one->source_record_id = fresh_id();
    one->trace_context = posted.header("traceparent").substr(0, 200);
    if (!json::valid_utf8(one->trace_context)) one->trace_context.clear();
    out.push_back(std::move(*one));
  }
  return out;
}

}  // namespace tandem
