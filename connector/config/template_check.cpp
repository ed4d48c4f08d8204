#include "config/template_check.hpp"

#include <array>
#include <vector>

#include "config/json_text.hpp"
#include "config/suggest.hpp"

namespace tandem {
namespace {

const std::array<std::string, 5> record_words{"object_id", "remote_id", "request_type", "record_id", "operation"};
const std::array<std::string, 6> batch_words{"body",         "object_id", "remote_id",
                                             "request_type", "record_id", "operation"};

std::optional<TemplateFault> check_words(std::string_view text) {
  while (true) {
    const auto open = text.find_first_of("{}");
    if (open == std::string_view::npos) return std::nullopt;
    const auto close = text.find('}', open);
    if (text[open] == '}' || close == std::string_view::npos)
      return TemplateFault{"has a brace without its partner",
                           "write placeholders as {object_id}; percent-encode literal braces"};
    const std::string name(text.substr(open + 1, close - open - 1));
    const bool dotted = (name.starts_with("key.") && name.size() > 4) || (name.starts_with("body.") && name.size() > 5);
    bool known = dotted;
    for (const auto& word : record_words) known = known || word == name;
    if (!known) {
      std::vector<std::string> words(record_words.begin(), record_words.end());
      words.insert(words.end(), {"key.COLUMN", "body.FIELD"});
      return TemplateFault{"unknown placeholder {" + name + "}", suggest(name, words)};
    }
    text.remove_prefix(close + 1);
  }
}

/// The template with its placeholders replaced by a JSON value; counts {body}.
std::string filled(std::string_view text, TemplatePlace place, int& bodies) {
  std::string out;
  while (!text.empty()) {
    bool replaced = false;
    for (const auto& word : batch_words) {
      const std::string placeholder = "{" + word + "}";
      if ((place == TemplatePlace::wrap && word != "body") || !text.starts_with(placeholder)) continue;
      bodies += word == "body" ? 1 : 0;
      out += "null";
      text.remove_prefix(placeholder.size());
      replaced = true;
      break;
    }
    if (replaced) continue;
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace

std::optional<TemplateFault> check_template(std::string_view text, TemplatePlace place) {
  if (place == TemplatePlace::path) return check_words(text);
  int bodies = 0;
  const std::string json = filled(text, place, bodies);
  if (bodies != 1 && place == TemplatePlace::wrap)
    return TemplateFault{"must hold {body} exactly once", R"(write e.g. '{"data": {body}}')"};
  if (!is_json(json))
    return TemplateFault{"is not JSON once its placeholders are filled in",
                         place == TemplatePlace::wrap
                             ? R"(write e.g. '{"data": {body}}', in single quotes)"
                             : R"(write e.g. '{"id": {record_id}, "data": {body}}', in single quotes)"};
  return std::nullopt;
}

bool uses(std::string_view text, std::string_view placeholder) {
  return text.find("{" + std::string(placeholder) + "}") != std::string_view::npos;
}

std::optional<TemplateFault> check_pointer(std::string_view text, PointerPlace place) {
  if (place == PointerPlace::answer_or_header && text.starts_with("header:")) {
    if (text.size() > 7) return std::nullopt;
    return TemplateFault{"names no header", "write header:NAME"};
  }
  const TemplateFault fault{
      "`" + std::string(text) + "` is not a JSON pointer",
      place == PointerPlace::answer ? "write e.g. /data/id" : "write e.g. /data/id or header:NAME"};
  if (text.empty() || text.front() != '/') return fault;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) return fault;
  return std::nullopt;
}

}  // namespace tandem
