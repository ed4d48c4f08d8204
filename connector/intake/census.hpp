#pragma once
#include <chrono>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace tandem {

/// Which objects have been deleted there, by what complete lists do not hold. A list may lose an object while its pages
/// shift, so only what two complete lists in a row do not hold is gone; and where far too much is missing, the list is
/// at fault. Pure.
class Census {
 public:
  explicit Census(double most_missing) : most_missing_(most_missing) {}

  struct Verdict {
    std::vector<std::string> gone;
    bool look_again = false;  ///< something is missing for the first time
    bool too_many = false;    ///< more than may be believed: nothing is taken for deleted
  };
  /// `missing`: paired objects of this type, known since before the list was begun, that it does not hold. `known`: how
  /// many there are in all.
  [[nodiscard]] Verdict judge(const std::string& request_type, const std::vector<std::string>& missing,
                              std::size_t known);

 private:
  const double most_missing_;
  std::map<std::string, std::set<std::string>> suspects_;  ///< by type
};

}  // namespace tandem
