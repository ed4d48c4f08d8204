#pragma once
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "model/error.hpp"

/// JSON (RFC 8259) as text: values are found, checked and copied as the bytes they were written in. Nothing here turns
/// a number into a double, and nothing recurses, so depth costs no stack. Every view points into the text that was
/// passed.
namespace tandem::json {

/// Deeper documents are refused. PostgreSQL's own limit (max_stack_depth) lies below.
constexpr std::size_t max_depth = 16'384;

/// Whether `text` is exactly one JSON value in valid UTF-8, with blanks around it at most.
[[nodiscard]] Status validate(std::string_view text, std::size_t depth_limit = max_depth);

[[nodiscard]] bool valid_utf8(std::string_view text);

enum class Kind { object, array, string, number, boolean, null };
/// By the first character. Of a token that was validated.
[[nodiscard]] Kind kind_of(std::string_view token);

struct Member {
  std::string_view key;    ///< between its quotes, escapes as written
  std::string_view value;  ///< raw token
};
/// Members of an object, in order, duplicates included. The whole text is validated on the way.
/// `out` is cleared first; its memory is kept for the next call.
[[nodiscard]] Status read_members(std::string_view object, std::vector<Member>& out);
[[nodiscard]] Result<std::vector<Member>> members(std::string_view object);
/// Elements of an array, as raw tokens. The whole text is validated on the way.
[[nodiscard]] Result<std::vector<std::string_view>> elements(std::string_view array);

/// Whether a key as written (Member::key) names `name`.
[[nodiscard]] bool key_is(std::string_view key, std::string_view name);

/// The value at an RFC 6901 pointer: raw token, nullopt where there is none, an error where text or pointer is
/// malformed. `""` is the whole value. Of duplicate keys the last counts, as in jsonb.
[[nodiscard]] Result<std::optional<std::string_view>> at(std::string_view text, std::string_view pointer);
/// Whether `pointer` is `""` or starts with `/` and holds no broken escape.
[[nodiscard]] bool valid_pointer(std::string_view pointer);

/// Equality of values, exact: strings by characters whatever their escapes, numbers by value (1.50 = 1.5e0, whatever
/// their size), objects by members whatever their order. Malformed text equals nothing.
[[nodiscard]] bool equal(std::string_view a, std::string_view b);

}  // namespace tandem::json
