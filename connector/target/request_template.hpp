#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.hpp"
#include "target/target.hpp"

/// Text with placeholders: {object_id} {remote_id} {request_type} {record_id} {operation} {key.COLUMN} {body.FIELD}
/// {body}.
namespace tandem {

/// Where the text goes decides how a value is written into it.
enum class TemplateUse : std::uint8_t {
  path,    ///< a value is one percent-encoded segment; empty, `.` and `..` are refused
  header,  ///< a value is written as it is; control characters are refused
  json,    ///< a value is a JSON value, {body} the body itself; braces that open no placeholder are JSON's own
};

/// What placeholders stand for, of one record.
struct TemplateValues {
  const Attempt& attempt;
  std::string_view remote_id;  ///< the attempt's, or what a lookup has found
  std::string_view request_type;
  const std::vector<std::string>& key;  ///< columns of object_id, in order; empty = not named
};

class RequestTemplate {
 public:
  RequestTemplate() = default;
  /// Fails on an unknown placeholder, and in JSON on text that is none once it is filled.
  [[nodiscard]] static Result<RequestTemplate> parse(std::string_view text, TemplateUse use);

  /// Appends the filled text; on failure the words say which value cannot be written.
  [[nodiscard]] tl::expected<void, std::string> fill(const TemplateValues& values, std::string& out) const;
  /// Of a JSON template: with `body` for {body}, which may be a list, and no other values.
  [[nodiscard]] std::string fill_body(std::string_view body) const;

  [[nodiscard]] bool uses(std::string_view placeholder) const;  ///< `remote_id`; `key.` = any column

 private:
  struct Part {
    std::string text;  ///< literal, or the placeholder's name
    bool placeholder = false;
    bool in_query = false;  ///< path: behind the question mark
  };
  TemplateUse use_ = TemplateUse::path;
  std::vector<Part> parts_;
};

/// RFC 3986: everything but letters, digits and -._~ is encoded.
void append_percent_encoded(std::string& out, std::string_view text);

}  // namespace tandem
