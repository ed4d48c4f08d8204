#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"

namespace tandem {

/// Text with its `${NAME}` and `${NAME:-default}` replaced; `$${` stands for a literal `${`.
struct Expanded {
  std::string text;
  bool changed = false;             ///< something was replaced: the text may be a secret
  std::vector<std::string> values;  ///< of the environment, as put in: each may be a secret
  std::vector<std::string> unset;   ///< names without value and default
  std::string malformed;            ///< a `${` that is not closed or names nothing, as written
};
[[nodiscard]] Expanded expand(std::string_view text, const Environment& environment);

}  // namespace tandem
