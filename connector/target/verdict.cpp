#include "target/verdict.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>

#include "json/scan.hpp"
#include "json/text.hpp"

namespace tandem {
namespace {

/// Statuses of gateways that got no word from the system behind them.
bool from_a_gateway(int status) {
  return status == 502 || status == 504 || status >= 520;
}

Effect effect_of_status(int status) {
  if (status == 408) return Effect::denied;
  if (status < 500) return Effect::none;
  return from_a_gateway(status) ? Effect::unknown : Effect::denied;
}

Verdict of_failure(const HttpAnswer& answer) {
  Verdict verdict;
  verdict.effect = answer.sent ? Effect::unknown : Effect::none;
  switch (answer.failure) {
    case HttpFailure::timeout:
      verdict.error = ErrorClass::timeout;
      verdict.description = answer.sent ? "no answer in time" : "no connection in time";
      break;
    case HttpFailure::too_large:
      verdict.error = ErrorClass::unavailable;
      verdict.description = answer.error;
      break;
    default:
      verdict.error = ErrorClass::network;
      verdict.description = (answer.sent ? "sent, no answer: " : "not sent: ") + answer.error;
  }
  return verdict;
}

std::string status_words(const HttpAnswer& answer) {
  std::string out = "answered " + std::to_string(answer.status);
  if (answer.status >= 300 && answer.status < 400) {
    const std::string_view to = answer.header("location");
    if (!to.empty()) out += ", redirected to " + std::string(to.substr(0, 200)) + "; redirects are not followed";
  }
  const std::string words = error_words(answer.body);
  return words.empty() ? out : out + ": " + words;
}

Verdict unreadable(Verdict verdict, const std::string& what) {
  verdict.error = ErrorClass::unavailable;
  verdict.effect = Effect::unknown;
  verdict.description = "answered " + std::to_string(verdict.status) + " " + what;
  return verdict;
}

/// A 2xx: done, unless an error hides in it or what we need of it cannot be read.
Verdict of_success(const CallPlan& call, const HttpAnswer& answer, Verdict verdict) {
  const bool reads_body = !call.error_at.empty() || !call.remote_id.pointer.empty() || !call.version.pointer.empty();
  if (answer.failure != HttpFailure::none && reads_body)
    return unreadable(std::move(verdict), "without its whole body: " + answer.error);
  if (reads_body && !answer.body.empty()) {
    if (const Status valid = json::validate(answer.body); !valid)
      return unreadable(std::move(verdict), "with a body that is not JSON: " + valid.error().message);
    if (!call.error_at.empty()) {
      const auto error = json::at(answer.body, call.error_at);
      if (error && means_error(*error)) {
        verdict.error = ErrorClass::rejected;
        verdict.effect = Effect::none;
        verdict.description = "answered " + std::to_string(answer.status) + " with an error: " + error_words(**error);
        return verdict;
      }
    }
  }
  verdict.remote_id = value_at(call.remote_id, answer);
  verdict.version = value_at(call.version, answer);
  return verdict;
}

/// First text below the keys in which APIs put their words, at most a few levels down.
std::string find_words(std::string_view token, int depth) {
  static constexpr std::array<std::string_view, 9> keys{
      "message", "error_message", "error_description", "detail", "title", "error", "errors", "description", "data"};
  switch (json::kind_of(token)) {
    case json::Kind::string:
    case json::Kind::number:
      return json::scalar_text(token).value_or(std::string(token));
    case json::Kind::object: {
      if (depth == 0) return {};
      const auto members = json::members(token);
      if (!members) return {};
      for (const std::string_view key : keys)
        for (const json::Member& member : *members)
          if (json::key_is(member.key, key))
            if (std::string words = find_words(member.value, depth - 1); !words.empty()) return words;
      return {};
    }
    case json::Kind::array: {
      if (depth == 0) return {};
      const auto elements = json::elements(token);
      std::string all;
      for (std::size_t i = 0; elements && i < std::min<std::size_t>(elements->size(), 5); ++i) {
        const std::string words = find_words((*elements)[i], depth - 1);
        if (!words.empty()) all += (all.empty() ? "" : "; ") + words;
      }
      return all;
    }
    default:
      return {};
  }
}

}  // namespace

ErrorClass class_of_status(int status) {
  switch (status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return ErrorClass::unavailable;  // a login page, a moved API: not the record's fault
    case 401:
    case 403:
    case 407:
      return ErrorClass::auth;
    case 404:
    case 410:
      return ErrorClass::not_found;
    case 408:
    case 425:
      return ErrorClass::unavailable;
    case 409:
    case 412:
      return ErrorClass::conflict;
    case 413:
      return ErrorClass::too_large;
    case 423:
      return ErrorClass::lock;
    case 429:
      return ErrorClass::throttled;
    default:
      return status >= 500 ? ErrorClass::unavailable : ErrorClass::rejected;
  }
}

std::optional<std::chrono::milliseconds> retry_after(std::string_view value, std::string_view date, WallTime now) {
  using std::chrono::seconds;
  if (value.empty()) return std::nullopt;
  const bool number = std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (number) {
    if (value.size() > 9) value = "999999999";
    return seconds(std::stoll(std::string(value)));
  }
  const std::time_t then = curl_getdate(std::string(value).c_str(), nullptr);
  if (then == -1) return std::nullopt;
  const std::time_t sent = date.empty() ? -1 : curl_getdate(std::string(date).c_str(), nullptr);
  const std::time_t from = sent != -1 ? sent : std::chrono::system_clock::to_time_t(now);
  return seconds(std::max<std::int64_t>(0, static_cast<std::int64_t>(then) - static_cast<std::int64_t>(from)));
}

Verdict judge(const CallPlan& call, const HttpAnswer& answer, WallTime now) {
  if (answer.failure != HttpFailure::none && answer.status == 0) return of_failure(answer);
  Verdict verdict;
  verdict.status = answer.status;
  if (answer.failure == HttpFailure::cancelled) {
    verdict = of_failure(answer);
    verdict.status = answer.status;
    return verdict;
  }
  if (call.succeeds(answer.status)) return of_success(call, answer, std::move(verdict));
  verdict.error = class_of_status(answer.status);
  verdict.effect = answer.status >= 200 && answer.status < 300 ? Effect::unknown : effect_of_status(answer.status);
  verdict.description = status_words(answer);
  if (verdict.effect == Effect::unknown && answer.status < 300)
    verdict.description += "; the route does not count that as success";
  if (answer.status == 429 || answer.status >= 500)
    verdict.retry_after = retry_after(answer.header("retry-after"), answer.header("date"), now);
  return verdict;
}

std::string value_at(const AnswerPlace& place, const HttpAnswer& answer) {
  if (!place.header.empty()) {
    std::string_view value = answer.header(place.header);
    const bool address = value.starts_with('/') || value.find("://") != std::string_view::npos;
    if (address) {
      value = value.substr(0, value.find_first_of("?#"));
      if (value.ends_with('/')) value.remove_suffix(1);
      value.remove_prefix(std::min(value.rfind('/') + 1, value.size()));
    }
    return std::string(value);
  }
  if (place.pointer.empty() || answer.body.empty()) return {};
  const auto token = json::at(answer.body, place.pointer);
  if (!token || !*token || json::kind_of(**token) == json::Kind::boolean) return {};
  return json::scalar_text(**token).value_or(std::string());
}

bool means_error(std::optional<std::string_view> token) {
  if (!token) return false;
  switch (json::kind_of(*token)) {
    case json::Kind::null:
      return false;
    case json::Kind::boolean:
      return *token == "true";
    case json::Kind::string:
      return token->size() > 2;
    case json::Kind::array:
      return !json::elements(*token).value_or(std::vector<std::string_view>()).empty();
    case json::Kind::object:
      return !json::members(*token).value_or(std::vector<json::Member>()).empty();
    case json::Kind::number:
      return !json::equal(*token, "0");
  }
  return true;
}

std::string error_words(std::string_view body) {
  std::string words;
  if (json::validate(body))
    words = find_words(body.substr(std::min(body.find_first_not_of(" \t\r\n"), body.size())), 4);
  return words.empty() ? std::string(body.substr(0, 1000)) : words;
}

}  // namespace tandem
