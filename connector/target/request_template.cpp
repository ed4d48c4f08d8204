#include "target/request_template.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "json/scan.hpp"
#include "json/text.hpp"

namespace tandem {
namespace {

constexpr std::array<std::string_view, 6> words{"object_id", "remote_id", "request_type",
                                                "record_id", "operation", "body"};

bool known(std::string_view name, TemplateUse use) {
  if (name == "body") return use == TemplateUse::json;
  if (std::find(words.begin(), words.end(), name) != words.end()) return true;
  return (name.starts_with("key.") && name.size() > 4) || (name.starts_with("body.") && name.size() > 5);
}

/// `a.b` as a JSON pointer.
std::string pointer_to(std::string_view path) {
  std::string out = "/";
  for (const char c : path) {
    if (c == '.')
      out += '/';
    else if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

using Token = tl::expected<std::string, std::string>;  ///< JSON text, or what is wrong

Token key_column(const TemplateValues& values, std::string_view column) {
  const auto& key = values.key;
  const auto found = std::find(key.begin(), key.end(), column);
  if (found == key.end()) return tl::unexpected("the key has no column " + std::string(column));
  if (key.size() == 1) return json::quote(values.attempt.object_id);
  const auto parts = json::elements(values.attempt.object_id);
  const auto index = static_cast<std::size_t>(found - key.begin());
  if (!parts || parts->size() != key.size())
    return tl::unexpected(std::string("object_id does not hold the columns of the key"));
  return std::string((*parts)[index]);
}

Token body_field(const TemplateValues& values, std::string_view path) {
  if (values.attempt.body.empty()) return tl::unexpected(std::string("the record has no body"));
  const auto found = json::at(values.attempt.body, pointer_to(path));
  if (!found) return tl::unexpected(found.error().message);
  if (!*found) return tl::unexpected(std::string("the body has no such field"));
  return std::string(**found);
}

/// The JSON value that a placeholder stands for.
Token token_of(const TemplateValues& values, std::string_view name) {
  const Attempt& attempt = values.attempt;
  if (name == "object_id") return json::quote(attempt.object_id);
  if (name == "remote_id") return values.remote_id.empty() ? std::string("null") : json::quote(values.remote_id);
  if (name == "request_type") return json::quote(values.request_type);
  if (name == "record_id") return json::quote(to_string(attempt.record_id));
  if (name == "operation") return json::quote(word(attempt.operation));
  if (name == "body") return attempt.body.empty() ? std::string("null") : attempt.body;
  if (name.starts_with("key.")) return key_column(values, name.substr(4));
  return body_field(values, name.substr(5));
}

/// The characters that a placeholder stands for.
Token text_of(const TemplateValues& values, std::string_view name) {
  const Attempt& attempt = values.attempt;
  if (name == "object_id") return attempt.object_id;
  if (name == "remote_id") return std::string(values.remote_id);
  if (name == "request_type") return std::string(values.request_type);
  if (name == "record_id") return to_string(attempt.record_id);
  if (name == "operation") return std::string(word(attempt.operation));
  Token token = token_of(values, name);
  if (!token) return token;
  auto text = json::scalar_text(*token);
  if (!text) return tl::unexpected(std::string("it is null, a list or an object"));
  return std::move(*text);
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; });
}

}  // namespace

void append_percent_encoded(std::string& out, std::string_view text) {
  constexpr char hex[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += hex[byte >> 4];
      out += hex[byte & 15];
    }
  }
}

Result<RequestTemplate> RequestTemplate::parse(std::string_view text, TemplateUse use) {
  RequestTemplate out;
  out.use_ = use;
  std::string literal;
  bool in_query = false;
  const auto end_literal = [&] {
    if (!literal.empty()) out.parts_.push_back({std::move(literal), false, in_query});
    literal.clear();
  };
  if (use != TemplateUse::json && has_control(text)) return fail(ErrorKind::config, "control character in a template");
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') {
      const std::size_t close = text.find('}', i);
      const std::string_view name =
          close == std::string_view::npos ? std::string_view{} : text.substr(i + 1, close - i - 1);
      if (known(name, use)) {
        end_literal();
        out.parts_.push_back({std::string(name), true, in_query});
        i = close;
        continue;
      }
      if (use != TemplateUse::json)
        return fail(ErrorKind::config, "unknown placeholder {" + std::string(name) + "}",
                    "known: {object_id} {remote_id} {request_type} {record_id} {operation} {key.COLUMN} {body.FIELD}");
    }
    if (text[i] == '?') in_query = true;
    literal += text[i];
  }
  end_literal();
  if (use == TemplateUse::json) {
    if (Status valid = json::validate(out.fill_body("null")); !valid)
      return fail(ErrorKind::config,
                  "template is not JSON once its placeholders are filled in: " + valid.error().message);
  }
  return out;
}

tl::expected<void, std::string> RequestTemplate::fill(const TemplateValues& values, std::string& out) const {
  for (const Part& part : parts_) {
    if (!part.placeholder) {
      out += part.text;
      continue;
    }
    const Token value = use_ == TemplateUse::json ? token_of(values, part.text) : text_of(values, part.text);
    if (!value) return tl::unexpected("{" + part.text + "}: " + value.error());
    switch (use_) {
      case TemplateUse::json:
        out += *value;
        break;
      case TemplateUse::path:
        if (value->empty()) return tl::unexpected("{" + part.text + "} is empty: the path would name another thing");
        if (!part.in_query && (*value == "." || *value == ".."))
          return tl::unexpected("{" + part.text + "} is " + *value + ": the path would name another thing");
        append_percent_encoded(out, *value);
        break;
      case TemplateUse::header:
        if (has_control(*value))
          return tl::unexpected("{" + part.text + "} holds a control character, which no header may");
        out += *value;
        break;
    }
  }
  return {};
}

std::string RequestTemplate::fill_body(std::string_view body) const {
  std::string out;
  out.reserve(body.size() + 64);
  for (const Part& part : parts_) {
    if (!part.placeholder)
      out += part.text;
    else
      out += part.text == "body" ? body : "null";
  }
  return out;
}

bool RequestTemplate::uses(std::string_view placeholder) const {
  return std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) {
    return part.placeholder &&
           (placeholder.ends_with('.') ? part.text.starts_with(placeholder) : part.text == placeholder);
  });
}

}  // namespace tandem
