#pragma once
#include <string_view>

namespace tandem {

/// One file of sql/, in the binary.
struct SqlFile {
  std::string_view name, text;  ///< file name without .sql
};

}  // namespace tandem
