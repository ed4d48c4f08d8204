#include "target/http_client.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "target/curl_requests.hpp"
#include "target/event_poll.hpp"
#include "target/plain_requests.hpp"

namespace tandem {
namespace {

using Clock = std::chrono::steady_clock;

bool equal_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::string_view HttpAnswer::header(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !equal_without_case(line.substr(0, colon), name)) continue;
    line.remove_prefix(colon + 1);
    const std::size_t first = line.find_first_not_of(" \t\r");
    return first == std::string_view::npos ? std::string_view{}
                                           : line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
  }
  return {};
}

struct HttpClient::Engine {
  explicit Engine(std::size_t max_connections)
      : curl(poll, max_connections, [this] { return may_send(); }),
        plain(poll, curl, max_connections, [this] { return may_send(); }) {}

  [[nodiscard]] bool may_send() const { return !gate || gate(); }
  bool run_deferred() {
    if (deferred.empty()) return false;
    std::vector<std::function<void()>> jobs;
    jobs.swap(deferred);
    for (const auto& job : jobs) job();
    return true;
  }
  /// Tells of all that has ended without another look at the network; true if anything had.
  bool finish() {
    curl.run_timer();  // requests added since the last turn go out before we sleep
    const bool any = curl.finish_ended(), late = plain.end_late_ones();
    return any || late;
  }
  [[nodiscard]] std::chrono::milliseconds wait_for(std::chrono::milliseconds longest) const {
    if (!deferred.empty() || plain.has_withheld()) return std::chrono::milliseconds(0);
    const auto due = std::min(curl.timer(), plain.first_end());
    if (due == Clock::time_point::max()) return longest;
    return std::min(longest, std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now()));
  }
  void ready(const epoll_event& event) {
    const int fd = event.data.fd;
    if (plain.owns(fd)) return plain.socket_ready(fd, event.events);
    const auto found = watched.find(fd);
    if (found == watched.end()) return curl.socket_ready(fd, event.events);
    const std::function<void()> call = found->second;
    call();
  }

  EventPoll poll;
  std::function<bool()> gate;
  std::deque<HttpPeer> peers;  ///< stay where they are
  CurlRequests curl;
  PlainRequests plain;
  std::map<int, std::function<void()>> watched;
  std::vector<std::function<void()>> deferred;
  RequestId last_id = 0;
};

HttpClient::HttpClient(std::size_t max_connections) : engine_(std::make_unique<Engine>(max_connections)) {}
HttpClient::~HttpClient() = default;

HttpClient::PeerId HttpClient::add_peer(HttpPeer peer) {
  const HttpPeer& settings = engine_->peers.emplace_back(std::move(peer));
  engine_->curl.add_peer(settings);
  engine_->plain.add_peer(settings);
  return engine_->peers.size() - 1;
}

void HttpClient::send_only_while(std::function<bool()> may_send) {
  engine_->gate = std::move(may_send);
}

bool HttpClient::may_send() const {
  return engine_->may_send();
}

HttpClient::RequestId HttpClient::send(PeerId peer, HttpRequest request, Done done) {
  const RequestId id = ++engine_->last_id;
  if (PlainRequest::suits(engine_->peers.at(peer), request))
    engine_->plain.send(std::make_unique<PlainRequest>(id, peer, std::move(request), std::move(done)));
  else
    engine_->curl.send(id, peer, std::move(request), std::move(done));
  return id;
}

void HttpClient::cancel(RequestId request) {
  if (!engine_->plain.cancel(request)) engine_->curl.cancel(request);
}

void HttpClient::defer(std::function<void()> job) {
  engine_->deferred.push_back(std::move(job));
}

void HttpClient::watch(int fd, std::function<void()> ready) {
  engine_->watched[fd] = std::move(ready);
  engine_->poll.want(fd, EPOLLIN, 0);
}

void HttpClient::forget(int fd) {
  if (engine_->watched.erase(fd) > 0) engine_->poll.want(fd, 0, EPOLLIN);
}

void HttpClient::turn(std::chrono::milliseconds longest) {
  Engine& engine = *engine_;
  const bool had_jobs = engine.run_deferred();
  const bool had_answers = engine.finish();
  const bool had_withheld = engine.plain.finish_withheld();
  const bool busy = had_jobs || had_answers || had_withheld;
  for (const epoll_event& event : engine.poll.wait(busy ? std::chrono::milliseconds(0) : engine.wait_for(longest)))
    engine.ready(event);
  engine.finish();
}

void HttpClient::wakeup() noexcept {
  engine_->poll.ring();
}

std::size_t HttpClient::in_flight() const {
  return engine_->curl.in_flight() + engine_->plain.in_flight();
}

}  // namespace tandem
