#include "target/registry.hpp"

#include <optional>
#include <utility>

#include "target/kafka_target.hpp"
#include "target/rest_plan.hpp"
#include "target/rest_target.hpp"

namespace tandem {
namespace {

bool usable_in_a_header(const std::string& text) {
  for (const char c : text)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F) return false;
  return true;
}

RestTarget::Routes plan_rest(const Settings& settings, const TargetSettings& target,
                             std::vector<TargetProblem>& problems) {
  for (const auto& [name, value] : target.headers)
    if (!usable_in_a_header(name) || !usable_in_a_header(value))
      problems.push_back({target.line, "header " + name + " holds a control character", {}});
  for (const Secret* secret : {&target.auth.token, &target.auth.password})
    if (!usable_in_a_header(secret->reveal()))
      problems.push_back(
          {target.line, "the credentials hold a control character", "check for a line break at the end of the file"});
  if (!target.url.starts_with("http://") && !target.url.starts_with("https://"))
    problems.push_back({target.line, "url of target " + target.name + " must begin with http:// or https://", {}});
  RestTarget::Routes routes(settings.routes.size());
  for (std::size_t i = 0; i < settings.routes.size(); ++i)
    if (settings.routes[i].target == target.name)
      routes[i] = plan_route(settings, target, settings.routes[i], problems);
  return routes;
}

std::vector<TargetProblem> check_kafka(const TargetSettings& target) {
  std::vector<TargetProblem> problems;
  const Scrubber scrubber = kafka::scrubber_of(target.cluster);
  for (const kafka::PropertyProblem& problem : kafka::Producer::check(target))
    problems.push_back(
        {problem.line != 0 ? problem.line : target.line,
         (problem.name.empty() ? "" : "property " + problem.name + ": ") + scrubber.clean(problem.message),
         "properties are librdkafka's; see docs/kafka.md"});
  return problems;
}

KafkaTarget::Routes plan_kafka(const Settings& settings, const TargetSettings& target) {
  KafkaTarget::Routes routes(settings.routes.size());
  for (std::size_t i = 0; i < settings.routes.size(); ++i) {
    const RouteSettings& route = settings.routes[i];
    if (route.target != target.name || !route.kafka) continue;
    routes[i] = kafka::Messages{route.kafka->topic, route.request_type, route.kafka->value, route.kafka->deletes,
                                target.event_source.empty() ? "tandem/" + settings.connector : target.event_source};
  }
  return routes;
}

struct Kind {
  std::string_view type;
  std::vector<TargetProblem> (*check)(const Settings&, const TargetSettings&);
  std::unique_ptr<Target> (*make)(const Settings&, const TargetSettings&, HttpClient&, Answered);
};

/// Every way of speaking to another system.
constexpr Kind kinds[] = {
    {"rest",
     [](const Settings& settings, const TargetSettings& target) {
       std::vector<TargetProblem> problems;
       plan_rest(settings, target, problems);
       return problems;
     },
     [](const Settings& settings, const TargetSettings& target, HttpClient& http,
        Answered answered) -> std::unique_ptr<Target> {
       std::vector<TargetProblem> problems;
       return std::make_unique<RestTarget>(target, plan_rest(settings, target, problems), http, std::move(answered));
     }},
    {"kafka", [](const Settings&, const TargetSettings& target) { return check_kafka(target); },
     [](const Settings& settings, const TargetSettings& target, HttpClient& http,
        Answered answered) -> std::unique_ptr<Target> {
       return std::make_unique<KafkaTarget>(target, plan_kafka(settings, target), http, std::move(answered));
     }},
};

const Kind* kind_of(const TargetSettings& target) {
  for (const Kind& kind : kinds)
    if (kind.type == target.type) return &kind;
  return nullptr;
}

}  // namespace

std::vector<TargetProblem> check_target(const Settings& settings, const TargetSettings& target) {
  const Kind* kind = kind_of(target);
  if (kind == nullptr)
    return {{target.line, "target " + target.name + " has an unknown type: " + target.type, "known: rest, kafka"}};
  return kind->check(settings, target);
}

Result<std::unique_ptr<Target>> make_target(const Settings& settings, const TargetSettings& target, HttpClient& http,
                                            Answered answered) {
  std::string all;
  for (const TargetProblem& problem : check_target(settings, target))
    all += (all.empty() ? "" : "\n") +
           (problem.line != 0 ? "line " + std::to_string(problem.line) + ": " : std::string()) + problem.message;
  if (!all.empty()) return fail(ErrorKind::config, std::move(all));
  return kind_of(target)->make(settings, target, http, std::move(answered));
}

}  // namespace tandem
