#include "json/scan.hpp"

#include <simdjson.h>

#include <string>

#include "json/scanner.hpp"
#include "json/text.hpp"

namespace tandem::json {
namespace {

tl::unexpected<Error> invalid(std::string what) {
  return fail(ErrorKind::protocol, "invalid JSON: " + std::move(what));
}

/// One step of a pointer with its ~0 and ~1 undone; false on a broken escape.
bool unescape_step(std::string_view step, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < step.size(); ++i) {
    if (step[i] != '~') {
      out += step[i];
      continue;
    }
    if (++i == step.size() || (step[i] != '0' && step[i] != '1')) return false;
    out += step[i] == '0' ? '~' : '/';
  }
  return true;
}

std::optional<std::string_view> member(std::string_view object, std::string_view name) {
  Scanner scanner(object, max_depth);
  std::optional<std::string_view> found;
  if (!scanner.take('{') || scanner.take('}')) return found;
  do {
    std::string_view key, value;
    if (!scanner.read_key(key) || !scanner.read_value(value)) return std::nullopt;
    if (key_is(key, name)) found = value;
  } while (scanner.take(','));
  return found;
}

std::optional<std::string_view> element(std::string_view array, std::string_view index) {
  if (index.empty() || index.size() > 9 || (index.size() > 1 && index[0] == '0')) return std::nullopt;
  std::size_t wanted = 0;
  for (const char digit : index) {
    if (digit < '0' || digit > '9') return std::nullopt;
    wanted = wanted * 10 + static_cast<std::size_t>(digit - '0');
  }
  Scanner scanner(array, max_depth);
  if (!scanner.take('[') || scanner.take(']')) return std::nullopt;
  do {
    std::string_view value;
    if (!scanner.read_value(value)) return std::nullopt;
    if (wanted-- == 0) return value;
  } while (scanner.take(','));
  return std::nullopt;
}

}  // namespace

bool valid_utf8(std::string_view text) {
  return text.empty() || simdjson::validate_utf8(text.data(), text.size());
}

Status validate(std::string_view text, std::size_t depth_limit) {
  if (!valid_utf8(text)) return invalid("not UTF-8");
  Scanner scanner(text, depth_limit);
  if (!scanner.skip_value() || !scanner.finish()) return invalid(scanner.error());
  return {};
}

Kind kind_of(std::string_view token) {
  switch (token.empty() ? 'n' : token.front()) {
    case '{':
      return Kind::object;
    case '[':
      return Kind::array;
    case '"':
      return Kind::string;
    case 't':
    case 'f':
      return Kind::boolean;
    case 'n':
      return Kind::null;
    default:
      return Kind::number;
  }
}

Status read_members(std::string_view object, std::vector<Member>& out) {
  out.clear();
  if (!valid_utf8(object)) return invalid("not UTF-8");
  Scanner scanner(object, max_depth - 1);
  if (!scanner.take('{')) return invalid("not an object");
  if (!scanner.take('}')) {
    do {
      Member& member = out.emplace_back();
      if (!scanner.read_key(member.key) || !scanner.read_value(member.value)) return invalid(scanner.error());
    } while (scanner.take(','));
    if (!scanner.take('}')) {
      scanner.wrong("expected , or }");
      return invalid(scanner.error());
    }
  }
  if (!scanner.finish()) return invalid(scanner.error());
  return {};
}

Result<std::vector<Member>> members(std::string_view object) {
  std::vector<Member> out;
  out.reserve(16);
  if (Status read = read_members(object, out); !read) return tl::unexpected(read.error());
  return out;
}

Result<std::vector<std::string_view>> elements(std::string_view array) {
  if (!valid_utf8(array)) return invalid("not UTF-8");
  std::vector<std::string_view> out;
  Scanner scanner(array, max_depth - 1);
  if (!scanner.take('[')) return invalid("not an array");
  if (!scanner.take(']')) {
    do {
      if (!scanner.read_value(out.emplace_back())) return invalid(scanner.error());
    } while (scanner.take(','));
    if (!scanner.take(']')) {
      scanner.wrong("expected , or ]");
      return invalid(scanner.error());
    }
  }
  if (!scanner.finish()) return invalid(scanner.error());
  return out;
}

bool key_is(std::string_view key, std::string_view name) {
  if (key.size() < name.size()) return false;  // an escape is longer than what it stands for
  if (key.size() == name.size()) return key == name && key.find('\\') == std::string_view::npos;
  if (key.find('\\') == std::string_view::npos) return false;
  const Result<std::string> plain = unquote('"' + std::string(key) + '"');
  return plain && *plain == name;
}

bool valid_pointer(std::string_view pointer) {
  std::string step;
  return (pointer.empty() || pointer.front() == '/') && unescape_step(pointer, step);
}

Result<std::optional<std::string_view>> at(std::string_view text, std::string_view pointer) {
  if (!valid_pointer(pointer))
    return fail(ErrorKind::usage, "not a JSON pointer: " + std::string(pointer), "a pointer is empty or starts with /");
  if (Status valid = validate(text); !valid) return tl::unexpected(valid.error());
  Scanner scanner(text, max_depth);
  std::optional<std::string_view> value(std::in_place);
  scanner.read_value(*value);
  std::string step;
  while (!pointer.empty() && value) {
    pointer.remove_prefix(1);
    const std::size_t length = std::min(pointer.find('/'), pointer.size());
    unescape_step(pointer.substr(0, length), step);
    pointer.remove_prefix(length);
    switch (kind_of(*value)) {
      case Kind::object:
        value = member(*value, step);
        break;
      case Kind::array:
        value = element(*value, step);
        break;
      default:
        value.reset();
    }
  }
  return value;
}

}  // namespace tandem::json
