#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A server on 127.0.0.1 that does exactly what its script says, byte for byte: for tests of an HTTP client.
namespace tandem::test_support {

struct FakeRequest {
  std::string method, target;  ///< as in the request line
  std::string head;            ///< all lines before the body
  std::string body;
  int connection = 0;  ///< 1 = the first that was accepted
  /// Value of a header, whatever its case; empty where there is none.
  [[nodiscard]] std::string header(std::string_view name) const;
};

/// What happens after a whole request has been read.
struct FakeAnswer {
  std::string bytes;
  std::optional<std::size_t> cut_after;     ///< only so many bytes, then the connection is closed
  std::chrono::milliseconds delay{0};       ///< before the first byte
  std::chrono::milliseconds byte_delay{0};  ///< between bytes
  bool close = false;                       ///< after the bytes
  bool reset = false;                       ///< close with RST instead of FIN
  bool hold = false;                        ///< never close, never answer again on this connection
};

[[nodiscard]] FakeAnswer answer_with(int status, std::string_view body = {},
                                     const std::vector<std::pair<std::string, std::string>>& headers = {});
[[nodiscard]] FakeAnswer raw_answer(std::string bytes);
[[nodiscard]] FakeAnswer cut_answer(FakeAnswer whole, std::size_t after);
[[nodiscard]] FakeAnswer no_answer();  ///< holds the connection open, silent
[[nodiscard]] FakeAnswer closed_unanswered();

class HttpFake {
 public:
  /// The n-th request gets the n-th answer; when they are used up, `otherwise`, or 200 `{}`.
  explicit HttpFake(std::vector<FakeAnswer> script = {});
  /// Every request is answered by this, from the connections' threads, one at a time.
  explicit HttpFake(std::function<FakeAnswer(const FakeRequest&)> otherwise);
  ~HttpFake();

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string url(std::string_view path = {}) const;
  /// Requests so far, in the order in which their last byte came.
  [[nodiscard]] std::vector<FakeRequest> requests() const;
  [[nodiscard]] int connections() const;
  /// Answers of which the last byte has been given to the socket.
  [[nodiscard]] int answered() const;

 private:
  struct Server;
  std::unique_ptr<Server> server_;
};

}  // namespace tandem::test_support
