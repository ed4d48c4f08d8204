#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tandem {

/// What became of a request that somebody inside made at a target with our access.
struct LoanAnswer {
  int status = 502;
  std::vector<std::pair<std::string, std::string>> headers{};  ///< what may be passed on of theirs
  std::string body{};
  std::string problem{};                              ///< not empty: the answer is tandem's, not theirs
  std::optional<std::chrono::seconds> retry_after{};  ///< of a problem with 429 or 503
  bool throttled = false;                             ///< the target asked us to slow down
  std::optional<std::chrono::milliseconds> rest{};    ///< and for how long, or a failure of it says so
};

using LoanDone = std::function<void(LoanAnswer)>;

}  // namespace tandem
