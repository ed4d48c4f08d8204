#include "delivery/lending.hpp"

#include <algorithm>
#include <cmath>

namespace tandem {
namespace {

using std::chrono::seconds;

double share_of(const TargetSettings& target) {
  return target.lends ? target.lends->share : 0;
}

RateSettings part_of(RateSettings rate, double share) {
  const double burst = rate.burst > 0 ? rate.burst : rate.per_second;
  rate.per_second *= share;
  rate.burst = burst * share;
  if (rate.per_day > 0)
    rate.per_day = std::max<std::int64_t>(1, std::llround(static_cast<double>(rate.per_day) * share));
  rate.reserve = 0;
  return rate;
}

tl::unexpected<LoanRefusal> refused(int status, std::string words, std::optional<SteadyTime> until, SteadyTime now) {
  const auto wait = until ? std::chrono::ceil<seconds>(*until - now) : seconds(1);
  return tl::unexpected(LoanRefusal{status, std::move(words), std::clamp(wait, seconds(1), seconds(3600))});
}

}  // namespace

Lending::Lending(const TargetSettings& target)
    : part_(share_of(target)), share_(part_of(target.rate, part_), target.concurrency, target.retry_after_cap) {}

tl::expected<void, LoanRefusal> Lending::take(Delivery delivery, Breaker& breaker, RateGate& gate, SteadyTime now,
                                              WallTime wall) {
  if (breaker.state(now) != Breaker::State::closed) return refused(503, "the target is down", breaker.wakes(), now);
  const int most = std::max(1, static_cast<int>(gate.limit() * part_));
  if (out_ >= most || !share_.open(out_, now, wall))
    return refused(429, "callers have used their share of the target's limits", share_.wakes(now, wall), now);
  if (!gate.open(delivery.flying + out_, now, wall) || (gate.limit() == 1 && delivery.waits))
    return refused(429, "the target's limits are used up", gate.wakes(now, wall), now);
  share_.take(now, wall);
  gate.take(now, wall);
  ++out_;
  return {};
}

}  // namespace tandem
