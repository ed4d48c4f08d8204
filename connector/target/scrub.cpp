#include "target/scrub.hpp"

#include <algorithm>
#include <cstdint>

#include "json/text.hpp"
#include "target/request_template.hpp"

namespace tandem {
namespace {

constexpr std::size_t longest = 1000;
constexpr std::string_view hidden = "***";
constexpr std::size_t most_secrets = 64;  // tokens come and go; the oldest need no hiding any more

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

/// `https://user:password@host` → `https://***@host`
void hide_user_info(std::string& text) {
  for (std::size_t at = text.find("://"); at != std::string::npos; at = text.find("://", at + 3)) {
    const std::size_t start = at + 3;
    const std::size_t end = std::min(text.find_first_of("/?# \t\r\n\"'<>", start), text.size());
    const std::size_t sign = text.rfind('@', end);
    if (sign == std::string::npos || sign < start || sign >= end) continue;
    text.replace(start, sign - start, hidden);
  }
}

}  // namespace

std::string base64(std::string_view bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t at) {
      return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : std::uint32_t{0};
    };
    const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += digits[group >> 18];
    out += digits[group >> 12 & 63];
    out += i + 1 < bytes.size() ? digits[group >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? digits[group & 63] : '=';
  }
  return out;
}

void Scrubber::add(std::string_view secret) {
  if (secret.empty()) return;
  std::string encoded;
  append_percent_encoded(encoded, secret);
  std::string escaped = json::quote(secret);
  escaped = escaped.substr(1, escaped.size() - 2);
  for (std::string form : {std::string(secret), encoded, escaped, base64(secret)})
    if (std::find(secrets_.begin(), secrets_.end(), form) == secrets_.end()) secrets_.push_back(std::move(form));
  if (secrets_.size() > 4 * most_secrets)
    secrets_.erase(secrets_.begin() + most_secrets, secrets_.begin() + most_secrets + 4);
}

std::string Scrubber::without_secrets(std::string text) const {
  // The longest first: one secret may be part of another.
  std::vector<std::string_view> secrets(secrets_.begin(), secrets_.end());
  std::sort(secrets.begin(), secrets.end(), [](auto a, auto b) { return a.size() > b.size(); });
  for (const std::string_view secret : secrets) replace_all(text, secret, hidden);
  return text;
}

std::string Scrubber::clean(std::string_view text) const {
  std::string out = without_secrets(std::string(text.substr(0, 64 * longest)));
  hide_user_info(out);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  out = json::unquote(json::quote(out)).value_or(std::string());  // quoting replaces what is not UTF-8
  if (out.size() > longest) {
    std::size_t end = longest - 3;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
    out.resize(end);
    out += "…";
  }
  return out;
}

}  // namespace tandem
