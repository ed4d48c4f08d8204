#pragma once
#include <initializer_list>
#include <string>
#include <string_view>

namespace tandem {

/// 128 bits of SHA-256 over all parts, in hex: the same in every process and for ever, so that what has come before is
/// recognised. Parts are told apart.
[[nodiscard]] std::string digest(std::initializer_list<std::string_view> parts);

}  // namespace tandem
