#include "daemon/proxy_door.hpp"

#include <algorithm>
#include <memory>
#include <string_view>

#include "intake/signature.hpp"
#include "metrics/names.hpp"
#include "target/proxy_rules.hpp"

namespace tandem {
namespace {

constexpr std::string_view below = "/v1/proxy/";

/// Whose token it is; null where it is nobody's. All are compared: the time tells nothing.
const ProxyCaller* caller_of(const ProxySettings& proxy, std::string_view authorization) {
  constexpr std::string_view scheme = "Bearer ";
  if (!authorization.starts_with(scheme)) return nullptr;
  const ProxyCaller* found = nullptr;
  for (const auto& caller : proxy.callers)
    if (same_secret(authorization.substr(scheme.size()), caller.token.reveal())) found = &caller;
  return found;
}

http::Response refused(const std::string& target, int status, std::string_view title, const std::string& detail) {
  metrics::registry().total(metrics::proxy_requests, {target, std::to_string(status)}).add();
  auto response = http::problem(status, title, detail);
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

std::string_view title_of(int status) {
  switch (status) {
    case 429:
      return "too many requests";
    case 503:
      return "not now";
    case 504:
      return "no answer in time";
    default:
      return "no answer of the target";
  }
}

http::Response passed_on(const std::string& target, LoanAnswer&& answer) {
  if (!answer.problem.empty()) {
    auto response = refused(target, answer.status, title_of(answer.status), answer.problem);
    if (answer.retry_after) response.headers.emplace_back("Retry-After", std::to_string(answer.retry_after->count()));
    return response;
  }
  metrics::registry().total(metrics::proxy_requests, {target, std::to_string(answer.status)}).add();
  http::Response response;
  response.status = answer.status;
  response.content_type.clear();
  for (auto& [name, value] : answer.headers) {
    if (name == "content-type")
      response.content_type = std::move(value);
    else
      response.headers.emplace_back(name, std::move(value));
  }
  response.body = std::move(answer.body);
  return response;
}

struct Door {
  const Settings& settings;
  const Lend lend;

  void answer(http::Request&& request, const http::Respond& respond) const {
    const ProxyCaller* caller = caller_of(settings.proxy, request.header("authorization"));
    if (caller == nullptr)
      return respond(refused("", 401, "not authenticated", "send the token of one of proxy.callers"));
    const std::string name = request.parameters["target"];
    const auto target = std::ranges::find(settings.targets, name, &TargetSettings::name);
    if (target == settings.targets.end() || !target->lends)
      return respond(refused("", 403, "not allowed", "this caller has no such target"));
    const std::string_view path = request.path;
    const auto segments = safe_segments(path.substr(std::min(path.find('/', below.size()), path.size())));
    if (!segments) return respond(refused(name, 400, "path refused", segments.error()));
    if (!safe_query(request.query_text))
      return respond(refused(name, 400, "query refused", "it is not encoded as it must be"));
    if (!allowed(*caller, name, request.method, *segments))
      return respond(
          refused(name, 403, "not allowed", "no rule of this caller allows " + request.method + " of this path"));
    if (request.body.size() > settings.proxy.max_body_bytes)
      return respond(refused(name, 413, "body too large",
                             "the limit is " + std::to_string(settings.proxy.max_body_bytes) + " bytes"));
    auto lent =
        lent_request(*target, request.method, *segments, request.query_text, request.headers, std::move(request.body));
    if (!lent) return respond(refused(name, 400, "header refused", lent.error()));
    lend(static_cast<TargetIndex>(target - settings.targets.begin()), std::move(*lent),
         [name, respond](LoanAnswer answer) { respond(passed_on(name, std::move(answer))); });
  }
};

}  // namespace

void add_proxy(http::Router& router, const Settings& settings, Lend lend) {
  const auto door = std::make_shared<Door>(Door{settings, std::move(lend)});
  router.add_below(
      "/v1/proxy/{target}", http::Role::anyone,
      [door](http::Request request, const http::Respond& respond) { door->answer(std::move(request), respond); });
}

}  // namespace tandem
