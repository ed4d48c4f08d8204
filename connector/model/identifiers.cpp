#include "model/identifiers.hpp"

#include <charconv>
#include <cstdio>

namespace tandem {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// FNV-1a with a separator that no UTF-8 text contains, then a finaliser, so that short keys spread over all 64 bits.
std::uint64_t mix_in(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  return (hash ^ 0xffU) * 0x100000001b3ULL;
}

}  // namespace

std::string to_string(Lsn lsn) {
  char text[24];
  const int length = std::snprintf(text, sizeof text, "%X/%X", static_cast<unsigned>(lsn.value >> 32),
                                   static_cast<unsigned>(lsn.value & 0xffffffffU));
  return {text, static_cast<std::size_t>(length)};
}

Result<Lsn> parse_lsn(std::string_view text) {
  const auto slash = text.find('/');
  std::uint32_t high = 0, low = 0;
  const auto read = [](std::string_view part, std::uint32_t& out) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), out, 16);
    return error == std::errc{} && end == part.data() + part.size();
  };
  if (slash == std::string_view::npos || !read(text.substr(0, slash), high) || !read(text.substr(slash + 1), low))
    return fail(ErrorKind::protocol, "not a WAL position: \"" + std::string(text.substr(0, 40)) + "\"");
  return Lsn{(static_cast<std::uint64_t>(high) << 32) | low};
}

std::string to_string(const RecordId& id) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += digits[id.bytes[i] >> 4];
    text += digits[id.bytes[i] & 15];
  }
  return text;
}

Result<RecordId> parse_record_id(std::string_view text) {
  RecordId id;
  std::size_t at = 0;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    if ((i == 4 || i == 6 || i == 8 || i == 10) && at < text.size() && text[at] == '-') ++at;
    const int high = at < text.size() ? hex_digit(text[at]) : -1;
    const int low = at + 1 < text.size() ? hex_digit(text[at + 1]) : -1;
    if (high < 0 || low < 0)
      return fail(ErrorKind::usage, "not a record_id: \"" + std::string(text.substr(0, 60)) + "\"");
    id.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
    at += 2;
  }
  if (at != text.size()) return fail(ErrorKind::usage, "not a record_id: \"" + std::string(text.substr(0, 60)) + "\"");
  return id;
}

LaneHash lane_hash(std::string_view target, std::string_view request_type, std::string_view object_id) {
  std::uint64_t hash = mix_in(mix_in(mix_in(0xcbf29ce484222325ULL, target), request_type), object_id);
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
  return LaneHash{hash ^ (hash >> 31)};
}

}  // namespace tandem
