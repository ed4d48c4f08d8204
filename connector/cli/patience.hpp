#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "model/error.hpp"

namespace tandem::cli {

/// Another session holds a lock on what we want to change (55P03), or we were the victim of a deadlock (40P01): nothing
/// has happened, and trying again is right.
[[nodiscard]] inline bool busy(const Error& error) {
  return error.sqlstate == "55P03" || error.sqlstate == "40P01";
}

/// Tries `attempt` again while the table is busy: 0.5, 1, 2, 4, 4 … seconds between tries. Locks are taken with a short
/// lock_timeout and given back between tries, so the CRM's queue is never held for longer than that.
template <class Attempt>
auto patiently(Attempt attempt, const std::function<void(const std::string&)>& progress, int tries = 12) {
  std::chrono::milliseconds delay{500};
  for (int n = 1;; ++n) {
    auto result = attempt();
    if (result || !busy(result.error()) || n == tries) return result;
    progress("busy: " + result.error().message + "; trying again");
    std::this_thread::sleep_for(delay);
    delay = std::min(delay * 2, std::chrono::milliseconds(4000));
  }
}

}  // namespace tandem::cli
