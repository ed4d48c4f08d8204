#include "daemon/intake_door.hpp"

#include <map>
#include <memory>
#include <string>

#include "intake/webhook.hpp"
#include "metrics/names.hpp"

namespace tandem {
namespace {

using Stored = IntakeThread::Stored;

http::Response refused(const std::string& source, int status, const std::string& title, const std::string& detail,
                       std::chrono::seconds retry_after = std::chrono::seconds(5)) {
  metrics::registry().total(metrics::intake_refused, {source, std::to_string(status)}).add();
  auto response = http::problem(status, title, detail);
  if (status == 503 || status == 429) response.headers.emplace_back("Retry-After", std::to_string(retry_after.count()));
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"intake\"");
  return response;
}

http::Response answer(const std::string& source, Stored stored, const std::string& words) {
  switch (stored) {
    case Stored::stored: {
      http::Response response;
      response.status = 202;
      response.content_type = "application/json";
      response.body = "{}";
      return response;
    }
    case Stored::refused:
      return refused(source, 422, "not understood", words);
    case Stored::unavailable:
      break;
  }
  return refused(source, 503, "not stored", "the database cannot take it now; send it again");
}

}  // namespace

void add_intake(http::Router& router, const Settings& settings, IntakeThread& intake) {
  auto webhooks = std::make_shared<std::map<std::string, std::pair<std::size_t, Webhook>, std::less<>>>();
  for (std::size_t index = 0; index < settings.sources.size(); ++index) {
    const auto& source = settings.sources[index];
    if (source.type == "webhook") webhooks->emplace(source.name, std::pair(index, Webhook(settings, source)));
  }
  router.add_later(
      "POST", "/v1/intake/{source}", http::Role::anyone,
      [webhooks, &intake](http::Request request, http::Respond respond) {
        const std::string name = request.parameters["source"];
        const auto found = webhooks->find(name);
        if (found == webhooks->end())
          return respond(http::problem(404, "unknown source", "no source of type webhook has this name"));
        const Posted posted{std::move(request.headers), std::move(request.body)};
        auto records = found->second.second.read(posted, std::chrono::system_clock::now());
        if (!records) {
          const Refusal& refusal = records.error();
          if (refusal.status == 422)  // its sender is known: somebody may want to know what is wrong
            intake.offer({found->second.first, {}, {{"request", refusal.detail}}, [](auto, const auto&) {}});
          return respond(refused(name, refusal.status, refusal.title, refusal.detail, refusal.retry_after));
        }
        if (records->empty()) return respond(answer(name, Stored::stored, {}));
        intake.offer({found->second.first,
                      std::move(*records),
                      {},
                      [name, respond = std::move(respond)](Stored stored, const std::string& words) {
                        respond(answer(name, stored, words));
                      }});
      });
}

}  // namespace tandem
