#pragma once
#include <array>
#include <chrono>
#include <string>

#include "metrics/names.hpp"
#include "model/state.hpp"

namespace tandem {

/// One target's series, looked up once. Written by its loop, read by /metrics.
class DeliveryStats {
 public:
  explicit DeliveryStats(std::string target, metrics::Registry& registry = metrics::registry());

  void attempted(ErrorClass error, std::chrono::microseconds duration);
  void parked(std::string_view reason);

  metrics::Histogram& delivery_latency;
  metrics::Gauge& in_flight;
  metrics::Gauge& breaker_open;
  metrics::Gauge& paused;
  metrics::Total& throttled;

 private:
  std::string target_;
  metrics::Registry& registry_;
  metrics::Histogram& attempt_duration_;
  std::array<metrics::Total*, 15> attempts_{};
};

}  // namespace tandem
