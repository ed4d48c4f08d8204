#pragma once
#include <string>
#include <string_view>

#include "model/error.hpp"

/// Between characters and JSON string tokens.
namespace tandem::json {

/// Appends `text` as a string token with its quotes. Bytes that are not UTF-8 become U+FFFD: what is written is always
/// valid; where a value must not change, check `valid_utf8` before.
void append_quoted(std::string& out, std::string_view text);
[[nodiscard]] std::string quote(std::string_view text);

/// The characters of a string token. Fails on other tokens and on an unpaired surrogate.
[[nodiscard]] Result<std::string> unquote(std::string_view token);

/// Characters of a string token, or the token itself (numbers, booleans) as it was written: an id, a code, a message.
/// Null, objects and arrays have none.
[[nodiscard]] Result<std::string> scalar_text(std::string_view token);

}  // namespace tandem::json
