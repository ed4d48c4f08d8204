#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace tandem {

/// The members of `body` whose values differ from those in `agreed` (both JSON objects), exact. Nullopt where they
/// cannot be compared.
[[nodiscard]] std::optional<std::string> body_difference(std::string_view agreed, std::string_view body);

}  // namespace tandem
