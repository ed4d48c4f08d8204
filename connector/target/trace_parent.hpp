#pragma once
#include <string_view>

namespace tandem {

/// W3C trace context, version 00 and its successors: hexadecimal groups of fixed length.
[[nodiscard]] inline bool is_traceparent(std::string_view text) {
  if (text.size() != 55) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 2 || i == 35 || i == 52;
    if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

}  // namespace tandem
