#include "config/json_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "config/quantity.hpp"

namespace tandem {
namespace {

/// A recursive-descent check; depth is bounded, nothing is built.
class Syntax {
 public:
  explicit Syntax(std::string_view text) : rest_(text) {}
  bool document() {
    if (!value(0)) return false;
    blanks();
    return rest_.empty();
  }

 private:
  static constexpr int deepest = 64;

  void blanks() {
    while (!rest_.empty() && std::string_view(" \t\r\n").find(rest_.front()) != std::string_view::npos)
      rest_.remove_prefix(1);
  }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool word(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  bool value(int depth) {
    if (depth > deepest) return false;
    blanks();
    if (rest_.empty()) return false;
    switch (rest_.front()) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }
  bool object(int depth) {
    take('{');
    blanks();
    if (take('}')) return true;
    do {
      blanks();
      if (!string()) return false;
      blanks();
      if (!take(':') || !value(depth + 1)) return false;
      blanks();
    } while (take(','));
    return take('}');
  }
  bool array(int depth) {
    take('[');
    blanks();
    if (take(']')) return true;
    do {
      if (!value(depth + 1)) return false;
      blanks();
    } while (take(','));
    return take(']');
  }
  bool string() {
    if (!take('"')) return false;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') continue;
      if (rest_.empty()) return false;
      const char escaped = rest_.front();
      rest_.remove_prefix(1);
      if (escaped == 'u') {
        if (rest_.size() < 4 || !std::ranges::all_of(rest_.substr(0, 4), [](char h) {
              return (h >= '0' && h <= '9') || (h >= 'a' && h <= 'f') || (h >= 'A' && h <= 'F');
            }))
          return false;
        rest_.remove_prefix(4);
      } else if (std::string_view("\"\\/bfnrt").find(escaped) == std::string_view::npos) {
        return false;
      }
    }
    return false;
  }
  bool number() {
    const auto end = std::min(rest_.find_first_not_of("+-.eE0123456789"), rest_.size());
    const auto token = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return plain_form(token) == PlainForm::number;
  }

  std::string_view rest_;
};

bool json_number(std::string_view text) {
  std::size_t i = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t first = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - first;
  };
  const std::size_t whole_at = i;
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[whole_at] == '0')) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

}  // namespace

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          std::array<char, 8> code{};
          std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
          out += code.data();
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

bool is_json(std::string_view text) {
  return Syntax(text).document();
}

PlainForm plain_form(std::string_view text) {
  if (text == "true" || text == "false") return PlainForm::boolean;
  if (json_number(text)) return PlainForm::number;
  std::string lower;
  for (const char c : text) lower += (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
  constexpr std::array words{"yes",   "no",   "on",  "off",  "y",     "n",     "true",
                             "false", "null", "nan", ".nan", "+.inf", "-.inf", ".inf"};
  if (std::ranges::find(words, lower) != words.end()) return PlainForm::ambiguous;
  // 0777, 0x1F, 1_000, +5, 1:30, .5, 5. : numbers to some readers of YAML, text to others
  std::string_view rest = text;
  if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
  if (rest.starts_with("0x") || rest.starts_with("0o") || rest.starts_with("0b")) {
    if (rest.size() > 2 && rest.find_first_not_of("0123456789abcdefABCDEF_", 2) == std::string_view::npos)
      return PlainForm::ambiguous;
  }
  const bool digits_inside = rest.find_first_of("0123456789") != std::string_view::npos;
  if (digits_inside && rest.find_first_not_of("0123456789_:.") == std::string_view::npos &&
      std::ranges::count(rest, '.') <= 1)
    return PlainForm::ambiguous;
  return PlainForm::text;
}

}  // namespace tandem
