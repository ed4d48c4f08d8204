#include "target/curl_requests.hpp"

#include <fcntl.h>

#include <stdexcept>
#include <utility>

namespace tandem {
namespace {

using Clock = std::chrono::steady_clock;

CURLM* new_multi() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);  // once for the process
  CURLM* multi = ready == CURLE_OK ? curl_multi_init() : nullptr;
  if (multi == nullptr) throw std::runtime_error("libcurl cannot be initialised");
  return multi;
}

}  // namespace

CurlRequests::CurlRequests(EventPoll& poll, std::size_t max_connections, std::function<bool()> may_send)
    : poll_(poll), may_send_(std::move(may_send)), multi_(new_multi()) {
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(max_connections));
  curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, &CurlRequests::on_socket);
  curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, &CurlRequests::on_timer);
  curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
}

CurlRequests::~CurlRequests() {
  for (auto& [id, active] : active_) curl_multi_remove_handle(multi_.get(), active.transfer->handle());
  active_.clear();
  peers_.clear();
  multi_.reset();  // closes the kept connections, which tells us
}

void CurlRequests::add_peer(const HttpPeer& settings) {
  peers_.push_back({&settings, {}});
}

void CurlRequests::send(HttpClient::RequestId id, HttpClient::PeerId peer, HttpRequest request, HttpClient::Done done) {
  auto transfer = take_transfer(peer);
  transfer->prepare(id, peer, std::move(request), std::move(done));
  begin(std::move(transfer), {});
}

void CurlRequests::dial(HttpClient::RequestId id, HttpClient::PeerId peer, const std::string& url, Dialled dialled) {
  auto transfer = take_transfer(peer);
  transfer->prepare_dial(id, peer, url);
  begin(std::move(transfer), std::move(dialled));
}

bool CurlRequests::cancel(HttpClient::RequestId id) {
  const auto found = active_.find(id);
  if (found == active_.end()) return false;
  HttpTransfer& transfer = *found->second.transfer;
  HttpAnswer answer = transfer.cancelled();
  const HttpClient::Done done = transfer.take_done();
  release(transfer);
  done(std::move(answer));
  return true;
}

void CurlRequests::abandon(HttpClient::RequestId id) {
  if (const auto found = active_.find(id); found != active_.end()) release(*found->second.transfer);
}

void CurlRequests::socket_ready(int fd, std::uint32_t events) {
  Socket& state = socket(fd);
  if (state.idle) {  // the other side has closed a kept connection: libcurl finds out when it wants to use it
    poll_.want(fd, 0, state.registered);
    state.registered = 0;
    return;
  }
  const int what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
  int running = 0;
  curl_multi_socket_action(multi_.get(), fd, what, &running);
}

void CurlRequests::run_timer() {
  if (timer_ == Clock::time_point::max() || Clock::now() < timer_) return;
  timer_ = Clock::time_point::max();
  int running = 0;
  curl_multi_socket_action(multi_.get(), CURL_SOCKET_TIMEOUT, 0, &running);
}

bool CurlRequests::finish_ended() {
  bool any = false;
  int left = 0;
  while (!active_.empty()) {
    const CURLMsg* message = curl_multi_info_read(multi_.get(), &left);
    if (message == nullptr) break;
    if (message->msg != CURLMSG_DONE) continue;
    any = true;
    const CURLcode code = message->data.result;
    char* self = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &self);
    finish(*static_cast<HttpTransfer*>(static_cast<void*>(self)), code);
  }
  return any;
}

void CurlRequests::finish(HttpTransfer& transfer, CURLcode code) {
  const Dialled dialled = std::move(active_.at(transfer.id()).dialled);
  if (!dialled) {
    HttpAnswer answer = transfer.finish(code);
    const HttpClient::Done done = transfer.take_done();
    release(transfer);
    return done(std::move(answer));
  }
  const int fd = code == CURLE_OK ? take_socket(transfer) : -1;
  HttpAnswer why_not;
  if (fd < 0) why_not = transfer.finish(code == CURLE_OK ? CURLE_COULDNT_CONNECT : code);
  release(transfer);
  dialled(fd, std::move(why_not));
}

int CurlRequests::take_socket(const HttpTransfer& transfer) {
  const int theirs = transfer.socket();
  const int fd = theirs < 0 ? -1 : ::fcntl(theirs, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return fd;
  // libcurl closes its descriptor and we keep the connection open: epoll would go on to tell of the number.
  Socket& state = socket(theirs);
  poll_.want(theirs, 0, state.registered);
  state.registered = 0;
  return fd;
}

int CurlRequests::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
  auto& all = *static_cast<CurlRequests*>(self);
  Socket& socket = all.socket(fd);
  if (what == CURL_POLL_REMOVE) {
    if (socket.ours) {
      socket.idle = true;
    } else {
      all.poll_.want(fd, 0, socket.registered);
      socket = {};
    }
    return 0;
  }
  const std::uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
  socket.idle = false;
  if (!all.poll_.want(fd, events, socket.registered)) return -1;
  socket.registered = events;
  return 0;
}

int CurlRequests::on_timer(CURLM*, long after_ms, void* self) {
  static_cast<CurlRequests*>(self)->timer_ =
      after_ms < 0 ? Clock::time_point::max() : Clock::now() + std::chrono::milliseconds(after_ms);
  return 0;
}

CurlRequests::Socket& CurlRequests::socket(int fd) {
  const auto at = static_cast<std::size_t>(fd);
  if (at >= sockets_.size()) sockets_.resize(at + 1);
  return sockets_[at];
}

std::unique_ptr<HttpTransfer> CurlRequests::take_transfer(HttpClient::PeerId peer) {
  auto& idle = peers_[peer].idle;
  if (idle.empty()) return std::make_unique<HttpTransfer>(*peers_[peer].settings, *this);
  auto transfer = std::move(idle.back());
  idle.pop_back();
  return transfer;
}

void CurlRequests::begin(std::unique_ptr<HttpTransfer> transfer, Dialled dialled) {
  CURL* handle = transfer->handle();
  const HttpClient::RequestId id = transfer->id();
  active_.insert_or_assign(id, Active{std::move(transfer), std::move(dialled)});
  curl_multi_add_handle(multi_.get(), handle);
}

void CurlRequests::release(HttpTransfer& transfer) {
  curl_multi_remove_handle(multi_.get(), transfer.handle());
  const auto found = active_.find(transfer.id());
  peers_[transfer.peer()].idle.push_back(std::move(found->second.transfer));
  active_.erase(found);
}

}  // namespace tandem
