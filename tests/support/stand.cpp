#include "support/stand.hpp"

#include <stdexcept>
#include <variant>

#include "support/wait_for.hpp"

namespace tandem::test_support {

Stand::Stand(const Options& options)
    : postgres_(options.postgres),
      crm_(options.crm),
      top_(options.top),
      tandem_(configuration("", "")),
      sql_(postgres_.connect()) {}

second_crm::Settings Stand::open_crm() {
  second_crm::Settings settings;
  settings.schema = {};
  settings.schema.any_type = true;
  return settings;
}

std::string Stand::target_named(const std::string& name, const std::string& url, const std::string& more) const {
  return "  " + name + ":\n    type: rest\n    url: " + url + R"(
    timeout: 5s
    retry: { count: 3, first: 100ms, factor: 1.5 }
    breaker: { open_first: 100ms, open_longest: 500ms }
    requests:
      upsert: { method: PUT, path: "/{request_type}/external/{object_id}", remote_id: /id, error: /error }
      delete: { method: DELETE, path: "/{request_type}/{remote_id}" }
)" + more;
}

std::string Stand::target(const std::string& more) const {
  return target_named("second_crm", crm_.url(), more);
}

std::string Stand::configuration(const std::string& targets, const std::string& watches) const {
  std::string text = "connector: main\ndatabase: { url: \"" + postgres_.url("tandem_connector") + "\", admin_url: \"" +
                     postgres_.url() + "\" }\nhttp: { listen: \"127.0.0.1:{http_port}\" }\n";
  if (top_.find("log:") == std::string::npos) text += "log: { format: json, level: info }\n";
  return text + top_ + "targets:\n" + targets + "watches:\n" + watches;
}

void Stand::install(const std::string& targets, const std::string& watches) {
  tandem_.write_configuration(configuration(targets, watches));
  tandem_.must({"migrate"});
  tandem_.must({"apply"});
}

void Stand::begin(const std::string& targets, const std::string& watches) {
  install(targets, watches);
  tandem_.start_ready();
}

long long Stand::pending() {
  return sql_.number("select count(*) from tandem.outbox where request_state in (1, 2)");
}

bool Stand::settles(std::chrono::milliseconds bound) {
  return wait_for([this] { return pending() == 0; }, bound);
}

std::string Stand::outcome_of(const std::string& object_id, const std::string& request_type) {
  const auto found = sql_.rows(
      "select outcome from tandem.outbox where object_id = $1 and request_type = $2 order by counter desc limit 1",
      {object_id, request_type});
  return found.empty() ? "" : found.front().front().value_or("");
}

std::string Stand::object(const std::string& type, const std::string& external_id) {
  return crm_.ask([&](second_crm::Api& api) -> std::string {
    const auto* found = api.store().find(type, external_id);
    return found == nullptr ? "" : second_crm::print(second_crm::Json::object(found->fields));
  });
}

std::string Stand::field(const std::string& type, const std::string& external_id, const std::string& name) {
  return crm_.ask([&](second_crm::Api& api) -> std::string {
    const auto* found = api.store().find(type, external_id);
    if (found == nullptr) return "";
    for (const auto& [field, value] : found->fields)
      if (field == name) return value.kind == second_crm::Json::Kind::string ? value.text : second_crm::print(value);
    return "";
  });
}

std::size_t Stand::living(const std::string& type) {
  return crm_.ask([&](second_crm::Api& api) { return api.store().living(type); });
}

std::vector<second_crm::Entry> Stand::writes_of(const std::string& type, const std::string& external_id) {
  return crm_.ask([&](second_crm::Api& api) { return api.journal().writes_of(type, external_id); });
}

void Stand::set_faults(const std::string& faults) {
  const auto document = second_crm::parse_json(R"({"faults": )" + faults + "}");
  if (std::holds_alternative<second_crm::JsonProblem>(document)) throw std::runtime_error("not JSON: " + faults);
  auto plan = second_crm::read_fault_plan(std::get<second_crm::Json>(document));
  if (!plan.problem.empty()) throw std::runtime_error(plan.problem + ": " + faults);
  crm_.ask([&](second_crm::Api& api) {
    api.faults().set(std::move(plan.faults), plan.seed);
    return true;
  });
}

}  // namespace tandem::test_support
