#include "target/proxy_rules.hpp"

#include <algorithm>
#include <array>

#include "target/request_template.hpp"
#include "target/verdict.hpp"

namespace tandem {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool encodes_at(std::string_view text, std::size_t at) {
  return at + 2 < text.size() && text[at] == '%' && hex(text[at + 1]) >= 0 && hex(text[at + 2]) >= 0;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

tl::expected<std::string, std::string> decoded(std::string_view segment) {
  std::string out;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] != '%') {
      out += segment[i];
      continue;
    }
    if (!encodes_at(segment, i)) return tl::unexpected(std::string("a % that encodes nothing"));
    out += static_cast<char>(hex(segment[i + 1]) * 16 + hex(segment[i + 2]));
    i += 2;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i] == '/' || out[i] == '\\') return tl::unexpected(std::string("a slash or backslash within a segment"));
    if (is_control(out[i])) return tl::unexpected(std::string("a control character"));
    if (encodes_at(out, i)) return tl::unexpected(std::string("something encoded twice"));
  }
  const auto name = std::string_view(out).substr(0, out.find(';'));
  if (name.empty() || name == "." || name == "..")
    return tl::unexpected(std::string("a segment that is empty, `.` or `..`"));
  return out;
}

constexpr std::size_t longest_header = 32'768;  // of one that is passed back; what answers the caller takes 65,533

/// Those of RFC 9110 and their older kin.
constexpr std::array hop_by_hop{
    "connection",        "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",    "content-length"};
/// `expect` and `accept-encoding` are between us and the target; those that would make another request of it than the
/// rules have allowed go nowhere; the others speak of the caller.
constexpr std::array callers_own{"host",
                                 "authorization",
                                 "cookie",
                                 "expect",
                                 "accept-encoding",
                                 "origin",
                                 "referer",
                                 "forwarded",
                                 "via",
                                 "x-real-ip",
                                 "x-http-method-override",
                                 "x-http-method",
                                 "x-method-override",
                                 "x-original-url",
                                 "x-rewrite-url"};
/// They speak of our session with the target.
constexpr std::array sessions_own{"set-cookie",
                                  "set-cookie2",
                                  "www-authenticate",
                                  "authentication-info",
                                  "proxy-authentication-info",
                                  "alt-svc",
                                  "strict-transport-security"};

template <class List>
bool among(const List& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

/// Some servers read `_` in a name as `-`: with it a name could pass for any of the others.
bool stays_here(std::string_view name) {
  return among(hop_by_hop, name) || among(callers_own, name) || name.starts_with("x-forwarded-") ||
         name.find('_') != std::string_view::npos;
}

/// Whether a `Connection` header names it.
bool of_the_connection(const HeaderLines& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key != "connection") continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      auto word = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
      while (word.starts_with(' ')) word.remove_prefix(1);
      while (word.ends_with(' ')) word.remove_suffix(1);
      if (lower(word) == name) return true;
    }
  }
  return false;
}

HeaderLines lines_of(std::string_view head) {
  HeaderLines out;
  while (!head.empty()) {
    auto line = head.substr(0, head.find('\n'));
    head.remove_prefix(std::min(line.size() + 1, head.size()));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    auto value = line.substr(colon + 1);
    const auto first = value.find_first_not_of(" \t\r");
    value = first == std::string_view::npos ? std::string_view()
                                            : value.substr(first, value.find_last_not_of(" \t\r") - first + 1);
    out.emplace_back(lower(line.substr(0, colon)), value);
  }
  return out;
}

LoanAnswer ours(int status, std::string problem) {
  LoanAnswer out;
  out.status = status;
  out.problem = std::move(problem);
  if (status == 503) out.retry_after = std::chrono::seconds(5);
  return out;
}

LoanAnswer failure_of(const HttpAnswer& answer) {
  switch (answer.failure) {
    case HttpFailure::timeout:
      return ours(504, "the target has not answered in time");
    case HttpFailure::too_large:
      return ours(502, "the target's answer is larger than proxy.max_answer");
    case HttpFailure::withheld:
    case HttpFailure::cancelled:
      return ours(503, "tandem is stopping, or not sure to be the one that may send");
    case HttpFailure::connect:
      return ours(502, "the target cannot be reached");
    default:
      return ours(502, "the target's answer was cut short");
  }
}

