#include "target/rest_plan.hpp"

#include <algorithm>

#include "json/scan.hpp"

namespace tandem {
namespace {

constexpr std::string_view header_prefix = "header:";

bool equal_names(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

/// Collects problems of one call under its name.
class Planner {
 public:
  Planner(const TargetSettings& target, const RouteSettings& route, const std::vector<std::string>& key,
          std::vector<TargetProblem>& problems)
      : target_(target), route_(route), key_(key), problems_(problems) {}

  std::optional<CallPlan> call(std::string_view name, const std::optional<CallSettings>& settings) {
    if (!settings) return std::nullopt;
    return call(name, *settings);
  }

  CallPlan call(std::string_view name, const CallSettings& settings) {
    CallPlan plan;
    name_ = name;
    line_ = settings.line;
    plan.method = settings.method;
    const bool token = !settings.method.empty() && std::all_of(settings.method.begin(), settings.method.end(),
                                                               [](char c) { return c >= 'A' && c <= 'Z'; });
    if (!token) problem("method \"" + settings.method + "\" is no HTTP method", "for example POST");
    plan.path = parse(settings.path, TemplateUse::path);
    if (settings.path.empty() || settings.path.front() != '/') problem("path must begin with /", {});
    for (const auto& [header, value] : settings.headers) {
      if (header.empty() || header.find_first_of(": \t\r\n") != std::string::npos)
        problem("header name \"" + header + "\" is none", {});
      plan.headers.emplace_back(header, parse(value, TemplateUse::header));
    }
    if (!settings.wrap.empty()) plan.wrap = parse(settings.wrap, TemplateUse::json);
    plan.remote_id = answer_place(settings.remote_id);
    plan.version = answer_place(settings.version_at);
    plan.error_at = settings.error_at;
    for (const std::string* pointer : {&plan.remote_id.pointer, &plan.version.pointer, &plan.error_at})
      check_pointer(*pointer);
    plan.ok = settings.ok;
    plan.needs_remote_id =
        plan.path.uses("remote_id") || (plan.wrap && plan.wrap->uses("remote_id")) ||
        std::any_of(plan.headers.begin(), plan.headers.end(), [](const auto& h) { return h.second.uses("remote_id"); });
    check_key(plan.path);
    for (const auto& header : plan.headers) check_key(header.second);
    plan.fixed_headers = fixed_headers(plan);
    return plan;
  }

  BatchPlan batch(const BatchSettings& settings) {
    BatchPlan plan;
    plan.call = call("batch", settings.call);
    for (const std::string_view one : {"object_id", "remote_id", "record_id", "key.", "body."})
      if (plan.call.path.uses(one))
        problem("path names one record, but the call carries many", "use {request_type} or {operation} alone");
    if (!settings.each.empty()) {
      plan.each = parse(settings.each, TemplateUse::json);
      check_key(*plan.each);
    }
    plan.max_records = std::max<std::size_t>(1, settings.max_records);
    plan.max_bytes = settings.max_bytes;
    plan.answers_at = settings.answers_at;
    plan.match = settings.match;
    plan.match_by = settings.match_by;
    plan.status_at = settings.status_at;
    plan.ok_at = settings.ok_at;
    plan.error_at = settings.error_at;
    plan.remote_id_at = settings.remote_id_at;
    for (const std::string* pointer :
         {&plan.answers_at, &plan.match, &plan.status_at, &plan.ok_at, &plan.error_at, &plan.remote_id_at})
      check_pointer(*pointer);
    for (const std::string& operation : settings.operations) {
      plan.creates = plan.creates || operation == "create";
      plan.updates = plan.updates || operation == "update";
      plan.removes = plan.removes || operation == "delete";
    }
    return plan;
  }

 private:
  /// A header of the call stands in for the target's of the same name, and that for ours.
  std::vector<std::string> fixed_headers(const CallPlan& plan) const {
    std::vector<std::string> lines;
    const auto taken = [&](std::string_view name) {
      const auto same = [&](std::string_view other) { return equal_names(name, other); };
      return std::any_of(plan.headers.begin(), plan.headers.end(), [&](const auto& h) { return same(h.first); }) ||
             std::any_of(lines.begin(), lines.end(),
                         [&](const std::string& line) { return same(line.substr(0, line.find(':'))); });
    };
    for (const auto& [name, value] : target_.headers)
      if (!taken(name)) lines.push_back(name + ": " + value);
    for (const auto& [name, value] : {std::pair("Content-Type", "application/json"),
                                      std::pair("Accept", "application/json"), std::pair("User-Agent", "tandem")})
      if (!taken(name)) lines.push_back(std::string(name) + ": " + value);
    return lines;
  }

  void problem(std::string message, std::string hint) {
    problems_.push_back({line_ != 0 ? line_ : route_.line,
                         "request `" + name_ + "` of " + route_.request_type + ": " + std::move(message),
                         std::move(hint)});
  }
  RequestTemplate parse(const std::string& text, TemplateUse use) {
    auto parsed = RequestTemplate::parse(text, use);
    if (parsed) return std::move(*parsed);
    problem(parsed.error().message, parsed.error().hint);
    return {};
  }
  void check_pointer(const std::string& pointer) {
    if (!json::valid_pointer(pointer)) problem("\"" + pointer + "\" is not a JSON pointer", "for example /data/id");
  }
  void check_key(const RequestTemplate& text) {
    if (key_.empty() && text.uses("key."))
      problem("{key.COLUMN} needs the watch's key by name", "add `key` to watch " + route_.watch);
  }

  const TargetSettings& target_;
  const RouteSettings& route_;
  const std::vector<std::string>& key_;
  std::vector<TargetProblem>& problems_;
  std::string name_;
  int line_ = 0;
};

}  // namespace

AnswerPlace answer_place(const std::string& text) {
  if (text.starts_with(header_prefix)) return {{}, text.substr(header_prefix.size())};
  return {text, {}};
}

bool CallPlan::succeeds(int status) const {
  if (ok.empty()) return status >= 200 && status < 300;
  return std::find(ok.begin(), ok.end(), status) != ok.end();
}

bool BatchPlan::takes(Operation operation) const {
  switch (operation) {
    case Operation::create:
      return creates;
    case Operation::remove:
      return removes;
    case Operation::call:
      return false;
    default:
      return updates;
  }
}

bool BatchPlan::upserts() const {
  return creates && updates && !call.needs_remote_id && !(each && each->uses("remote_id"));
}

RoutePlan plan_route(const Settings& settings, const TargetSettings& target, const RouteSettings& route,
                     std::vector<TargetProblem>& problems) {
  RoutePlan plan;
  plan.request_type = route.request_type;
  if (const WatchSettings* watch = settings.watch(route.watch)) plan.key = watch->key;
  Planner planner(target, route, plan.key, problems);
  plan.create = planner.call("create", route.rest.create);
  plan.update = planner.call("update", route.rest.update);
  plan.remove = planner.call("delete", route.rest.remove);
  plan.upsert = planner.call("upsert", route.rest.upsert);
  plan.lookup = planner.call("lookup", route.rest.lookup);
  plan.call = planner.call("call", route.rest.call);
  plan.fetch = planner.call("fetch", route.rest.fetch);
  if (route.rest.batch) plan.batch = planner.batch(*route.rest.batch);
  plan.idempotency_key = route.rest.idempotency_key;
  return plan;
}

}  // namespace tandem
