#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "metrics/metrics.hpp"

namespace tandem {

/// What tandem.minute_stat is fed with: how the process's totals have risen, by target.
class SettledCounts {
 public:
  explicit SettledCounts(const Settings& settings, metrics::Registry& registry = metrics::registry());

  struct Risen {
    std::string target, counts;  ///< counts: {"delivered": 5, "attempts": 6}
  };
  /// Of every target whose totals have risen since the last call.
  [[nodiscard]] std::vector<Risen> take();

 private:
  struct Series {
    std::string name;
    std::vector<const metrics::Total*> totals;
    std::uint64_t told = 0;
  };
  struct OfTarget {
    std::string target;
    std::vector<Series> series;
  };
  std::vector<OfTarget> targets_;
};

}  // namespace tandem
