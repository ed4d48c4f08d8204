#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace tandem::log {

/// Counts lines that say the same thing, so that a broken target does not fill a disk: the first is written, what
/// follows within `period` is held back and counted, and the last of them is written with the count. Bounded: with too
/// many different lines at once, new ones are simply written.
class Repeats {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds period{10};
  static constexpr std::size_t most_held = 256;

  /// What to do with a line that says `key`: write it (true), or keep it as the newest of its kind.
  [[nodiscard]] bool write_now(const std::string& key, const std::string& line, Clock::time_point now);

  struct Held {
    std::string line;  ///< the newest that was held back
    std::uint64_t count = 0;
  };
  /// What was held back and whose period is over.
  [[nodiscard]] std::vector<Held> due(Clock::time_point now);
  /// Everything that was held back.
  [[nodiscard]] std::vector<Held> all() { return due(Clock::time_point::max()); }

 private:
  struct Kind {
    Clock::time_point until;
    Held held;
  };
  std::unordered_map<std::string, Kind> kinds_;
  Clock::time_point next_due_ = Clock::time_point::max();
};

}  // namespace tandem::log
