#include "config/environment.hpp"

#include <cstdlib>

namespace tandem {
namespace {

bool valid_name(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  for (const char c : name)
    if (!(c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))) return false;
  return true;
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

Expanded expand(std::string_view text, const Environment& environment) {
  Expanded out;
  while (true) {
    const auto start = text.find("${");
    if (start == std::string_view::npos) break;
    if (start > 0 && text[start - 1] == '$') {  // $${ is a literal ${
      out.text.append(text.substr(0, start - 1)).append("${");
      text.remove_prefix(start + 2);
      continue;
    }
    out.text.append(text.substr(0, start));
    const auto end = text.find('}', start);
    auto name = text.substr(start + 2, end == std::string_view::npos ? end : end - start - 2);
    std::optional<std::string_view> fallback;
    if (const auto dash = name.find(":-"); dash != std::string_view::npos) {
      fallback = name.substr(dash + 2);
      name = name.substr(0, dash);
    }
    if (end == std::string_view::npos || !valid_name(name)) {
      out.malformed = std::string(text.substr(start, end == std::string_view::npos ? end : end - start + 1));
      return out;
    }
    const auto value = environment(std::string(name));
    if (value && !(value->empty() && fallback)) {
      out.text += *value;
      out.values.push_back(*value);
    } else if (fallback) {
      out.text += *fallback;
    } else {
      out.unset.emplace_back(name);
    }
    out.changed = true;
    text.remove_prefix(end + 1);
  }
  out.text.append(text);
  return out;
}

}  // namespace tandem
