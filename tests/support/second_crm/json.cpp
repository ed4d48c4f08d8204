#include "support/second_crm/json.hpp"

#include <algorithm>
#include <array>

namespace second_crm {
namespace {

constexpr int deepest = 200;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&out](std::uint32_t value) { out.push_back(static_cast<char>(value)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0 | (code >> 6));
    byte(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    byte(0xE0 | (code >> 12));
    byte(0x80 | ((code >> 6) & 0x3F));
    byte(0x80 | (code & 0x3F));
  } else {
    byte(0xF0 | (code >> 18));
    byte(0x80 | ((code >> 12) & 0x3F));
    byte(0x80 | ((code >> 6) & 0x3F));
    byte(0x80 | (code & 0x3F));
  }
}

/// Length of the valid UTF-8 sequence at the front of `text`, 0 if there is none (overlong, surrogate, beyond U+10FFFF,
/// cut).
std::size_t utf8_length(std::string_view text) {
  const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](std::size_t i) { return i < text.size() && (at(i) & 0xC0) == 0x80; };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!follows(1) || !follows(2)) return 0;
    if ((lead == 0xE0 && at(1) < 0xA0) || (lead == 0xED && at(1) > 0x9F)) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if ((lead == 0xF0 && at(1) < 0x90) || (lead == 0xF4 && at(1) > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::variant<Json, JsonProblem> document() {
    Json value;
    skip_space();
    if (!read_value(value, 0)) return problem_;
    skip_space();
    if (at_ != text_.size()) {
      fail("text after the value");
      return problem_;
    }
    return value;
  }

 private:
  bool fail(std::string_view words) {
    if (problem_.words.empty()) problem_ = {at_, std::string(words)};
    return false;
  }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return fail("unknown word");
    at_ += expected.size();
    return true;
  }

  bool read_value(Json& out, int level) {
    if (level > deepest) return fail("too deeply nested");
    switch (peek()) {
      case '{':
        return read_object(out, level);
      case '[':
        return read_array(out, level);
      case '"':
        out.kind = Json::Kind::string;
        return read_string(out.text);
      case 't':
        out.kind = Json::Kind::boolean;
        out.truth = true;
        return word("true");
      case 'f':
        out.kind = Json::Kind::boolean;
        return word("false");
      case 'n':
        return word("null");
      default:
        out.kind = Json::Kind::number;
        return read_number(out.text);
    }
  }

  bool digits() {
    if (!is_digit(peek())) return fail("a digit is missing");
    while (is_digit(peek())) ++at_;
    return true;
  }

  bool read_number(std::string& out) {
    const auto begin = at_;
    if (peek() == '-') ++at_;
    if (peek() == '0') {
      ++at_;
    } else if (!digits()) {
      return false;
    }
    if (peek() == '.') {
      ++at_;
      if (!digits()) return false;
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!digits()) return false;
    }
    out.assign(text_.substr(begin, at_ - begin));
    return true;
  }

  bool read_hex(std::uint32_t& out) {
    if (at_ + 4 > text_.size()) return fail("a cut escape");
    out = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[at_++];
      std::uint32_t digit = 0;
      if (is_digit(c)) {
        digit = static_cast<std::uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<std::uint32_t>(c - 'a' + 10);
      } else if (c >= 'A' && c <= 'F') {
        digit = static_cast<std::uint32_t>(c - 'A' + 10);
      } else {
        return fail("a bad escape");
      }
      out = out * 16 + digit;
    }
    return true;
  }

  bool read_escape(std::string& out) {
    const char c = peek();
    ++at_;
    switch (c) {
      case '"':
      case '\\':
      case '/':
        out.push_back(c);
        return true;
      case 'b':
        out.push_back('\b');
        return true;
      case 'f':
        out.push_back('\f');
        return true;
      case 'n':
        out.push_back('\n');
        return true;
      case 'r':
        out.push_back('\r');
        return true;
      case 't':
        out.push_back('\t');
        return true;
      case 'u':
        break;
      default:
        return fail("a bad escape");
    }
    std::uint32_t code = 0;
    if (!read_hex(code)) return false;
    if (code >= 0xDC00 && code <= 0xDFFF) return fail("a lone surrogate");
    if (code >= 0xD800 && code <= 0xDBFF) {
      if (text_.substr(at_, 2) != "\\u") return fail("a lone surrogate");
      at_ += 2;
      std::uint32_t low = 0;
      if (!read_hex(low)) return false;
      if (low < 0xDC00 || low > 0xDFFF) return fail("a lone surrogate");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(out, code);
    return true;
  }

  bool read_string(std::string& out) {
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c == '\\') {
        ++at_;
        if (at_ >= text_.size() || !read_escape(out)) return fail("a bad escape");
        continue;
      }
      if (static_cast<unsigned char>(c) < 0x20) return fail("a control character in a string");
      const auto length = utf8_length(text_.substr(at_));
      if (length == 0) return fail("invalid UTF-8");
      out.append(text_.substr(at_, length));
      at_ += length;
    }
    return fail("a string without its end");
  }

  bool read_array(Json& out, int level) {
    out.kind = Json::Kind::array;
    ++at_;
    skip_space();
    if (peek() == ']') {
      ++at_;
      return true;
    }
    for (;;) {
      skip_space();
      if (!read_value(out.items.emplace_back(), level + 1)) return false;
      skip_space();
      if (peek() == ']') break;
      if (peek() != ',') return fail("a comma or ] is missing");
      ++at_;
    }
    ++at_;
    return true;
  }

  bool read_object(Json& out, int level) {
    out.kind = Json::Kind::object;
    ++at_;
    skip_space();
    if (peek() == '}') {
      ++at_;
      return true;
    }
    for (;;) {
      skip_space();
      if (peek() != '"') return fail("a name is missing");
      std::string name;
      if (!read_string(name)) return false;
      if (out.find(name) != nullptr) return fail("a name comes twice");
      skip_space();
      if (peek() != ':') return fail("a colon is missing");
      ++at_;
      skip_space();
      if (!read_value(out.members.emplace_back(std::move(name), Json{}).second, level + 1)) return false;
      skip_space();
      if (peek() == '}') break;
      if (peek() != ',') return fail("a comma or } is missing");
      ++at_;
    }
    ++at_;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  JsonProblem problem_;
};

