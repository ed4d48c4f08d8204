#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Requests and responses as handlers see them: plain values, free of the library that carries them.
namespace tandem::http {

struct Request {
  std::string method, path;                                    ///< path without its query, still percent-encoded
  std::string query_text;                                      ///< as it was sent
  std::map<std::string, std::string, std::less<>> query;       ///< decoded; of repeated names the last
  std::map<std::string, std::string, std::less<>> parameters;  ///< of the route's pattern, decoded
  std::vector<std::pair<std::string, std::string>> headers;    ///< names in lower case
  std::string body;

  /// The first of this name (lower case), or empty.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8", body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// An error as RFC 9457 tells it (application/problem+json). `title` is the same for every occurrence, `detail` for
/// this one.
[[nodiscard]] Response problem(int status, std::string_view title, std::string_view detail);

/// %41 and, in queries, + → its bytes; nullopt if malformed or NUL.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text, char plus = '+');
/// Splits a target as it was sent into path and query.
[[nodiscard]] bool split_target(std::string_view target, Request& request);

}  // namespace tandem::http
