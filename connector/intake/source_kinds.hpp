#pragma once
#include <memory>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "intake/source_reader.hpp"

namespace tandem {

/// The reader of a source that tandem reads by itself; null where the source comes to us. `settings` and `source` must
/// outlive it.
[[nodiscard]] std::unique_ptr<SourceReader> make_reader(const Settings& settings, const SourceSettings& source);

/// What `plan` says of a source before anything runs.
struct SourceProblem {
  int line = 0;
  std::string message, hint;
};
[[nodiscard]] std::vector<SourceProblem> check_source(const SourceSettings& source);

}  // namespace tandem
