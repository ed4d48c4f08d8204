#pragma once
#include <span>
#include <string>
#include <string_view>

namespace tandem {

/// The word of `known` that `written` was probably meant to be, or empty.
[[nodiscard]] std::string nearest(std::string_view written, std::span<const std::string> known);

/// "did you mean `table`? known here: key, mode, routes, table"
[[nodiscard]] std::string suggest(std::string_view written, std::span<const std::string> known);

}  // namespace tandem
