#pragma once
#include <string>
#include <vector>

namespace tandem {

/// One thing that is wrong with the configuration, told so that it can be mended without reading anything else.
struct Problem {
  std::string file;
  int line = 0;         ///< 1 is the first; 0 where no line can be named
  std::string key;      ///< path of keys, e.g. watches.opportunity.routes[0].when
  std::string message;  ///< lower case, no full stop, never a secret
  std::string remedy;   ///< what to do
  bool operator==(const Problem&) const = default;
};
using Problems = std::vector<Problem>;

/// "tandem.yaml:12: watches.opportunity.table: …" and the remedy on a second line.
[[nodiscard]] std::string to_string(const Problem& problem);

/// By line, so that a person reads the file once.
void sort_by_line(Problems& problems);

}  // namespace tandem
