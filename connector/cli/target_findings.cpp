#include "cli/findings.hpp"
#include "config/quantity.hpp"
#include "target/http_client.hpp"

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

}  // namespace

void look_at_targets(const Settings& settings, Findings& findings) {
  HttpClient client;
  for (const TargetSettings& target : settings.targets) {
    if (target.url.empty()) continue;  // told with the configuration
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