/// What their answer tells of the target stays, for delivery's sake.
LoanAnswer without_headers(const LoanAnswer& theirs) {
  LoanAnswer out = ours(502, "the target's answer has a header that is too long");
  out.throttled = theirs.throttled;
  out.rest = theirs.rest;
  return out;
}

}  // namespace

tl::expected<std::vector<std::string>, std::string> safe_segments(std::string_view path) {
  std::vector<std::string> out;
  if (!path.starts_with('/')) return tl::unexpected(std::string("no path"));
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto segment = path.substr(0, path.find('/'));
    auto plain = decoded(segment);
    if (!plain) return tl::unexpected(std::move(plain.error()));
    out.push_back(std::move(*plain));
    path.remove_prefix(segment.size());
  }
  return out;
}

bool safe_query(std::string_view query) {
  for (std::size_t i = 0; i < query.size(); ++i) {
    const char c = query[i];
    if (is_control(c) || c == ' ' || c == '#' || c == '"' || c == '<' || c == '>' || c == '\\') return false;
    if (c == '%' &&
        (!encodes_at(query, i) || is_control(static_cast<char>(hex(query[i + 1]) * 16 + hex(query[i + 2])))))
      return false;
  }
  return true;
}

bool allowed(const ProxyCaller& caller, std::string_view target, std::string_view method,
             const std::vector<std::string>& segments) {
  return std::ranges::any_of(caller.allow, [&](const ProxyRule& rule) {
    if (rule.target != target || rule.method != method) return false;
    const bool open = rule.segments.back() == "**";
    const std::size_t fixed = rule.segments.size() - (open ? 1 : 0);
    if (open ? segments.size() <= fixed : segments.size() != fixed) return false;
    for (std::size_t i = 0; i < fixed; ++i)
      if (rule.segments[i] != "*" && rule.segments[i] != segments[i]) return false;
    return true;
  });
}

tl::expected<HttpRequest, std::string> lent_request(const TargetSettings& target, std::string_view method,
                                                    const std::vector<std::string>& segments, std::string_view query,
                                                    const HeaderLines& headers, std::string body) {
  HttpRequest out;
  out.method = method;
  for (const auto& segment : segments) {
    out.url += '/';
    append_percent_encoded(out.url, segment);
  }
  if (!query.empty()) out.url.append(1, '?').append(query);
  for (const auto& [name, value] : headers) {
    const auto is = [&name = name](const auto& setting) { return lower(setting.first) == name; };
    if (stays_here(name) || of_the_connection(headers, name)) continue;
    if (lower(target.auth.header_name) == name || std::ranges::any_of(target.headers, is)) continue;
    if (std::ranges::any_of(value, [](char c) { return is_control(c) && c != '\t'; })) return tl::unexpected(name);
    out.headers.push_back(name + ": " + value);
  }
  out.body = std::move(body);
  out.repeat = method == "GET" ? Repeat::allowed : Repeat::never;
  return out;
}

LoanAnswer loan_answer(const CallOutcome& outcome, const Scrubber& scrubber, WallTime now) {
  if (outcome.fault) return ours(502, "the target does not give us a token");
  const HttpAnswer& answer = outcome.answer;
  if (answer.failure != HttpFailure::none) return failure_of(answer);
  if (answer.status == 401 || answer.status == 407) return ours(502, "the target refuses tandem's credentials");
  LoanAnswer out;
  out.status = answer.status;
  out.throttled = answer.status == 429;
  if (answer.status == 429 || answer.status >= 500)  // of others it says nothing about the target as a whole
    out.rest = retry_after(answer.header("retry-after"), answer.header("date"), now);
  const HeaderLines headers = lines_of(answer.head);
  for (const auto& [name, value] : headers) {
    if (among(hop_by_hop, name) || among(sessions_own, name) || of_the_connection(headers, name)) continue;
    std::string shown = scrubber.without_secrets(value);
    if (name.size() > longest_header || shown.size() > longest_header) return without_headers(std::move(out));
    out.headers.emplace_back(name, std::move(shown));
  }
  out.body = scrubber.without_secrets(answer.body);
  return out;
}

}  // namespace tandem
