#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A request and its reply as the second CRM's logic sees them: no sockets, no library's types.
namespace second_crm {

struct Request {
  std::string method;
  std::string path;  ///< without the query, still percent-encoded
  std::string query;
  std::string content_type, authorization, idempotency_key, if_match, traceparent;
  std::string body{};
  bool lay_here = false;  ///< came before and was told to wait: Ending::later
};

enum class Ending : std::uint8_t {
  whole,
  cut,    ///< the connection closes after `cut_after` bytes of the reply, head included
  later,  ///< nothing has happened yet: the same request is answered anew after `delay`
  hang,   ///< nothing is ever answered; the connection stays open until the caller gives up
};

struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  std::chrono::milliseconds delay{0};  ///< before the first byte
  Ending ending = Ending::whole;
  std::size_t cut_after = 0;
};

/// The segments of a path, decoded. A segment that is not valid percent-encoding makes the result empty.
[[nodiscard]] std::vector<std::string> segments(std::string_view path);
/// Decoded value of a query parameter (also of a form body), empty if it is not there. '+' is a space.
[[nodiscard]] std::string parameter(std::string_view query, std::string_view name);

}  // namespace second_crm
