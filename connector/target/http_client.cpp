#include "target/http_client.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "target/http_transfer.hpp"
#include "target/plain_connection.hpp"

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

constexpr std::string_view withheld_words =
    "the database has not confirmed for a while that this connector is still the one";

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
    std::vector<int> kept;                                     ///< plain connections without a request
    std::deque<std::pair<Clock::time_point, RequestId>> ends;  ///< when plain requests end at the latest, in order
  };

  explicit Engine(std::size_t most_kept)
      : max_connections(most_kept),
        epoll(::epoll_create1(EPOLL_CLOEXEC)),
        wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        multi(new_multi()) {
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
      if (dialling.contains(transfer.id()))
        dialled(transfer, code);
      else
        end(transfer, transfer.finish(code));
    }
    return any;
  }
  std::unique_ptr<HttpTransfer> take_transfer(PeerId peer) {
    auto& idle = peers[peer].idle;
    if (idle.empty()) return std::make_unique<HttpTransfer>(peers[peer].settings, *this);
    auto transfer = std::move(idle.back());
    idle.pop_back();
    return transfer;
  }
  void begin(RequestId id, std::unique_ptr<HttpTransfer> transfer) {
    CURL* handle = transfer->handle();
    active.emplace(id, std::move(transfer));
    curl_multi_add_handle(multi.get(), handle);
  }
  void release(HttpTransfer& transfer) {
    curl_multi_remove_handle(multi.get(), transfer.handle());
    const auto found = active.find(transfer.id());
    peers[transfer.peer()].idle.push_back(std::move(found->second));
    active.erase(found);
  }
  void end(HttpTransfer& transfer, HttpAnswer answer) {
    const Done done = transfer.take_done();
    release(transfer);
    done(std::move(answer));
  }

  // Plain requests: libcurl connects, we write and read.

  [[nodiscard]] bool open(RequestId id) const { return on_wire.contains(id) || dialling.contains(id); }
  void send_plain(std::unique_ptr<PlainRequest> request) {
    auto& ends = peers[request->peer].ends;
    ends.emplace_back(request->started + peers[request->peer].settings.timeout, request->id);
    // One that is slow must not let all that have ended behind it pile up.
    if (ends.size() > 4096 + 4 * on_wire.size())
      std::erase_if(ends, [&](const auto& end) { return end.second != request->id && !open(end.second); });
    const PlainUrl url = *plain_url(peers[request->peer].settings, request->request);
    auto& kept = peers[request->peer].kept;
    const auto now = Clock::now();
    for (std::size_t i = kept.size(); i-- > 0;) {
      PlainConnection& connection = *plain[static_cast<std::size_t>(kept[i])];
      if (!connection.fit(now)) {
        drop(connection);
        continue;
      }
      if (connection.authority() != url.authority) continue;
      kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(i));
      return write_plain(connection, std::move(request));
    }
    dial(std::move(request));
  }
  void dial(std::unique_ptr<PlainRequest> request) {
    const RequestId id = request->id;
    auto transfer = take_transfer(request->peer);
    transfer->prepare_dial(id, request->peer, request->request.url);
    dialling.emplace(id, std::move(request));
    begin(id, std::move(transfer));
  }
  /// The socket becomes ours as a copy; libcurl closes its own.
  void dialled(HttpTransfer& transfer, CURLcode code) {
    auto found = dialling.find(transfer.id());
    std::unique_ptr<PlainRequest> request = std::move(found->second);
    dialling.erase(found);
    const int theirs = code == CURLE_OK ? transfer.socket() : -1;
    const int fd = theirs < 0 ? -1 : ::fcntl(theirs, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
      HttpAnswer answer = transfer.finish(code == CURLE_OK ? CURLE_COULDNT_CONNECT : code);
      answer.sent = request->sent;
      if (answer.sent && answer.failure == HttpFailure::connect) answer.failure = HttpFailure::cut;
      release(transfer);
      return request->done(std::move(answer));
    }
    change(EPOLL_CTL_DEL, theirs, 0);  // epoll knows the open socket, which outlives their descriptor
    socket(theirs).registered = 0;
    release(transfer);
    const auto at = static_cast<std::size_t>(fd);
    if (at >= plain.size()) plain.resize(at + 1);
    const PlainUrl url = *plain_url(peers[request->peer].settings, request->request);
    plain[at] = std::make_unique<PlainConnection>(fd, request->peer, std::string(url.authority),
                                                  peers[request->peer].settings.max_answer_bytes);
    write_plain(*plain[at], std::move(request));
  }
  void write_plain(PlainConnection& connection, std::unique_ptr<PlainRequest> request) {
    if (!may_send()) {
      if (connection.fit(Clock::now()))
        keep(connection);
      else
        drop(connection);
      HttpAnswer answer;
      answer.failure = HttpFailure::withheld;
      answer.error = withheld_words;
      answer.sent = request->sent;
      over.emplace_back(std::move(request), std::move(answer));
      return;
    }
    const PlainUrl url = *plain_url(peers[request->peer].settings, request->request);
    on_wire.emplace(request->id, connection.fd());
    connection.begin(std::move(request), url.path);
    listen(connection);
  }
  void listen(const PlainConnection& connection) {
    Socket& state = socket(connection.fd());
    const std::uint32_t events = EPOLLIN | (connection.wants_to_write() ? EPOLLOUT : 0U);
    if (state.registered == events) return;
    change(state.registered == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, connection.fd(), events);
    state.registered = events;
  }
  void keep(const PlainConnection& connection) {
    auto& kept = peers[connection.peer()].kept;
    if (kept.size() < max_connections)
      kept.push_back(connection.fd());
    else
      drop(connection);
  }
  void drop(const PlainConnection& connection) {
    const int fd = connection.fd();
    std::erase(peers[connection.peer()].kept, fd);
    socket(fd) = {};
    plain[static_cast<std::size_t>(fd)].reset();  // closes it, which takes it out of epoll
  }
  void plain_ready(PlainConnection& connection, std::uint32_t events) {
    if (connection.request() == nullptr) return drop(connection);  // the other side has closed it
    if (events & EPOLLOUT) {
      connection.write();
      listen(connection);
    }
    if ((events & ~EPOLLOUT) == 0) return;
    switch (connection.read()) {
      case PlainConnection::Progress::more:
        return;
      case PlainConnection::Progress::ended:
        return end_plain(connection, HttpFailure::none, {});
      case PlainConnection::Progress::repeat: {
        auto request = connection.take_request();
        on_wire.erase(request->id);
        drop(connection);
        return dial(std::move(request));
      }
    }
  }
  void end_plain(PlainConnection& connection, HttpFailure failure, std::string words) {
    on_wire.erase(connection.request()->id);
    const Done done = std::move(connection.request()->done);
    HttpAnswer answer = connection.take_answer(failure, std::move(words));
    if (connection.fit(Clock::now()))
      keep(connection);
    else
      drop(connection);
    done(std::move(answer));
  }
  /// Ends a plain request wherever it is; false where there is none.
  bool give_up(RequestId id, HttpFailure failure, const std::string& words) {
    if (const auto found = on_wire.find(id); found != on_wire.end()) {
      end_plain(*plain[static_cast<std::size_t>(found->second)], failure, words);
      return true;
    }
    const auto told = [&](PlainRequest& request, HttpAnswer answer) {
      answer.failure = failure;
      answer.error = words;
      answer.sent = request.sent;
      answer.duration = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - request.started);
      request.done(std::move(answer));
      return true;
    };
    if (auto found = dialling.find(id); found != dialling.end()) {
      const auto request = std::move(found->second);
      dialling.erase(found);
      release(*active.at(id));
      return told(*request, {});
    }
    const auto found = std::find_if(over.begin(), over.end(), [id](const auto& each) { return each.first->id == id; });
    if (found == over.end()) return false;
    const auto request = std::move(found->first);
    over.erase(found);
    return told(*request, {});
  }
  bool finish_withheld() {
    const bool any = !over.empty();
    for (std::size_t left = over.size(); left > 0 && !over.empty(); --left) {
      auto [request, answer] = std::move(over.front());
      over.erase(over.begin());
      request->done(std::move(answer));
    }
    return any;
  }
  void end_late_ones() {
    const auto now = Clock::now();
    for (std::size_t peer = 0; peer < peers.size(); ++peer)
      while (!peers[peer].ends.empty()) {
        const auto [end, id] = peers[peer].ends.front();
        const bool late = open(id);
        if (late && end > now) break;
        peers[peer].ends.pop_front();
        if (late)
          give_up(id, HttpFailure::timeout,
                  "no whole answer within " + std::to_string(peers[peer].settings.timeout.count()) + " ms");
      }
  }
  bool run_deferred() {
    if (deferred.empty()) return false;
    std::vector<std::function<void()>> jobs;
    jobs.swap(deferred);
    for (const auto& job : jobs) job();
    return true;
  }
  [[nodiscard]] int wait_for(std::chrono::milliseconds longest) const {
    if (!deferred.empty() || !over.empty()) return 0;
    for (const Peer& peer : peers)
      if (!peer.ends.empty())
        longest = std::min(
            longest, std::max(std::chrono::ceil<std::chrono::milliseconds>(peer.ends.front().first - Clock::now()),
                              std::chrono::milliseconds(0)));
    if (timer != Clock::time_point::max()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(timer - Clock::now());
      longest = std::min(longest, std::max(left, std::chrono::milliseconds(0)));
    }
    return static_cast<int>(std::clamp<std::int64_t>(longest.count(), 0, 3'600'000));
  }

  const std::size_t max_connections;
  Descriptor epoll, wake;
  std::unique_ptr<CURLM, CloseMulti> multi;
  std::vector<Socket> sockets;  ///< by descriptor
  std::map<int, std::function<void()>> watched;
  std::deque<Peer> peers;  ///< a vector would want to copy them
  std::unordered_map<RequestId, std::unique_ptr<HttpTransfer>> active;
  std::vector<std::unique_ptr<PlainConnection>> plain;                     ///< by descriptor
  std::unordered_map<RequestId, int> on_wire;                              ///< on which descriptor
  std::unordered_map<RequestId, std::unique_ptr<PlainRequest>> dialling;   ///< each has a transfer in `active`
  std::vector<std::pair<std::unique_ptr<PlainRequest>, HttpAnswer>> over;  ///< to be told in the next turn
  std::vector<std::function<void()>> deferred;
  Clock::time_point timer = Clock::time_point::max();
  RequestId last_id = 0;
  std::function<bool()> gate;
};

