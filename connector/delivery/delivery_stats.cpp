#include "delivery/delivery_stats.hpp"

namespace tandem {

DeliveryStats::DeliveryStats(std::string target, metrics::Registry& registry)
    : delivery_latency(registry.histogram(metrics::delivery_latency, {target})),
      in_flight(registry.gauge(metrics::attempts_in_flight, {target})),
      breaker_open(registry.gauge(metrics::breaker_open, {target})),
      paused(registry.gauge(metrics::paused, {target})),
      throttled(registry.total(metrics::throttled, {target})),
      target_(std::move(target)),
      registry_(registry),
      attempt_duration_(registry.histogram(metrics::attempt_duration, {target_})) {}

void DeliveryStats::attempted(ErrorClass error, std::chrono::microseconds duration) {
  metrics::Total*& total = attempts_[static_cast<std::size_t>(error)];
  if (total == nullptr) total = &registry_.total(metrics::attempts, {target_, word(error)});
  total->add();
  attempt_duration_.observe(duration);
}

void DeliveryStats::parked(std::string_view reason) {
  registry_.total(metrics::parked, {target_, reason}).add();
}

}  // namespace tandem
