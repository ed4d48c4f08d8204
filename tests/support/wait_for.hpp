#pragma once
#include <algorithm>
#include <chrono>
#include <thread>

namespace tandem::test_support {

/// Asks `condition` until it holds, more rarely as time goes by (1 to 20 ms). False when `bound` has passed without it.
template <class Condition>
[[nodiscard]] bool wait_for(Condition condition, std::chrono::milliseconds bound = std::chrono::seconds(15)) {
  const auto end = std::chrono::steady_clock::now() + bound;
  auto pause = std::chrono::milliseconds(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace tandem::test_support
