#include "store/printable.hpp"

#include <cstdint>

namespace tandem::store {
namespace {

constexpr std::size_t most_bytes = 2'000;
constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// Length of the well-formed UTF-8 sequence at the front, 0 if there is none (RFC 3629: no surrogates, nothing over
/// U+10FFFF).
std::size_t sequence(std::string_view text) {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<std::uint8_t>(text[at]) : std::uint8_t{0};
  };
  const auto in = [](std::uint8_t value, int low, int high) { return value >= low && value <= high; };
  const auto first = byte(0);
  if (in(first, 0x01, 0x7F)) return 1;
  if (in(first, 0xC2, 0xDF)) return in(byte(1), 0x80, 0xBF) ? 2 : 0;
  if (in(first, 0xE0, 0xEF)) {
    const bool second = in(byte(1), first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF);
    return second && in(byte(2), 0x80, 0xBF) ? 3 : 0;
  }
  if (in(first, 0xF0, 0xF4)) {
    const bool second = in(byte(1), first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF);
    return second && in(byte(2), 0x80, 0xBF) && in(byte(3), 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string printable(std::string_view words) {
  std::string out;
  while (!words.empty()) {
    const auto length = sequence(words);
    const auto piece = length > 0 ? words.substr(0, length) : replacement;
    if (out.size() + piece.size() > most_bytes) break;
    out += piece;
    words.remove_prefix(length > 0 ? length : 1);
  }
  return out;
}

}  // namespace tandem::store
