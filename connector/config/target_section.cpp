#include <algorithm>

#include "config/sections.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;

bool header_name(std::string_view name) {
  constexpr std::string_view allowed = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  return !name.empty() && name.size() <= 100 && name.find_first_not_of(allowed) == std::string_view::npos;
}

bool header_value(std::string_view value) {
  return std::ranges::none_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// Headers that belong to the HTTP library.
bool ours_to_set(std::string_view name) {
  std::string lower;
  for (const char c : name) lower += (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
  return lower != "content-length" && lower != "transfer-encoding" && lower != "connection" && lower != "host";
}

void read_auth(Reading& reading, const yaml::Value* value, const std::string& path, AuthSettings& auth) {
  Section section(reading, value, path);
  int kinds = 0;
  if (section.secret("bearer", auth.token)) {
    auth.kind = AuthKind::bearer;
    ++kinds;
  }
  if (const yaml::Value* basic_value = section.take("basic")) {
    auth.kind = AuthKind::basic;
    ++kinds;
    Section basic(reading, basic_value, section.path_of("basic"));
    if (!basic.text("username", auth.username)) basic.problem_here("`username` is missing", "add it");
    if (!basic.secret("password", auth.password))
      basic.problem_here("`password` is missing", "add password or password_file");
  }
  if (const yaml::Value* header_at = section.take("header")) {
    auth.kind = AuthKind::header;
    ++kinds;
    Section header(reading, header_at, section.path_of("header"));
    if (!header.text("name", auth.header_name))
      header.problem_here("`name` is missing", "add the header's name, e.g. X-Api-Key");
    else if (!header_name(auth.header_name) || !ours_to_set(auth.header_name))
      header.problem("name", "`" + auth.header_name + "` cannot be used as a header's name",
                     "use letters, digits and -");
    if (!header.secret("value", auth.token))
      header.problem_here("`value` is missing", "add value or value_file");
    else if (!header_value(auth.token.reveal()))
      header.problem("value", "holds a line end or another control character", "remove it");
  }
  if (const yaml::Value* oauth_value = section.take("oauth2")) {
    auth.kind = AuthKind::oauth2;
    ++kinds;
    Section oauth(reading, oauth_value, section.path_of("oauth2"));
    if (!oauth.choice("grant", auth.grant,
                      {{"client_credentials", OAuthGrant::client_credentials},
                       {"password", OAuthGrant::password},
                       {"refresh_token", OAuthGrant::refresh_token}}) &&
        !oauth.has("grant"))
      oauth.problem_here("`grant` is missing", "write client_credentials, password or refresh_token");
    read_url(oauth, "token_url", auth.token_url);
    if (!oauth.has("token_url")) oauth.problem_here("`token_url` is missing", "add the address that issues tokens");
    if (!oauth.text("client_id", auth.client_id)) oauth.problem_here("`client_id` is missing", "add it");
    const bool has_secret = oauth.secret("client_secret", auth.client_secret);
    if (!has_secret && auth.grant == OAuthGrant::client_credentials)
      oauth.problem_here("`client_secret` is missing", "add client_secret or client_secret_file");
    const bool has_username = oauth.text("username", auth.username);
    const bool has_password = oauth.secret("password", auth.password);
    if (auth.grant == OAuthGrant::password && !(has_username && has_password))
      oauth.problem_here("the grant `password` needs `username` and `password`", "add both");
    const bool has_refresh = oauth.secret("refresh_token", auth.refresh_token, &auth.refresh_token_file);
    if (auth.grant == OAuthGrant::refresh_token && !has_refresh)
      oauth.problem_here("the grant `refresh_token` needs `refresh_token`", "add refresh_token or refresh_token_file");
    oauth.text("scope", auth.scope);
  }
  if (section.present() && kinds == 0)
    section.problem_here("names no way to authenticate", "write one of bearer, basic, header, oauth2, or remove auth");
  if (kinds > 1)
    section.problem_here("names several ways to authenticate", "keep one of bearer, basic, header, oauth2");
  if (!header_value(auth.token.reveal()) && auth.kind == AuthKind::bearer)
    section.problem("bearer", "holds a line end or another control character", "remove it");
}

void read_rate(Reading& reading, const yaml::Value* value, const std::string& path, RateSettings& rate) {
  Section section(reading, value, path);
  section.decimal("per_second", rate.per_second, 0.001, 1e6);
  section.decimal("burst", rate.burst, 1, 1e6);
  section.integer("per_day", rate.per_day, std::int64_t{1}, std::int64_t{1'000'000'000'000});
  section.share("reserve", rate.reserve);
  if (rate.burst > 0 && rate.per_second == 0)
    section.problem("burst", "a burst without `per_second` limits nothing", "add per_second, or remove burst");
}

void read_retry(Reading& reading, const yaml::Value* value, const std::string& path, RetrySettings& retry) {
  Section section(reading, value, path);
  section.integer("count", retry.count, 0, 100);
  section.duration("first", retry.first, 1ms, 24h);
  section.decimal("factor", retry.factor, 1, 100);
  section.share("jitter", retry.jitter);
  section.duration("max_age", retry.max_age, std::chrono::hours(1), std::chrono::hours(24 * 365));
}

void read_breaker(Reading& reading, const yaml::Value* value, const std::string& path, BreakerSettings& breaker) {
  Section section(reading, value, path);
  section.integer("consecutive_failures", breaker.consecutive_failures, 1, 1'000'000);
  section.share("failure_share", breaker.failure_share);
  section.integer("minimum", breaker.minimum, 1, 1'000'000);
  section.duration("window", breaker.window, 100ms, 1h);
  section.duration("open_first", breaker.open_first, 10ms, 1h);
  section.duration("open_longest", breaker.open_longest, 10ms, 24h);
  if (breaker.open_longest < breaker.open_first)
    section.problem("open_longest", "is shorter than `open_first`", "make it at least as long");
}

/// What every target has, however it is spoken to.
void read_limits(Reading& reading, Section& section, TargetSettings& target) {
  section.integer("concurrency", target.concurrency, 1, 10'000);
  read_rate(reading, section.take("rate"), section.path_of("rate"), target.rate);
  read_retry(reading, section.take("retry"), section.path_of("retry"), target.retry);
  read_breaker(reading, section.take("breaker"), section.path_of("breaker"), target.breaker);
  section.duration("timeout", target.timeout, 10ms, 1h);
  section.size("max_body", target.max_body_bytes, 1 << 10, 256 << 20);
  section.size("memory", target.memory_bytes, 1 << 20, std::uint64_t{1} << 36);
}

void read_rest_target(Reading& reading, Section& section, TargetSettings& target) {
  read_url(section, "url", target.url);
  if (section.present() && !section.has("url"))
    section.problem_here("`url` is missing",
                         "add the address that all its paths are appended to, e.g. https://crm.example/api");
  if (const yaml::Value* auth = section.take("auth")) read_auth(reading, auth, section.path_of("auth"), target.auth);
  read_headers(section, target.headers);
  section.duration("connect_timeout", target.connect_timeout, 10ms, 10min);
  section.duration("retry_after_cap", target.retry_after_cap, 1s, 24h);
  section.text("proxy", target.proxy);
  section.text("ca_file", target.ca_file);
  section.flag("http2", target.http2);
  section.flag("allow_private", target.allow_private);
  if (section.text("probe", target.probe_path) && !target.probe_path.starts_with('/'))
    section.problem("probe", "must begin with /", "write the path that a GET may ask, e.g. /health");
  if (section.text("idempotency_header", target.idempotency_header) &&
      (!header_name(target.idempotency_header) || !ours_to_set(target.idempotency_header)))
    section.problem("idempotency_header", "`" + target.idempotency_header + "` cannot be used as a header's name",
                    "use letters, digits and -");
  read_requests(section, target.rest);
}

void read_kafka_target(Section& section, TargetSettings& target) {
  read_kafka_connection(section, target.cluster);
  read_kafka(section, target.kafka);
  section.text("source", target.event_source);
}

void read_target(Reading& reading, const yaml::Value& value, const std::string& path, TargetSettings& target) {
  Section section(reading, &value, path);
  target.line = section.line();
  const std::vector<std::string> types{"rest", "kafka"};
  section.chosen("type", target.type, types);
  if (target.type == "kafka") target.max_body_bytes = 1'000'000;  // what a broker takes unless it is told otherwise
  read_limits(reading, section, target);
  if (target.type == "kafka")
    read_kafka_target(section, target);
  else
    read_rest_target(reading, section, target);
}

}  // namespace

void read_url(Section& section, std::string_view key, std::string& out) {
  std::string url;
  if (!section.text(key, url)) return;
  const std::size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
  const auto host_end = std::min(url.find_first_of("/?#", scheme), url.size());
  const std::string authority = url.substr(scheme, host_end - scheme);
  if (authority.find('@') != std::string::npos)
    section.problem(key, "holds a user name or password", "put credentials into auth, where they are kept secret");
  else if (scheme == 0 || authority.empty() || authority.starts_with(':'))
    section.problem(key, "is not an http or https address", "write e.g. https://crm.example/api");
  else if (url.find_first_of(" \t\r\n?#") != std::string::npos)
    section.problem(key, "holds a blank, a query or a fragment", "write scheme, host, port and path only");
  else
    out = url.ends_with('/') ? url.substr(0, url.size() - 1) : url;
}

void read_headers(Section& parent, std::vector<std::pair<std::string, std::string>>& headers) {
  const yaml::Value* value = parent.take("headers");
  if (value == nullptr) return;
  Section section(parent.reading(), value, parent.path_of("headers"));
  for (const auto* entry : section.take_names()) {
    auto text = section.text_of(entry->value, section.path_of(entry->key));
    if (!text) continue;
    if (!header_name(entry->key))
      section.problem(entry->key, "is not a header's name", "use letters, digits and -");
    else if (!ours_to_set(entry->key))
      section.problem(entry->key, "is set by tandem itself", "remove it");
    else if (!header_value(*text))
      section.problem(entry->key, "holds a line end or another control character", "remove it");
    else
      std::erase_if(headers, [&](const auto& h) { return h.first == entry->key; }),
          headers.emplace_back(entry->key, std::move(*text));
  }
}

void read_targets(Reading& reading, const yaml::Value* targets, Settings& settings) {
  Section section(reading, targets, "targets", 1);
  for (const auto* entry : section.take_names()) {
    TargetSettings target;
    target.name = entry->key;
    const std::string path = section.path_of(entry->key);
    valid_name(object_name, entry->key, reading, entry->line, path);
    read_target(reading, entry->value, path, target);
    target.line = entry->line;
    settings.targets.push_back(std::move(target));
  }
}

}  // namespace tandem
