#pragma once
#include <string>
#include <string_view>

#include "config/yaml_tree.hpp"

namespace tandem {

[[nodiscard]] std::string json_quoted(std::string_view text);

/// Is this one JSON document (RFC 8259)? Used for templates, whose placeholders have been replaced by values.
[[nodiscard]] bool is_json(std::string_view text);

/// How a plain scalar reads: the forms that YAML 1.1 and people disagree about are `ambiguous`.
enum class PlainForm { text, number, boolean, ambiguous };
[[nodiscard]] PlainForm plain_form(std::string_view text);

}  // namespace tandem
