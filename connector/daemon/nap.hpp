#pragma once
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace tandem {

/// Sleeps until a time, or until the thread is asked to stop.
class Nap {
 public:
  void until(std::chrono::steady_clock::time_point time, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    sleeper_.wait_until(lock, stop, time, [] { return false; });
  }

 private:
  std::mutex mutex_;  // guards nothing: a condition variable needs one
  std::condition_variable_any sleeper_;
};

}  // namespace tandem
