#include <algorithm>

#include "cli/findings.hpp"
#include "config/quantity.hpp"
#include "target/http_client.hpp"
#include "target/kafka_reach.hpp"

namespace tandem::cli {
namespace {

Finding told(const TargetSettings& target, const HttpAnswer& answer) {
  const std::string area = "target " + target.name;
  const auto took = format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(answer.duration));
  if (answer.failure == HttpFailure::none || answer.failure == HttpFailure::too_large) {
    if (answer.status >= 500)
      return {area, Severity::warning, "answers " + std::to_string(answer.status),
              "ask its operators; tandem waits and tries again"};
    if (answer.status == 401 || answer.status == 403 || answer.status == 407)
      return {area, Severity::warning,
              "answers " + std::to_string(answer.status) + " in " + took + " to a request without credentials",
              answer.status == 407 ? "give the proxy its credentials: proxy: http://user:password@host:port"
                                   : "expected where every path asks for credentials; else check url and probe"};
    // Any other status shows that it is there: the address itself need not be a page, and nothing was asked in our
    // name.
    return {area, Severity::ok, "answers " + std::to_string(answer.status) + " in " + took, {}};
  }
  if (answer.failure == HttpFailure::timeout)
    return {area, Severity::error, "does not answer: " + answer.error,
            "check url, firewall and proxy; raise timeout where it is only slow"};
  if (answer.failure == HttpFailure::connect)
    return {area, Severity::error, "cannot be reached: " + answer.error,
            "check url, name service, firewall, proxy and ca_file"};
  return {area, Severity::error, "does not speak HTTP: " + answer.error, "check scheme and port of url"};
}

void look_at_cluster(const Settings& settings, const TargetSettings& target, Findings& findings) {
  const std::string area = "target " + target.name;
  const auto reached = kafka::reach(target.cluster, std::min(target.timeout, std::chrono::milliseconds(10'000)));
  if (!reached) {
    findings.push_back({area, Severity::error, "cannot be reached: " + reached.error().message,
                        "check brokers, name service, firewall and the security properties"});
    return;
  }
  findings.push_back({area, Severity::ok, "answers; " + std::to_string(reached->brokers) + " brokers", {}});
  for (const RouteSettings& route : settings.routes)
    if (route.target == target.name && route.kafka && std::ranges::count(reached->topics, route.kafka->topic) == 0)
      findings.push_back({area, Severity::warning,
                          "has no topic " + route.kafka->topic + " that these credentials may see",
                          "create it, unless the brokers create topics by themselves"});
}

}  // namespace

void look_at_targets(const Settings& settings, Findings& findings) {
  HttpClient client;
  for (const TargetSettings& target : settings.targets) {
    if (target.type == "kafka") look_at_cluster(settings, target, findings);
    if (target.url.empty()) continue;  // another type, or told with the configuration
    HttpPeer peer;
    peer.proxy = target.proxy;
    peer.ca_file = target.ca_file;
    peer.http2 = target.http2;
    peer.allow_private = target.allow_private;
    peer.connect_timeout = std::min(target.connect_timeout, std::chrono::milliseconds(5'000));
    peer.timeout = std::min(target.timeout, std::chrono::milliseconds(10'000));
    HttpRequest request;
    request.url = target.url + (target.probe_path.empty() ? "/" : target.probe_path);
    request.repeat = Repeat::allowed;
    client.send(client.add_peer(std::move(peer)), std::move(request),
                [&findings, &target](const HttpAnswer& answer) { findings.push_back(told(target, answer)); });
  }
  while (client.in_flight() > 0) client.turn(std::chrono::milliseconds(200));
}

}  // namespace tandem::cli
