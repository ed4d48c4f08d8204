#include "json/scanner.hpp"

#include <bit>
#include <cstring>

namespace tandem::json {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// How many of the eight bytes at `p` are plain inside a string: up to the first quote, backslash or control character.
std::size_t plain_run(const char* p) {
  static_assert(std::endian::native == std::endian::little, "the first byte is taken from the low end of the word");
  std::uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  constexpr std::uint64_t ones = 0x0101010101010101ULL, highs = 0x8080808080808080ULL;
  const std::uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
  const std::uint64_t below = (word - ones * 0x20) & ~word;
  // A borrow can only flag a byte above one that is flagged rightly, so the lowest flag is exact.
  const std::uint64_t special = (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | below) & highs;
  return static_cast<std::size_t>(std::countr_zero(special)) / 8;
}

}  // namespace

bool Scanner::wrong(const char* what) {
  if (what_ == nullptr) {
    what_ = what;
    where_ = at_;
  }
  return false;
}

std::string Scanner::error() const {
  if (what_ == nullptr) return {};
  return std::string(what_) + " at byte " + std::to_string(where_ - begin_);
}

void Scanner::skip_blanks() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
}

bool Scanner::take(char c) {
  skip_blanks();
  if (at_ == end_ || *at_ != c) return false;
  ++at_;
  return true;
}

bool Scanner::skip_string() {
  ++at_;  // the opening quote
  for (;;) {
    while (end_ - at_ >= 8) {
      const std::size_t plain = plain_run(at_);
      at_ += plain;
      if (plain < 8) break;
    }
    if (at_ == end_) return wrong("string without its closing quote");
    const auto c = static_cast<unsigned char>(*at_);
    if (c == '"') {
      ++at_;
      return true;
    }
    if (c < 0x20) return wrong("control character in a string");
    ++at_;
    if (c != '\\') continue;
    if (at_ == end_) return wrong("string without its closing quote");
    switch (*at_++) {
      case '"':
      case '\\':
      case '/':
      case 'b':
      case 'f':
      case 'n':
      case 'r':
      case 't':
        break;
      case 'u':
        for (int digit = 0; digit < 4; ++digit, ++at_)
          if (at_ == end_ || !is_hex(*at_)) return wrong("\\u without four hexadecimal digits");
        break;
      default:
        --at_;
        return wrong("unknown escape in a string");
    }
  }
}

bool Scanner::skip_number() {
  if (*at_ == '-') ++at_;
  if (at_ == end_ || !is_digit(*at_)) return wrong("number without a digit");
  if (*at_ == '0') {
    ++at_;
    if (at_ != end_ && is_digit(*at_)) return wrong("number with a leading zero");
  } else {
    while (at_ != end_ && is_digit(*at_)) ++at_;
  }
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    if (at_ == end_ || !is_digit(*at_)) return wrong("number without a digit after its point");
    while (at_ != end_ && is_digit(*at_)) ++at_;
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (at_ == end_ || !is_digit(*at_)) return wrong("number without a digit in its exponent");
    while (at_ != end_ && is_digit(*at_)) ++at_;
  }
  return true;
}

bool Scanner::skip_word(std::string_view word) {
  if (static_cast<std::size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0)
    return wrong("not a JSON value");
  at_ += word.size();
  return true;
}

bool Scanner::skip_scalar() {
  switch (*at_) {
    case '"':
      return skip_string();
    case 't':
      return skip_word("true");
    case 'f':
      return skip_word("false");
    case 'n':
      return skip_word("null");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
      return skip_number();
    default:
      return wrong("not a JSON value");
  }
}

bool Scanner::skip_value() {
  const std::size_t outer = open_.size();
  for (;;) {
    // A value starts here.
    skip_blanks();
    if (at_ == end_) return wrong("text ends where a value is expected");
    const char c = *at_;
    if (c == '{' || c == '[') {
      if (open_.size() >= depth_limit_) return wrong("nested too deeply");
      ++at_;
      if (!take(c == '{' ? '}' : ']')) {
        open_.push_back(c == '{');
        std::string_view key;
        if (c == '{' && !read_key(key)) return false;
        continue;
      }
    } else if (!skip_scalar()) {
      return false;
    }
    // A value has ended: so may what it stands in.
    for (;;) {
      if (open_.size() == outer) return true;
      const bool in_object = open_.back();
      if (take(',')) {
        std::string_view key;
        if (in_object && !read_key(key)) return false;
        break;
      }
      if (!take(in_object ? '}' : ']')) return wrong(in_object ? "expected , or }" : "expected , or ]");
      open_.pop_back();
    }
  }
}

bool Scanner::read_value(std::string_view& token) {
  skip_blanks();
  const char* start = at_;
  if (!skip_value()) return false;
  token = {start, static_cast<std::size_t>(at_ - start)};
  return true;
}

bool Scanner::read_key(std::string_view& key) {
  skip_blanks();
  if (at_ == end_ || *at_ != '"') return wrong("expected a key");
  const char* start = at_ + 1;
  if (!skip_string()) return false;
  key = {start, static_cast<std::size_t>(at_ - start - 1)};
  return take(':') || wrong("expected : after a key");
}

bool Scanner::finish() {
  skip_blanks();
  return at_ == end_ || wrong("text goes on after the value");
}

}  // namespace tandem::json
