#include "target/token_source.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "json/scan.hpp"
#include "json/text.hpp"
#include "target/request_template.hpp"
#include "target/verdict.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;

constexpr auto lifetime_if_untold = 30min;  // Salesforce tells none
constexpr auto quiet_first = 1'000ms, quiet_longest = 60'000ms;

/// How long a token is used: given up early enough that no request carries it past its end, and used at all, whatever
/// its endpoint says of its lifetime, or it would be fetched for ever.
std::chrono::seconds usable(std::optional<std::chrono::seconds> lifetime) {
  if (!lifetime) return lifetime_if_untold;
  return std::max(*lifetime - std::min(std::max<std::chrono::seconds>(60s, *lifetime / 10), *lifetime / 2),
                  std::chrono::seconds(5));
}

void add_parameter(std::string& form, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  if (!form.empty()) form += '&';
  form += name;
  form += '=';
  append_percent_encoded(form, value);
}

std::string text_at(std::string_view body, std::string_view pointer) {
  const auto token = json::at(body, pointer);
  if (!token || !*token) return {};
  return json::scalar_text(**token).value_or(std::string());
}

std::optional<std::chrono::seconds> seconds_of(const std::string& text) {
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::chrono::seconds(std::stoll(text));
}

bool usable_in_a_header(std::string_view token) {
  return !token.empty() && std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

TokenFault fault_of(const HttpAnswer& answer) {
  const CallPlan call;
  const Verdict verdict = judge(call, answer, std::chrono::system_clock::now());
  TokenFault fault{verdict.error, "token endpoint: " + verdict.description, verdict.retry_after};
  // Whatever 4xx it says, it is about our credentials: no record's fault.
  const bool about_us = answer.status >= 400 && answer.status < 500 && verdict.error != ErrorClass::throttled &&
                        verdict.error != ErrorClass::unavailable;
  if (about_us) fault.error = ErrorClass::auth;
  const std::string code = text_at(answer.body, "/error");
  if (!code.empty() && verdict.description.find(code) == std::string::npos) fault.description += " (" + code + ")";
  return fault;
}

}  // namespace

TokenSource::TokenSource(const AuthSettings& settings, HttpClient& http, HttpClient::PeerId peer, Scrubber& scrubber)
    : settings_(settings),
      http_(http),
      peer_(peer),
      scrubber_(scrubber),
      refresh_token_(settings.refresh_token.reveal()) {
  for (const Secret* secret : {&settings.client_secret, &settings.password, &settings.refresh_token})
    scrubber_.add(secret->reveal());
}

TokenSource::~TokenSource() {
  *alive_ = false;
  http_.cancel(fetching_);
}

std::string_view TokenSource::token() const {
  return std::chrono::steady_clock::now() < good_until_ ? std::string_view(token_) : std::string_view{};
}

void TokenSource::refused(std::string_view token) {
  if (token == token_) good_until_ = {};
}

HttpRequest TokenSource::request() const {
  HttpRequest out;
  out.method = "POST";
  out.url = settings_.token_url;
  out.headers = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json"};
  switch (settings_.grant) {
    case OAuthGrant::client_credentials:
      add_parameter(out.body, "grant_type", "client_credentials");
      break;
    case OAuthGrant::password:
      add_parameter(out.body, "grant_type", "password");
      add_parameter(out.body, "username", settings_.username);
      add_parameter(out.body, "password", settings_.password.reveal());
      break;
    case OAuthGrant::refresh_token:
      add_parameter(out.body, "grant_type", "refresh_token");
      add_parameter(out.body, "refresh_token", refresh_token_);
      break;
  }
  add_parameter(out.body, "client_id", settings_.client_id);
  add_parameter(out.body, "client_secret", settings_.client_secret.reveal());
  add_parameter(out.body, "scope", settings_.scope);
  return out;
}

void TokenSource::fetch(Ready ready) {
  waiting_.push_back(std::move(ready));
  if (fetching_ != 0) return;
  if (std::chrono::steady_clock::now() < quiet_until_) {
    http_.defer([this, alive = alive_] {
      if (*alive && fetching_ == 0) tell(&last_fault_);
    });
    return;
  }
  fetching_ = http_.send(peer_, request(), [this, alive = alive_](const HttpAnswer& answer) {
    if (*alive) answered(answer);
  });
}

void TokenSource::answered(const HttpAnswer& answer) {
  fetching_ = 0;
  const bool succeeded = answer.failure == HttpFailure::none && answer.status >= 200 && answer.status < 300;
  TokenFault fault;
  if (succeeded) {
    std::string access = text_at(answer.body, "/access_token");
    if (usable_in_a_header(access)) {
      const std::string refresh =
          settings_.grant == OAuthGrant::refresh_token ? text_at(answer.body, "/refresh_token") : std::string();
      scrubber_.add(access);
      if (!refresh.empty() && refresh != refresh_token_) {
        scrubber_.add(refresh);
        refresh_token_ = refresh;
        fault.description = save_refresh_token(refresh);
      }
      if (fault.description.empty()) {
        token_ = std::move(access);
        good_until_ = std::chrono::steady_clock::now() + usable(seconds_of(text_at(answer.body, "/expires_in")));
        quiet_ = 0ms;
        tell(nullptr);
        return;
      }
    } else {
      fault = {ErrorClass::unavailable,
               "token endpoint: answered " + std::to_string(answer.status) + " without an access_token",
               {}};
    }
  } else {
    fault = fault_of(answer);
  }
  quiet_ = std::clamp<std::chrono::milliseconds>(quiet_ * 2, quiet_first, quiet_longest);
  quiet_until_ = std::chrono::steady_clock::now() + quiet_;
  last_fault_ = std::move(fault);
  tell(&last_fault_);
}

void TokenSource::tell(const TokenFault* fault) {
  std::vector<Ready> waiting;
  waiting.swap(waiting_);
  const TokenFault copy = fault == nullptr ? TokenFault{} : *fault;
  for (const Ready& ready : waiting) ready(fault == nullptr ? nullptr : &copy);
}

void TokenSource::abandon() {
  http_.cancel(fetching_);  // tells everybody, as an answer does
  quiet_until_ = {};
  quiet_ = 0ms;
  const TokenFault off{ErrorClass::network, "not sent: given up while waiting for a token", {}};
  tell(&off);
}

/// Empty, or why the token could not be written: it is not used then, since a restart would know only the old one.
std::string TokenSource::save_refresh_token(const std::string& token) const {
  if (settings_.refresh_token_file.empty()) return {};
  const std::string next = settings_.refresh_token_file + ".next";
  const int fd = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  std::string failed =
      "token endpoint: the rotated refresh token cannot be written beside " + settings_.refresh_token_file;
  if (fd < 0) return failed;
  const bool written =
      ::write(fd, token.data(), token.size()) == static_cast<ssize_t>(token.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!written || ::rename(next.c_str(), settings_.refresh_token_file.c_str()) != 0) return failed;
  return {};
}

}  // namespace tandem
