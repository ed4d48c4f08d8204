#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "target/answer_reader.hpp"
#include "target/plain_request.hpp"

namespace tandem {

/// A connection to one authority, which carries one request at a time. Owns its socket.
class PlainConnection {
 public:
  enum class Progress : std::uint8_t {
    more,
    ended,   ///< see take_answer
    repeat,  ///< the connection had died before, and the request may be sent again
  };

  PlainConnection(int fd, HttpClient::PeerId peer, std::string authority, std::size_t max_answer);
  ~PlainConnection();
  PlainConnection(const PlainConnection&) = delete;
  PlainConnection& operator=(const PlainConnection&) = delete;

  /// Writes as much as the socket takes. What is wrong with the socket shows when it is read.
  void begin(std::unique_ptr<PlainRequest> request);
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
  [[nodiscard]] bool wants_to_write() const { return request_ != nullptr && written_ < to_write_; }
  /// May be kept for another request.
  [[nodiscard]] bool fit() const { return request_ == nullptr && fit_; }
  /// May carry another request now: not too old, and neither its end nor bytes that nobody asked for have come since.
  [[nodiscard]] bool silent(std::chrono::steady_clock::time_point now) const;

 private:
  [[nodiscard]] HttpFailure failure_of_reading() const;

  const int fd_;
  const HttpClient::PeerId peer_;
  const std::string authority_;
  const std::chrono::steady_clock::time_point opened_;
  std::chrono::steady_clock::time_point used_;
  std::unique_ptr<PlainRequest> request_;
  AnswerReader reader_;
  AnswerReader::Progress progress_ = AnswerReader::Progress::more;
  std::string head_;  ///< of the request
  std::size_t written_ = 0, to_write_ = 0;
  bool used_before_ = false;  ///< has carried an answer
  bool fit_ = true;
};

}  // namespace tandem
