#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "config/problem.hpp"
#include "config/settings.hpp"

namespace tandem {

/// The configuration file, read. The language is docs/configuration.md and docs/config.schema.json.
struct Loaded {
  Settings settings;  ///< complete where `problems` is empty; else whatever could be read, so that further checks can
                      ///< add theirs
  Problems problems;  ///< every problem of the file, by line
  std::map<std::string, int, std::less<>> lines;  ///< key path → line, for checks that come later (the database's)

  [[nodiscard]] bool ok() const { return problems.empty(); }
  /// Line of a key path, or of its nearest parent that stands in the file.
  [[nodiscard]] int line_of(std::string_view key_path) const;
};

/// Where `${NAME}` is looked up; nullopt = not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
[[nodiscard]] Environment process_environment();

/// Reads a file and the secret files that it names. A file that cannot be read is a problem like any other.
[[nodiscard]] Loaded load_settings(const std::string& path, const Environment& environment);
/// The same for text in hand; `file` is for messages and the base of relative paths.
[[nodiscard]] Loaded parse_settings(std::string_view text, const std::string& file, const Environment& environment);

}  // namespace tandem
