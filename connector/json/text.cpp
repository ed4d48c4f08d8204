#include "json/text.hpp"

#include <array>
#include <cstdint>
#include <optional>

#include "json/scan.hpp"

namespace tandem::json {
namespace {

constexpr char hex[] = "0123456789abcdef";

bool needs_escape(unsigned char c) {
  return c < 0x20 || c == '"' || c == '\\';
}

void append_escaped(std::string& out, std::string_view text) {
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (!needs_escape(c)) continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
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
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        out += "\\u00";
        out += hex[c >> 4];
        out += hex[c & 15];
    }
  }
  out.append(text, plain);
}

/// Length of the longest valid character at the start of `text`, 0 where there is none.
std::size_t character_length(std::string_view text) {
  for (std::size_t length = 1; length <= 4 && length <= text.size(); ++length)
    if (valid_utf8(text.substr(0, length))) return length;
  return 0;
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto byte = [&out](std::uint32_t value) { out += static_cast<char>(static_cast<unsigned char>(value)); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xC0 | (c >> 6));
    byte(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    byte(0xE0 | (c >> 12));
    byte(0x80 | ((c >> 6) & 0x3F));
    byte(0x80 | (c & 0x3F));
  } else {
    byte(0xF0 | (c >> 18));
    byte(0x80 | ((c >> 12) & 0x3F));
    byte(0x80 | ((c >> 6) & 0x3F));
    byte(0x80 | (c & 0x3F));
  }
}

/// Four hexadecimal digits at the start of `text`.
std::optional<std::uint32_t> code_unit(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const char c = text[i];
    value <<= 4;
    if (c >= '0' && c <= '9')
      value |= static_cast<std::uint32_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      value |= static_cast<std::uint32_t>(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
      value |= static_cast<std::uint32_t>(c - 'A' + 10);
    else
      return std::nullopt;
  }
  return value;
}

tl::unexpected<Error> broken(const char* what) {
  return fail(ErrorKind::protocol, what);
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  if (valid_utf8(text)) {
    append_escaped(out, text);
  } else {
    while (!text.empty()) {
      const std::size_t length = character_length(text);
      if (length == 0)
        out += "\xEF\xBF\xBD";
      else
        append_escaped(out, text.substr(0, length));
      text.remove_prefix(length == 0 ? 1 : length);
    }
  }
  out += '"';
}

std::string quote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_quoted(out, text);
  return out;
}

Result<std::string> unquote(std::string_view token) {
  if (token.size() < 2 || token.front() != '"' || token.back() != '"') return broken("not a JSON string");
  token = token.substr(1, token.size() - 2);
  std::string out;
  out.reserve(token.size());
  for (;;) {
    const std::size_t escape = token.find('\\');
    out.append(token.substr(0, escape));
    if (escape == std::string_view::npos) return out;
    token.remove_prefix(escape + 1);
    if (token.empty()) return broken("JSON string that ends within an escape");
    const char c = token.front();
    token.remove_prefix(1);
    switch (c) {
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case 'r':
        out += '\r';
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case '"':
      case '\\':
      case '/':
        out += c;
        break;
      case 'u': {
        std::optional<std::uint32_t> unit = code_unit(token);
        if (!unit) return broken("\\u without four hexadecimal digits");
        token.remove_prefix(4);
        if (*unit >= 0xD800 && *unit < 0xDC00 && token.substr(0, 2) == "\\u") {
          const std::optional<std::uint32_t> low = code_unit(token.substr(2));
          if (low && *low >= 0xDC00 && *low < 0xE000) {
            unit = 0x10000 + ((*unit - 0xD800) << 10) + (*low - 0xDC00);
            token.remove_prefix(6);
          }
        }
        if (*unit >= 0xD800 && *unit < 0xE000) return broken("unpaired surrogate in a JSON string");
        append_utf8(out, *unit);
        break;
      }
      default:
        return broken("unknown escape in a JSON string");
    }
  }
}

Result<std::string> scalar_text(std::string_view token) {
  switch (kind_of(token)) {
    case Kind::string:
      return unquote(token);
    case Kind::number:
    case Kind::boolean:
      return std::string(token);
    default:
      return broken("not a JSON string, number or boolean");
  }
}

}  // namespace tandem::json
