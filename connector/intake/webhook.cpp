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

tl::unexpected<Refusal> not_understood(std::string detail) {
  return tl::unexpected(Refusal{422, "not understood", std::move(detail), {}});
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

Webhook::Webhook(const Settings& settings, const SourceSettings& source)
    : source_(source), notification_(settings, source), meter_(source.rate.per_second, source.rate.burst) {}

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

tl::expected<std::vector<store::Incoming>, Refusal> Webhook::read(const Posted& posted, WallTime now) {
  if (posted.body.size() > source_.max_body_bytes)
    return tl::unexpected(
        Refusal{413, "body too large", "the limit is " + std::to_string(source_.max_body_bytes) + " bytes", {}});
  if (!authentic(posted, now)) return tl::unexpected(Refusal{401, "not authenticated", "", {}});
  if (const auto wait = meter_.take(now))
    return tl::unexpected(Refusal{429, "too many requests",
                                  "the limit is " + std::to_string(source_.rate.per_second) + " a second", *wait});
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
        Refusal{413, "too many records", "the limit is " + std::to_string(most_records) + " in one request", {}});

  const std::string_view message_id = posted.header("webhook-id");
  std::vector<store::Incoming> out;
  out.reserve(records.size());
  for (std::size_t place = 0; place < records.size(); ++place) {
    if (json::kind_of(records[place]) != json::Kind::object)
      return not_understood("record " + std::to_string(place) + " is not an object");
    auto one = notification_.read({records[place]});
    if (!one) return not_understood((batch ? "record " + std::to_string(place) + ": " : std::string()) + one.error());
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
