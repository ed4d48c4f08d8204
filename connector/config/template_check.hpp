#pragma once
#include <optional>
#include <string>
#include <string_view>

/// Templates of requests: text with `{placeholder}`s.
namespace tandem {

enum class TemplatePlace {
  path,    ///< path or header: {object_id} {remote_id} {request_type} {record_id} {operation} {key.COLUMN} {body.FIELD}
  wrap,    ///< JSON around one {body}
  record,  ///< JSON of one record in a batch: {body} {object_id} {remote_id} {record_id} {operation}
};

struct TemplateFault {
  std::string message, remedy;
};
[[nodiscard]] std::optional<TemplateFault> check_template(std::string_view text, TemplatePlace place);
[[nodiscard]] bool uses(std::string_view text, std::string_view placeholder);

/// RFC 6901, or `header:NAME` where `header_allowed`.
enum class PointerPlace { answer, answer_or_header };
[[nodiscard]] std::optional<TemplateFault> check_pointer(std::string_view text, PointerPlace place);

}  // namespace tandem
