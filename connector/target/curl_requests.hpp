#pragma once
#include <curl/curl.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "target/event_poll.hpp"
#include "target/http_client.hpp"
#include "target/http_transfer.hpp"

namespace tandem {

/// Requests that libcurl carries from end to end, and connections that it makes for others: its multi interface over
/// an EventPoll.
///
/// Sockets stay registered from one request to the next: libcurl takes each out and puts it in again around every
/// transfer, which would be two system calls a request (docs/decisions/0004).
class CurlRequests final : public SocketWatcher {
 public:
  /// A connection and nothing sent over it; the descriptor is the receiver's to close. -1 = none, see the answer.
  using Dialled = std::function<void(int fd, HttpAnswer why_not)>;

  /// `may_send` as in HttpClient::send_only_while.
  CurlRequests(EventPoll& poll, std::size_t max_connections, std::function<bool()> may_send);
  ~CurlRequests() override;

  /// `settings` must outlive this.
  void add_peer(const HttpPeer& settings);
  void send(HttpClient::RequestId id, HttpClient::PeerId peer, HttpRequest request, HttpClient::Done done);
  void dial(HttpClient::RequestId id, HttpClient::PeerId peer, const std::string& url, Dialled dialled);
  /// Ends a request, whose `done` is told so; false where there is none.
  bool cancel(HttpClient::RequestId id);
  /// Ends a dial without a word.
  void abandon(HttpClient::RequestId id);

  void socket_ready(int fd, std::uint32_t events);
  /// Does what is due by libcurl's clock.
  void run_timer();
  /// Tells of what has ended; true if anything had.
  bool finish_ended();
  /// When `run_timer` wants to be called.
  [[nodiscard]] std::chrono::steady_clock::time_point timer() const { return timer_; }
  [[nodiscard]] std::size_t in_flight() const { return active_.size(); }

 private:
  struct CloseMulti {
    void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
  };
  struct Socket {
    bool ours = false;  ///< opened by a transfer; others (the resolver's) come and go without notice and are never kept
    std::uint32_t registered = 0;  ///< epoll events, 0 = not registered
    bool idle = false;             ///< registered, but nobody waits for it
  };
  struct Peer {
    const HttpPeer* settings;
    std::vector<std::unique_ptr<HttpTransfer>> idle;
  };
  struct Active {
    std::unique_ptr<HttpTransfer> transfer;
    Dialled dialled;  ///< empty = a request
  };

  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* unused);
  static int on_timer(CURLM* multi, long after_ms, void* self);
  [[nodiscard]] bool may_send() const override { return may_send_(); }
  void opened(int fd) override { socket(fd) = {true, 0, false}; }
  void closed(int fd) override { socket(fd) = {}; }

  Socket& socket(int fd);
  std::unique_ptr<HttpTransfer> take_transfer(HttpClient::PeerId peer);
  void begin(std::unique_ptr<HttpTransfer> transfer, Dialled dialled);
  void release(HttpTransfer& transfer);
  void finish(HttpTransfer& transfer, CURLcode code);
  /// Takes a copy of the socket that a transfer has connected, which outlives the transfer; -1 = none.
  int take_socket(const HttpTransfer& transfer);

  EventPoll& poll_;
  const std::function<bool()> may_send_;
  std::unique_ptr<CURLM, CloseMulti> multi_;
  std::vector<Socket> sockets_;  ///< by descriptor
  std::vector<Peer> peers_;
  std::unordered_map<HttpClient::RequestId, Active> active_;
  std::chrono::steady_clock::time_point timer_ = std::chrono::steady_clock::time_point::max();
};

}  // namespace tandem
