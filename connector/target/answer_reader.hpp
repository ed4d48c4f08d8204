#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Reads HTTP/1 answers (RFC 9112) from the bytes of a connection, without the connection.
namespace tandem {

class AnswerReader {
 public:
  enum class Progress : std::uint8_t {
    more,       ///< the answer goes on
    whole,      ///< it has ended; bytes behind its end spoil the connection (`keeps` is false)
    malformed,  ///< no HTTP; `error` says what
    too_large,  ///< past the bounds of head or body; the body up to there is kept
  };

  explicit AnswerReader(std::size_t max_body) : max_body_(max_body) {}

  /// For the answer to the next request.
  void begin(bool to_head_request);
  [[nodiscard]] Progress read(std::string_view bytes);
  /// The connection has ended, orderly or by an error: whole for a body that ends with it and did so orderly, else
  /// malformed.
  [[nodiscard]] Progress ended(bool orderly = true);

  [[nodiscard]] std::size_t max_body() const { return max_body_; }
  [[nodiscard]] bool nothing_came() const { return nothing_came_; }
  [[nodiscard]] bool keeps() const { return keeps_; }  ///< the connection may carry another request
  [[nodiscard]] int status() const {
    return head_ended_ ? status_ : 0;
  }  ///< of the answer itself, once its head is whole
  [[nodiscard]] const std::string& error() const { return error_; }
  std::string head, body;  ///< header lines as they came; may be moved out when the answer has ended

 private:
  enum class Part : std::uint8_t {
    status_line,
    head,
    body_to_length,
    body_to_end,
    chunk_size,
    chunk,
    chunk_end,
    trailer,
    done
  };

  Progress fail(std::string error);
  Progress line_ended();
  Progress status_line(std::string_view line);
  Progress header(std::string_view line);
  Progress head_ended();
  Progress take_body(std::string_view bytes);

  const std::size_t max_body_;
  Part part_ = Part::status_line;
  bool to_head_request_ = false, nothing_came_ = true, head_ended_ = false, keeps_ = true, chunked_ = false,
       has_length_ = false, old_ = false;
  int status_ = 0;
  std::uint64_t left_ = 0;  ///< bytes of the body or chunk that are still to come
  std::size_t head_bytes_ = 0;
  std::string line_, error_;
};

}  // namespace tandem
