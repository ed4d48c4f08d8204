#pragma once
#include <string>
#include <string_view>

namespace tandem::store {

/// Words that another system gave us, as a text column takes them: valid UTF-8 without NUL, bytes that are neither
/// shown as U+FFFD, cut between characters after 2,000 bytes.
[[nodiscard]] std::string printable(std::string_view words);

}  // namespace tandem::store
