#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "target/answer_reader.hpp"
#include "target/http_client.hpp"

namespace tandem {

/// Where a plain request goes: both point into its URL.
struct PlainUrl {
  std::string_view authority, path;  ///< host[:port]; path with its query, empty = /
};

/// What a request needs that goes over a connection of ours instead of through libcurl's whole machine
/// (docs/decisions/0005): http without a proxy, a URL without credentials, no framing header of its own. Nothing for
/// any other.
[[nodiscard]] std::optional<PlainUrl> plain_url(const HttpPeer& peer, const HttpRequest& request);

/// A request on its way: waiting for a connection, or on one.
struct PlainRequest {
  HttpClient::RequestId id = 0;
  HttpClient::PeerId peer = 0;
  HttpRequest request;
  HttpClient::Done done;
  std::chrono::steady_clock::time_point started;
  bool sent = false;
};

/// A connection to one authority, which carries one request at a time. Owns its socket.
class PlainConnection {
 public:
  enum class Progress : std::uint8_t {
    more,
    ended,
    repeat
  };  ///< repeat: it had died before, and the request may be sent again

  PlainConnection(int fd, HttpClient::PeerId peer, std::string authority, std::size_t max_answer);
  ~PlainConnection();
  PlainConnection(const PlainConnection&) = delete;
  PlainConnection& operator=(const PlainConnection&) = delete;

  /// Writes as much as the socket takes. What is wrong with the socket shows when it is read.
  void begin(std::unique_ptr<PlainRequest> request, std::string_view path);
  /// The socket can be written to, or read from.
  void write();
  [[nodiscard]] Progress read();
  /// The answer of the request that has ended or is given up, which is then no more; `words` of a failure from outside.
  [[nodiscard]] HttpAnswer take_answer(HttpFailure failure = HttpFailure::none, std::string words = {});
  [[nodiscard]] std::unique_ptr<PlainRequest> take_request() { return std::move(request_); }

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] HttpClient::PeerId peer() const { return peer_; }
  [[nodiscard]] const std::string& authority() const { return authority_; }
  [[nodiscard]] PlainRequest* request() const { return request_.get(); }
  [[nodiscard]] bool wants_to_write() const { return written_ < output_.size(); }
  /// May carry another request now.
  [[nodiscard]] bool fit(std::chrono::steady_clock::time_point now) const;

 private:
  const int fd_;
  const HttpClient::PeerId peer_;
  const std::string authority_;
  const std::chrono::steady_clock::time_point opened_;
  std::chrono::steady_clock::time_point used_;
  std::unique_ptr<PlainRequest> request_;
  AnswerReader reader_;
  AnswerReader::Progress progress_ = AnswerReader::Progress::more;
  std::string output_;
  std::size_t written_ = 0;
  bool used_before_ = false;  ///< has carried an answer
};

}  // namespace tandem