HttpClient::HttpClient(std::size_t max_connections) : engine_(std::make_unique<Engine>(max_connections)) {}
HttpClient::~HttpClient() = default;

HttpClient::PeerId HttpClient::add_peer(HttpPeer peer) {
  engine_->peers.push_back({std::move(peer), {}, {}, {}});
  return engine_->peers.size() - 1;
}

void HttpClient::send_only_while(std::function<bool()> may_send) {
  engine_->gate = std::move(may_send);
}

bool HttpClient::may_send() const {
  return engine_->may_send();
}

HttpClient::RequestId HttpClient::send(PeerId peer, HttpRequest request, Done done) {
  Engine& engine = *engine_;
  Engine::Peer& at = engine.peers.at(peer);
  const RequestId id = ++engine.last_id;
  if (plain_url(at.settings, request)) {
    auto plain =
        std::make_unique<PlainRequest>(PlainRequest{id, peer, std::move(request), std::move(done), Clock::now()});
    engine.send_plain(std::move(plain));
    return id;
  }
  auto transfer = engine.take_transfer(peer);
  transfer->prepare(id, peer, std::move(request), std::move(done));
  engine.begin(id, std::move(transfer));
  return id;
}

void HttpClient::cancel(RequestId request) {
  if (engine_->give_up(request, HttpFailure::cancelled, "cancelled")) return;
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
  const bool had_withheld = engine.finish_withheld();
  engine.end_late_ones();
  const bool busy = had_jobs || had_answers || had_withheld;

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
    } else if (const auto at = static_cast<std::size_t>(fd); at < engine.plain.size() && engine.plain[at]) {
      engine.plain_ready(*engine.plain[at], events[static_cast<std::size_t>(i)].events);
    } else {
      engine.socket_ready(fd, events[static_cast<std::size_t>(i)].events);
    }
  }
  engine.run_timer();
  engine.finish_ended();
  engine.end_late_ones();
}

void HttpClient::wakeup() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(engine_->wake.get(), &one, sizeof one);
}

std::size_t HttpClient::in_flight() const {
  return engine_->active.size() + engine_->on_wire.size() + engine_->over.size();
}

}  // namespace tandem
