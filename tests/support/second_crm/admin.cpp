#include "support/second_crm/admin.hpp"

#include <charconv>
#include <limits>

namespace second_crm {
namespace {

Reply plain(int status, std::string body) {
  Reply reply{.status = status};
  reply.body = std::move(body);
  return reply;
}

std::uint64_t number_or(const std::string& text, std::uint64_t fallback) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : fallback;
}

Reply counts(Api& api, std::size_t waiting) {
  std::vector<std::pair<std::string, Json>> objects;
  for (const auto& type : api.store().type_names()) objects.emplace_back(type, Json::number(api.store().living(type)));
  return plain(200, print(Json::object({{"objects", Json::object(std::move(objects))},
                                        {"requests", Json::number(api.journal().last())},
                                        {"faults", Json::number(api.faults().hits())},
                                        {"waiting_notices", Json::number(waiting)}})));
}

Reply objects(Api& api, const std::string& type) {
  Reply reply = plain(200, "");
  reply.content_type = "application/x-ndjson";
  for (const auto* object : api.store().changed_after(type, 0, std::numeric_limits<std::size_t>::max())) {
    if (!object->deleted) reply.body += print(*object) + '\n';
  }
  return reply;
}

Reply journal(Api& api, const Request& request) {
  Reply reply = plain(200, "");
  reply.content_type = "application/x-ndjson";
  const auto after = number_or(parameter(request.query, "after"), 0);
  const auto limit = number_or(parameter(request.query, "limit"), 1000);
  for (const auto& entry : api.journal().after(after, limit)) reply.body += print(entry) + '\n';
  return reply;
}

Reply set_faults(Api& api, const std::string& body) {
  const auto document = parse_json(body);
  if (const auto* problem = std::get_if<JsonProblem>(&document)) return plain(400, print(Json::string(problem->words)));
  auto plan = read_fault_plan(std::get<Json>(document));
  if (!plan.problem.empty()) return plain(422, print(Json::string(plan.problem)));
  api.faults().set(std::move(plan.faults), plan.seed);
  return plain(204, "");
}

}  // namespace

Reply administrate(Api& api, const Switch& onoff, std::size_t waiting, const Request& request) {
  const auto path = segments(request.path);
  const auto is = [&](std::string_view method, std::string_view what, std::size_t size = 2) {
    return request.method == method && path.size() == size && path[0] == "admin" && path[1] == what;
  };
  if (is("GET", "counts")) return counts(api, waiting);
  if (is("GET", "objects", 3)) return objects(api, path[2]);
  if (is("GET", "journal")) return journal(api, request);
  if (is("PUT", "faults")) return set_faults(api, request.body);
  if (is("DELETE", "faults")) {
    api.faults().set({});
  } else if (is("POST", "down")) {
    onoff.go_down();
  } else if (is("POST", "up")) {
    onoff.come_up();
  } else if (is("POST", "revoke")) {
    api.access().revoke();
  } else {
    return plain(404, "\"see support/second_crm/server.hpp\"");
  }
  return plain(204, "");
}

}  // namespace second_crm