void append(std::string& out, const Json& value) {
  switch (value.kind) {
    case Json::Kind::null:
      out += "null";
      return;
    case Json::Kind::boolean:
      out += value.truth ? "true" : "false";
      return;
    case Json::Kind::number:
      out += value.text;
      return;
    case Json::Kind::string:
      append_json_string(out, value.text);
      return;
    case Json::Kind::array: {
      out.push_back('[');
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        if (i != 0) out.push_back(',');
        append(out, value.items[i]);
      }
      out.push_back(']');
      return;
    }
    case Json::Kind::object: {
      out.push_back('{');
      for (std::size_t i = 0; i < value.members.size(); ++i) {
        if (i != 0) out.push_back(',');
        append_json_string(out, value.members[i].first);
        out.push_back(':');
        append(out, value.members[i].second);
      }
      out.push_back('}');
      return;
    }
  }
}

}  // namespace

Json Json::string(std::string_view text) {
  Json out;
  out.kind = Kind::string;
  out.text = text;
  return out;
}
Json Json::number(std::uint64_t value) {
  Json out;
  out.kind = Kind::number;
  out.text = std::to_string(value);
  return out;
}
Json Json::boolean(bool value) {
  Json out;
  out.kind = Kind::boolean;
  out.truth = value;
  return out;
}
Json Json::object(std::vector<std::pair<std::string, Json>> members) {
  Json out;
  out.kind = Kind::object;
  out.members = std::move(members);
  return out;
}
Json Json::array(std::vector<Json> items) {
  Json out;
  out.kind = Kind::array;
  out.items = std::move(items);
  return out;
}

const Json* Json::find(std::string_view name) const {
  const auto found = std::ranges::find(members, name, &std::pair<std::string, Json>::first);
  return found == members.end() ? nullptr : &found->second;
}

std::variant<Json, JsonProblem> parse_json(std::string_view text) {
  return Reader(text).document();
}

std::string print(const Json& value) {
  std::string out;
  append(out, value);
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::array<char, 16> hex{'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      out += "\\u00";
      out.push_back(hex[byte >> 4]);
      out.push_back(hex[byte & 0xF]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

}  // namespace second_crm
