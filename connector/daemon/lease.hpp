#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>

namespace tandem {

/// Whether we may still believe that nobody has taken over: `alive` was written to the database less than the lease
/// ago, on a clock that goes on while the process or the machine sleeps. Written by upkeep, read by every loop before
/// it sends.
class Lease {
 public:
  explicit Lease(std::chrono::milliseconds length) : length_(length) {}

  /// The time to give to `renewed`: read it before the statement that writes `alive` is sent.
  [[nodiscard]] static std::chrono::milliseconds now();
  void renewed(std::chrono::milliseconds asked_at) { renewed_at_.store(asked_at.count(), std::memory_order_relaxed); }
  [[nodiscard]] bool held() const {
    return now().count() - renewed_at_.load(std::memory_order_relaxed) < length_.count();
  }
  [[nodiscard]] std::chrono::milliseconds length() const { return length_; }

 private:
  const std::chrono::milliseconds length_;
  std::atomic<std::int64_t> renewed_at_{0};
};

}  // namespace tandem
