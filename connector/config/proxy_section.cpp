#include <algorithm>

#include "config/sections.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

/// `GET /account/*`
bool read_rule(std::string_view text, ProxyRule& rule) {
  const auto blank = std::min(text.find(' '), text.size());
  rule.method = text.substr(0, blank);
  const auto path = text.substr(std::min(blank + 1, text.size()));
  rule.segments = split(path);
  if (std::ranges::find(methods, rule.method) == std::end(methods)) return false;
  if (rule.segments.empty() || path.find_first_of(" %?#\\") != std::string_view::npos) return false;
  for (std::size_t i = 0; i < rule.segments.size(); ++i) {
    const std::string& segment = rule.segments[i];
    const bool last = i + 1 == rule.segments.size();
    if (segment.empty() || segment == "." || segment == "..") return false;
    if (segment.find('*') != std::string::npos && segment != "*" && !(segment == "**" && last)) return false;
  }
  return true;
}

void read_rules(Section& allow, Settings& settings, ProxyCaller& caller) {
  for (const auto* entry : allow.take_names()) {
    const auto target = std::ranges::find(settings.targets, entry->key, &TargetSettings::name);
    if (target == settings.targets.end()) {
      allow.problem(entry->key, "there is no target `" + entry->key + "`", "name one of `targets`");
      continue;
    }
    if (target->type != "rest") allow.problem(entry->key, "is no target of type rest", "callers are lent HTTP only");
    std::vector<std::string> texts;
    allow.names(entry->key, texts);
    for (const auto& text : texts) {
      ProxyRule rule{entry->key, {}, {}};
      if (read_rule(text, rule))
        caller.allow.push_back(std::move(rule));
      else
        allow.problem(entry->key, "`" + text + "` is not a method and a path",
                      "write e.g. `GET /account/*` or `POST /report/**`: methods GET, POST, PUT, PATCH, DELETE");
    }
    target->lends.emplace();
  }
}

void read_caller(Reading& reading, const yaml::Value& value, const std::string& path, Settings& settings,
                 ProxyCaller& caller) {
  Section section(reading, &value, path);
  if (!section.secret("token", caller.token))
    section.problem_here("`token` is missing", "add token or token_file");
  else if (caller.token.reveal().size() < 16)
    section.problem("token", "the token is shorter than 16 characters",
                    "generate one, e.g. with `openssl rand -hex 24`");
  for (const auto& other : settings.proxy.callers)
    if (!caller.token.empty() && other.token.reveal() == caller.token.reveal())
      section.problem("token", "is the token of `" + other.name + "` too", "give every caller its own");
  const yaml::Value* allowed = section.take("allow");
  {
    Section allow(reading, allowed, section.path_of("allow"));
    read_rules(allow, settings, caller);
  }
  if (caller.allow.empty()) section.problem_here("may do nothing", "add allow: { TARGET: [\"GET /account/*\"] }");
}

}  // namespace

void read_proxy(Reading& reading, const yaml::Value* value, Settings& settings) {
  if (value == nullptr) return;
  Section section(reading, value, "proxy", 1);
  ProxySettings& proxy = settings.proxy;
  section.share("share", proxy.share);
  section.duration("timeout", proxy.timeout, 100ms, 5min);
  section.size("max_body", proxy.max_body_bytes, 1 << 10, 64 << 20);
  section.size("max_answer", proxy.max_answer_bytes, 1 << 10, 64 << 20);
  const yaml::Value* named = section.take("callers");
  {
    Section callers(reading, named, section.path_of("callers"));
    for (const auto* entry : callers.take_names()) {
      ProxyCaller caller;
      caller.name = entry->key;
      const std::string path = callers.path_of(entry->key);
      valid_name(object_name, entry->key, reading, entry->line, path);
      read_caller(reading, entry->value, path, settings, caller);
      proxy.callers.push_back(std::move(caller));
    }
  }
  if (proxy.callers.empty())
    section.problem_here("nobody may use it", "add callers: { NAME: { token_file: …, allow: … } }, or remove proxy");
  if (settings.http.listen.empty())
    section.problem_here("the proxy needs http.listen", "set it to an address and port");
  for (auto& target : settings.targets)
    if (target.lends) {
      target.lends = proxy;
      target.lends->callers.clear();  // who they are is the door's business
    }
}

}  // namespace tandem
