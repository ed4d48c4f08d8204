#include "target/http_client.hpp"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "target/http_transfer.hpp"

namespace tandem {
namespace {

using Clock = std::chrono::steady_clock;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {
    if (fd_ < 0) throw std::runtime_error("no descriptor left for the HTTP client");
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

struct CloseMulti {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};

CURLM* new_multi() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);  // once for the process
  CURLM* multi = ready == CURLE_OK ? curl_multi_init() : nullptr;
  if (multi == nullptr) throw std::runtime_error("libcurl cannot be initialised");
  return multi;
}

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

/// Sockets stay registered with epoll from one request to the next: libcurl takes each out and puts it in again around
/// every transfer, which would be two system calls a request.
struct HttpClient::Engine final : SocketWatcher {
  struct Socket {
    bool ours = false;  ///< opened by a transfer; others (the resolver's) come and go without notice and are never kept
    std::uint32_t registered = 0;  ///< epoll events, 0 = not registered
    bool idle = false;             ///< registered, but nobody waits for it
  };
  struct Peer {
    HttpPeer settings;
    std::vector<std::unique_ptr<HttpTransfer>> idle;
  };

  explicit Engine(std::size_t max_connections)
      : epoll(::epoll_create1(EPOLL_CLOEXEC)), wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), multi(new_multi()) {
    curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(max_connections));
    curl_multi_setopt(multi.get(), CURLMOPT_SOCKETFUNCTION, &Engine::on_socket);
    curl_multi_setopt(multi.get(), CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi.get(), CURLMOPT_TIMERFUNCTION, &Engine::on_timer);
    curl_multi_setopt(multi.get(), CURLMOPT_TIMERDATA, this);
    change(EPOLL_CTL_ADD, wake.get(), EPOLLIN);
  }
  ~Engine() override {
    for (auto& [id, transfer] : active) curl_multi_remove_handle(multi.get(), transfer->handle());
    active.clear();
    peers.clear();
    multi.reset();  // closes the kept connections, which tells us
  }

  bool change(int operation, int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    return ::epoll_ctl(epoll.get(), operation, fd, &event) == 0;
  }
  Socket& socket(int fd) {
    const auto at = static_cast<std::size_t>(fd);
    if (at >= sockets.size()) sockets.resize(at + 1);
    return sockets[at];
  }
  void opened(int fd) override { socket(fd) = {true, 0, false}; }
  void closed(int fd) override { socket(fd) = {}; }
  [[nodiscard]] bool may_send() const override { return !gate || gate(); }

  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
    auto& engine = *static_cast<Engine*>(self);
    Socket& socket = engine.socket(fd);
    if (what == CURL_POLL_REMOVE) {
      if (socket.ours) {
        socket.idle = true;
      } else if (socket.registered != 0) {
        engine.change(EPOLL_CTL_DEL, fd, 0);
        socket = {};
      }
      return 0;
    }
    const std::uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
    socket.idle = false;
    if (socket.registered == events) return 0;
    if (!engine.change(socket.registered == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, events)) return -1;
    socket.registered = events;
    return 0;
  }
  static int on_timer(CURLM*, long after_ms, void* self) {
    static_cast<Engine*>(self)->timer =
        after_ms < 0 ? Clock::time_point::max() : Clock::now() + std::chrono::milliseconds(after_ms);
    return 0;
  }

  void socket_ready(int fd, std::uint32_t events) {
    Socket& state = socket(fd);
    if (state.idle) {  // the other side has closed a kept connection: libcurl finds out when it wants to use it
      change(EPOLL_CTL_DEL, fd, 0);
      state.registered = 0;
      return;
    }
    const int what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                     (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    int running = 0;
    curl_multi_socket_action(multi.get(), fd, what, &running);
  }
  void run_timer() {
    if (timer == Clock::time_point::max() || Clock::now() < timer) return;
    timer = Clock::time_point::max();
    int running = 0;
    curl_multi_socket_action(multi.get(), CURL_SOCKET_TIMEOUT, 0, &running);
  }

  /// Calls `done` of what has ended. True if anything had.
  bool finish_ended() {
    bool any = false;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      any = true;
      const CURLcode code = message->data.result;
      char* self = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &self);
      HttpTransfer& transfer = *static_cast<HttpTransfer*>(static_cast<void*>(self));
      end(transfer, transfer.finish(code));
    }
    return any;
  }
  void end(HttpTransfer& transfer, HttpAnswer answer) {
    curl_multi_remove_handle(multi.get(), transfer.handle());
    const Done done = transfer.take_done();
    const auto found = active.find(transfer.id());
    peers[transfer.peer()].idle.push_back(std::move(found->second));
    active.erase(found);
    done(std::move(answer));
  }
  bool run_deferred() {
    if (deferred.empty()) return false;
    std::vector<std::function<void()>> jobs;
    jobs.swap(deferred);
    for (const auto& job : jobs) job();
    return true;
  }
  [[nodiscard]] int wait_for(std::chrono::milliseconds longest) const {
    if (!deferred.empty()) return 0;
    if (timer != Clock::time_point::max()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(timer - Clock::now());
      longest = std::min(longest, std::max(left, std::chrono::milliseconds(0)));
    }
    return static_cast<int>(std::clamp<std::int64_t>(longest.count(), 0, 3'600'000));
  }

  Descriptor epoll, wake;
  std::unique_ptr<CURLM, CloseMulti> multi;
  std::vector<Socket> sockets;  ///< by descriptor
  std::map<int, std::function<void()>> watched;
  std::vector<Peer> peers;
  std::unordered_map<RequestId, std::unique_ptr<HttpTransfer>> active;
  std::vector<std::function<void()>> deferred;
  Clock::time_point timer = Clock::time_point::max();
  RequestId last_id = 0;
  std::function<bool()> gate;
};

