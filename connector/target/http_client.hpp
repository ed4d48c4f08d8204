#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// HTTP in one thread: libcurl's multi interface driven by epoll, and plain connections that are written and read here.
/// Owned by a delivery loop, which sleeps in `turn`.
namespace tandem {

/// How one system is reached; the same for all its requests.
struct HttpPeer {
  std::string proxy;    ///< empty = none; the environment's proxies are not used
  std::string ca_file;  ///< empty = the system's certificates; verification is never off
  bool http2 = false;   ///< offered by ALPN, over TLS only
  bool allow_private =
      true;  ///< false: no connection to a loopback, private or link-local address (not checked behind a proxy)
  std::chrono::milliseconds timeout{30'000}, connect_timeout{5'000};
  std::size_t max_answer_bytes = 1 << 20;
};

/// What to do when a kept-alive connection dies under a request before the first byte of an answer.
enum class Repeat : std::uint8_t {
  never,    ///< the system may have seen it: report it as sent
  allowed,  ///< sending it once more changes nothing: do so on another connection
};

struct HttpRequest {
  std::string method = "GET", url;
  std::vector<std::string> headers;  ///< "Name: value", free of CR and LF
  std::string body;                  ///< sent where not empty, and an empty one with POST, PUT and PATCH
  Repeat repeat = Repeat::never;
};

enum class HttpFailure : std::uint8_t {
  none,       ///< a whole answer came: see `status`
  connect,    ///< no connection: name, address, refused, TLS
  cut,        ///< the connection ended, or spoke no HTTP, before a whole answer came
  timeout,    ///< no whole answer in time
  too_large,  ///< the answer was given up past `max_answer_bytes`
  cancelled,
  withheld,  ///< HttpClient::send_only_while said no
};

/// `error` of what is withheld.
inline constexpr std::string_view withheld_words =
    "the database has not confirmed for a while that this connector is still the one";

struct HttpAnswer {
  HttpFailure failure = HttpFailure::none;
  bool sent = false;  ///< bytes of the request may have reached the other side
  int status = 0;     ///< also with `cut` and `too_large` where the status line came; 0 = none
  std::string head;   ///< header lines as they came, without the status line
  std::string body;
  std::string error;  ///< words for `failure`, without the URL
  std::chrono::microseconds duration{0};

  /// Value of the first header of this name, whatever its case; empty where there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

class HttpClient {
 public:
  using Done = std::function<void(HttpAnswer)>;
  using PeerId = std::size_t;
  using RequestId = std::uint64_t;

  /// `max_connections`: kept alive between requests, over all peers.
  explicit HttpClient(std::size_t max_connections = 256);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  [[nodiscard]] PeerId add_peer(HttpPeer peer);
  /// From now on `may_send` is asked whenever a request is about to be written to its connection, those of redials and
  /// of tokens too; where it says no, nothing leaves and `done` is told `withheld`.
  void send_only_while(std::function<bool()> may_send);
  /// What it says now; for targets that have connections of their own.
  [[nodiscard]] bool may_send() const;

  /// Starts a request. `done` is called once, from within a later `turn`, or from `cancel`.
  RequestId send(PeerId peer, HttpRequest request, Done done);
  /// Ends a request at once; its `done` is called with `cancelled` before this returns. Unknown ids are ignored.
  void cancel(RequestId request);
  /// Calls `job` in the next `turn`.
  void defer(std::function<void()> job);
  /// `ready` is called in a turn while `fd` is readable.
  void watch(int fd, std::function<void()> ready);
  void forget(int fd);

  /// Waits up to `longest` for the network, a watched descriptor or `wakeup`, and does what there is to do, calling
  /// `done`s.
  void turn(std::chrono::milliseconds longest);
  /// Ends the wait of the current or next `turn`. From any thread.
  void wakeup() noexcept;

  [[nodiscard]] std::size_t in_flight() const;

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace tandem
