#include "http/health.hpp"

#include "json/writer.hpp"

namespace tandem::http {

void add_health(Router& router, std::function<std::vector<Check>()> checks, std::function<std::string()> metrics) {
  router.add("GET", "/livez", Role::anyone, [](const Request&) {
    Response response;
    response.body = "ok\n";
    return response;
  });
  router.add("GET", "/readyz", Role::anyone, [checks = std::move(checks)](const Request&) {
    bool ready = true;
    json::Writer w;
    w.open_object().key("checks").open_array();
    for (const Check& check : checks()) {
      ready = ready && (check.ok || !check.required);
      w.open_object()
          .key("name")
          .string(check.name)
          .key("ok")
          .boolean(check.ok)
          .key("required")
          .boolean(check.required);
      if (!check.detail.empty()) w.key("detail").string(check.detail);
      w.close_object();
    }
    w.close_array().key("ready").boolean(ready).close_object();
    Response response;
    response.status = ready ? 200 : 503;
    response.content_type = "application/json";
    response.body = w.take();
    return response;
  });
  router.add("GET", "/metrics", Role::viewer, [metrics = std::move(metrics)](const Request&) {
    Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = metrics();
    return response;
  });
}

}  // namespace tandem::http