HttpClient::HttpClient(std::size_t max_connections) : engine_(std::make_unique<Engine>(max_connections)) {}
HttpClient::~HttpClient() = default;

HttpClient::PeerId HttpClient::add_peer(HttpPeer peer) {
  engine_->peers.push_back({std::move(peer), {}});
  return engine_->peers.size() - 1;
}

void HttpClient::send_only_while(std::function<bool()> may_send) {
  engine_->gate = std::move(may_send);
}

bool HttpClient::may_send() const {
  return engine_->may_send();
}

HttpClient::RequestId HttpClient::send(PeerId peer, HttpRequest request, Done done) {
  Engine::Peer& at = engine_->peers.at(peer);
  std::unique_ptr<HttpTransfer> transfer;
  if (at.idle.empty()) {
    transfer = std::make_unique<HttpTransfer>(at.settings, *engine_);
  } else {
    transfer = std::move(at.idle.back());
    at.idle.pop_back();
  }
  const RequestId id = ++engine_->last_id;
  transfer->prepare(id, peer, std::move(request), std::move(done));
  CURL* handle = transfer->handle();
  engine_->active.emplace(id, std::move(transfer));
  curl_multi_add_handle(engine_->multi.get(), handle);
  return id;
}

void HttpClient::cancel(RequestId request) {
  const auto found = engine_->active.find(request);
  if (found == engine_->active.end()) return;
  HttpTransfer& transfer = *found->second;
  engine_->end(transfer, transfer.cancelled());
}

void HttpClient::defer(std::function<void()> job) {
  engine_->deferred.push_back(std::move(job));
}

void HttpClient::watch(int fd, std::function<void()> ready) {
  engine_->watched[fd] = std::move(ready);
  engine_->change(EPOLL_CTL_ADD, fd, EPOLLIN);
}

void HttpClient::forget(int fd) {
  if (engine_->watched.erase(fd) > 0) engine_->change(EPOLL_CTL_DEL, fd, 0);
}

void HttpClient::turn(std::chrono::milliseconds longest) {
  Engine& engine = *engine_;
  engine.run_timer();  // requests added since the last turn go out before we sleep
  const bool had_jobs = engine.run_deferred();
  const bool had_answers = engine.finish_ended();
  const bool busy = had_jobs || had_answers;

  std::array<epoll_event, 256> events;
  const int ready = ::epoll_wait(engine.epoll.get(), events.data(), static_cast<int>(events.size()),
                                 busy ? 0 : engine.wait_for(longest));
  for (int i = 0; i < ready; ++i) {
    const int fd = events[static_cast<std::size_t>(i)].data.fd;
    if (fd == engine.wake.get()) {
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t taken = ::read(fd, &count, sizeof count);
    } else if (const auto watched = engine.watched.find(fd); watched != engine.watched.end()) {
      const std::function<void()> call = watched->second;
      call();
    } else {
      engine.socket_ready(fd, events[static_cast<std::size_t>(i)].events);
    }
  }
  engine.run_timer();
  engine.finish_ended();
}

void HttpClient::wakeup() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(engine_->wake.get(), &one, sizeof one);
}

std::size_t HttpClient::in_flight() const {
  return engine_->active.size();
}

}  // namespace tandem
