#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tandem::bench {

[[nodiscard]] inline std::int64_t monotonic_ns() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

/// When the n-th change arrived first, 0 = not yet. Objects are called first_object, first_object + 1, …
class Arrivals {
 public:
  Arrivals(std::int64_t first_object, std::size_t changes) : first_object_(first_object), at_(changes) {}

  void note(std::string_view object_id, std::int64_t now) {
    std::int64_t object = 0;
    for (const char digit : object_id) {
      if (digit < '0' || digit > '9') return;
      object = object * 10 + (digit - '0');
    }
    const auto index = static_cast<std::size_t>(object - first_object_);
    if (object < first_object_ || index >= at_.size()) return;
    std::int64_t none = 0;
    if (at_[index].compare_exchange_strong(none, now)) ++count_;
  }
  [[nodiscard]] std::int64_t at(std::size_t change) const { return at_[change]; }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  std::int64_t first_object_;
  std::vector<std::atomic<std::int64_t>> at_;
  std::atomic<std::size_t> count_{0};
};

}  // namespace tandem::bench
