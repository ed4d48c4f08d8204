#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "target/curl_requests.hpp"
#include "target/event_poll.hpp"
#include "target/plain_connection.hpp"

namespace tandem {

/// Requests over plain HTTP/1.1: libcurl connects, we write and read. A connection carries one request at a time and is
/// kept for the next one to the same authority.
class PlainRequests {
 public:
  using Clock = std::chrono::steady_clock;

  /// `may_send` as in HttpClient::send_only_while.
  PlainRequests(EventPoll& poll, CurlRequests& curl, std::size_t max_connections, std::function<bool()> may_send);

  /// `settings` must outlive this.
  void add_peer(const HttpPeer& settings);
  void send(std::unique_ptr<PlainRequest> request);
  /// Ends a request, whose `done` is told so; false where there is none.
  bool cancel(HttpClient::RequestId id) { return give_up(id, HttpFailure::cancelled, "cancelled"); }

  /// Whether a descriptor is one of these.
  [[nodiscard]] bool owns(int fd) const;
  void socket_ready(int fd, std::uint32_t events);
  /// Tells of those that were withheld; true if there were any.
  bool finish_withheld();
  /// True if there were any.
  bool end_late_ones();
  /// When `end_late_ones` wants to be called; max = never.
  [[nodiscard]] Clock::time_point first_end() const;
  [[nodiscard]] bool has_withheld() const { return !withheld_.empty(); }
  /// Without those for which libcurl is dialling.
  [[nodiscard]] std::size_t in_flight() const { return on_wire_.size() + withheld_.size(); }

 private:
  struct Connection {
    std::unique_ptr<PlainConnection> link;
    std::uint32_t registered = 0;  ///< epoll events
  };
  struct Peer {
    const HttpPeer* settings;
    std::vector<int> kept;  ///< connections without a request
    std::deque<std::pair<Clock::time_point, HttpClient::RequestId>>
        ends;  ///< when requests end at the latest, in order
  };

  [[nodiscard]] bool open(HttpClient::RequestId id) const { return on_wire_.contains(id) || dialling_.contains(id); }
  [[nodiscard]] Connection& at(int fd) { return connections_[static_cast<std::size_t>(fd)]; }
  void note_end(const PlainRequest& request);
  PlainConnection* take_kept(const PlainRequest& request);
  void dial(std::unique_ptr<PlainRequest> request);
  void dialled(HttpClient::RequestId id, int fd, HttpAnswer why_not);
  void write(PlainConnection& connection, std::unique_ptr<PlainRequest> request);
  void withhold(std::unique_ptr<PlainRequest> request);
  void listen(const PlainConnection& connection);
  void keep_or_drop(const PlainConnection& connection);
  void drop(const PlainConnection& connection);
  void end(PlainConnection& connection, HttpFailure failure, std::string words);
  bool give_up(HttpClient::RequestId id, HttpFailure failure, const std::string& words);

  EventPoll& poll_;
  CurlRequests& curl_;
  const std::size_t max_connections_;
  const std::function<bool()> may_send_;
  std::vector<Peer> peers_;
  std::vector<Connection> connections_;                     ///< by descriptor
  std::size_t kept_ = 0;                                    ///< over all peers
  std::unordered_map<HttpClient::RequestId, int> on_wire_;  ///< on which descriptor
  std::unordered_map<HttpClient::RequestId, std::unique_ptr<PlainRequest>> dialling_;
  std::deque<std::unique_ptr<PlainRequest>> withheld_;  ///< to be told in the next turn
};

}  // namespace tandem
