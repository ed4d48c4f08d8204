#include "target/plain_request.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace tandem {
namespace {

constexpr std::string_view scheme = "http://";

bool begins_with(std::string_view text, std::string_view lower_word) {
  return text.size() >= lower_word.size() &&
         std::equal(lower_word.begin(), lower_word.end(), text.begin(),
                    [](char word, char c) { return word == (c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c); });
}

bool with_body(const HttpRequest& request) {
  const std::string& method = request.method;
  return !request.body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
}

/// Between scheme and path.
std::string_view authority_of(std::string_view url) {
  url.remove_prefix(scheme.size());
  return url.substr(0, url.find_first_of("/?#"));
}

/// As in an address or a registered name; what libcurl might understand in another way than a server does is libcurl's.
bool host_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(".-_:[]").find(c) != std::string_view::npos;
}

bool path_letter(char c) {
  return c > ' ' && c < 127 && c != '#';
}

/// Framing is ours, and what asks for another protocol or an interim answer is libcurl's.
bool frames(std::string_view line) {
  switch (line.empty() ? '\0' : line.front() | 0x20) {
    case 'h':
      return begins_with(line, "host:");
    case 'c':
      return begins_with(line, "content-length:") || begins_with(line, "connection:");
    case 't':
      return begins_with(line, "transfer-encoding:") || begins_with(line, "te:") || begins_with(line, "trailer:");
    case 'e':
      return begins_with(line, "expect:");
    case 'u':
      return begins_with(line, "upgrade:");
    default:
      return false;
  }
}

}  // namespace

bool PlainRequest::suits(const HttpPeer& peer, const HttpRequest& request) {
  const std::string_view url = request.url;
  if (!peer.proxy.empty() || !url.starts_with(scheme)) return false;
  const std::string_view authority = authority_of(url);
  const std::string_view path = url.substr(scheme.size() + authority.size());
  return !authority.empty() && std::ranges::all_of(authority, host_letter) && (path.empty() || path.front() == '/') &&
         std::ranges::all_of(path, path_letter) && !(request.method == "HEAD" && with_body(request)) &&
         std::ranges::none_of(request.headers, frames);
}

PlainRequest::PlainRequest(HttpClient::RequestId its_id, HttpClient::PeerId to, HttpRequest what, HttpClient::Done tell)
    : id(its_id),
      peer(to),
      request(std::move(what)),
      done(std::move(tell)),
      started(std::chrono::steady_clock::now()),
      authority_size_(authority_of(request.url).size()) {}

std::string_view PlainRequest::authority() const {
  return std::string_view(request.url).substr(scheme.size(), authority_size_);
}

void PlainRequest::print_head(std::string& head) const {
  const std::string_view path = std::string_view(request.url).substr(scheme.size() + authority_size_);
  std::string_view host = authority();
  if (host.ends_with(":80")) host.remove_suffix(3);
  head.clear();
  head.append(request.method).append(" ").append(path.empty() ? "/" : path);
  head.append(" HTTP/1.1\r\nHost: ").append(host).append("\r\n");
  bool says_accept = false, says_type = false;
  for (const std::string& line : request.headers) {
    says_accept |= begins_with(line, "accept:");
    says_type |= begins_with(line, "content-type:");
    if (line.find_first_not_of(" \t", line.find(':') + 1) == std::string::npos) continue;  // as libcurl does
    head.append(line).append("\r\n");
  }
  if (!says_accept) head.append("Accept: */*\r\n");
  if (with_body(request)) {
    if (!says_type) head.append("Content-Type: application/x-www-form-urlencoded\r\n");
    std::array<char, 20> digits;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by to_chars
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), request.body.size());
    head.append("Content-Length: ").append(digits.data(), end).append("\r\n");
  }
  head.append("\r\n");
}

}  // namespace tandem
