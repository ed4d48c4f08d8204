#pragma once
#include <string>

namespace tandem::cli {

/// Asks at a terminal; without one the answer is no.
[[nodiscard]] bool confirm(const std::string& question);

}  // namespace tandem::cli
