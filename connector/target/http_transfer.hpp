#pragma once
#include <curl/curl.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "target/http_client.hpp"

namespace tandem {

struct CloseEasy {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using EasyHandle = std::unique_ptr<CURL, CloseEasy>;

/// Told of the sockets that libcurl opens and closes for its transfers, and asked before anything is written to one.
class SocketWatcher {
 public:
  virtual ~SocketWatcher() = default;
  [[nodiscard]] virtual bool may_send() const = 0;
  virtual void opened(int fd) = 0;
  virtual void closed(int fd) = 0;
};

/// One easy handle of one peer and the request it carries. Used again and again: the peer's options are set once, the
/// request's every time, and nothing of one peer is ever seen by another.
class HttpTransfer {
 public:
  HttpTransfer(const HttpPeer& peer, SocketWatcher& watcher);
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;

  void prepare(HttpClient::RequestId id, std::size_t peer, HttpRequest request, HttpClient::Done done);
  /// Only to connect: the socket is asked for when libcurl has ended, and is closed with the transfer's removal.
  void prepare_dial(HttpClient::RequestId id, std::size_t peer, const std::string& url);
  [[nodiscard]] int socket() const;
  /// The answer, after libcurl has ended with `code`.
  [[nodiscard]] HttpAnswer finish(CURLcode code);
  [[nodiscard]] HttpAnswer cancelled();

  [[nodiscard]] CURL* handle() const { return easy_.get(); }
  [[nodiscard]] HttpClient::RequestId id() const { return id_; }
  [[nodiscard]] std::size_t peer() const { return peer_; }
  [[nodiscard]] HttpClient::Done take_done() { return std::move(done_); }

 private:
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static int on_request(void* self, char* their_ip, char* our_ip, int their_port, int our_port);
  static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int on_close(void* watcher, curl_socket_t fd);

  void reset(HttpClient::RequestId id, std::size_t peer);
  void link_headers();
  HttpAnswer take_answer();

  EasyHandle easy_;
  SocketWatcher& watcher_;
  const bool allow_private_;
  const std::size_t max_answer_;

  HttpClient::RequestId id_ = 0;
  std::size_t peer_ = 0;
  HttpRequest request_;
  HttpClient::Done done_;
  HttpAnswer answer_;
  std::vector<curl_slist> header_nodes_;
  std::size_t head_bytes_ = 0;
  int requests_ = 0;  ///< how often libcurl was about to write the request
  bool refused_address_ = false, refused_repeat_ = false, too_large_ = false, head_ended_ = false, withheld_ = false;
  std::chrono::steady_clock::time_point started_;
  std::array<char, CURL_ERROR_SIZE> words_{};
};

}  // namespace tandem
