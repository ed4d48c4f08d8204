#include "delivery/retry_plan.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tandem {
namespace {

using std::chrono::milliseconds;

// clang-format off
constexpr std::array rules{
    //        error                        fault           counts retried breaker rests  alert  given up
    ErrorRule{ErrorClass::none,            Fault::none,    false, false,  false,  false, false, Outcome::delivered,       "delivered"},
    ErrorRule{ErrorClass::network,         Fault::target,  true,  true,   true,   false, false, Outcome::exhausted,       "the connection failed"},
    ErrorRule{ErrorClass::timeout,         Fault::target,  true,  true,   true,   false, false, Outcome::exhausted,       "no answer in time"},
    ErrorRule{ErrorClass::unavailable,     Fault::target,  true,  true,   true,   false, false, Outcome::exhausted,       "the target is not available"},
    ErrorRule{ErrorClass::throttled,       Fault::target,  false, true,   false,  true,  false, Outcome::exhausted,       "the target asks us to slow down"},
    ErrorRule{ErrorClass::auth,            Fault::target,  false, true,   true,   false, true,  Outcome::exhausted,       "the target refuses our credentials"},
    ErrorRule{ErrorClass::rejected,        Fault::record,  true,  false,  false,  false, true,  Outcome::rejected,        "the target refuses this record"},
    ErrorRule{ErrorClass::not_found,       Fault::record,  true,  false,  false,  false, true,  Outcome::rejected,        "the object is not there"},
    ErrorRule{ErrorClass::conflict,        Fault::record,  true,  false,  false,  false, true,  Outcome::conflict,        "the target has another version"},
    ErrorRule{ErrorClass::lock,            Fault::record,  true,  true,   false,  false, false, Outcome::exhausted,       "the object is locked there"},
    ErrorRule{ErrorClass::mapping,         Fault::record,  false, false,  false,  false, true,  Outcome::rejected,        "the body cannot be mapped"},
    ErrorRule{ErrorClass::dependency,      Fault::record,  false, false,  false,  false, true,  Outcome::expired,         "another object it refers to is missing there"},
    ErrorRule{ErrorClass::too_large,       Fault::record,  false, false,  false,  false, true,  Outcome::rejected,        "the body is too large"},
    ErrorRule{ErrorClass::outcome_unknown, Fault::record,  true,  false,  false,  false, true,  Outcome::outcome_unknown, "whether it took effect cannot be found out"},
    ErrorRule{ErrorClass::internal,        Fault::record,  true,  false,  false,  false, true,  Outcome::internal,        "tandem failed on this record"},
};
// clang-format on

constexpr bool in_order() {
  for (std::size_t i = 0; i < rules.size(); ++i)
    if (static_cast<std::size_t>(rules[i].error) != i) return false;
  return true;
}
static_assert(in_order(), "rule_of looks up by position");

milliseconds doubled(milliseconds first, milliseconds longest, int times) {
  milliseconds delay = first;
  for (int i = 0; i < times && delay < longest; ++i) delay *= 2;
  return std::min(delay, longest);
}

}  // namespace

const ErrorRule& rule_of(ErrorClass error) {
  return rules[static_cast<std::size_t>(error)];
}

milliseconds retry_delay(const RetrySettings& settings, int n, double random) {
  const double longest = std::chrono::duration<double, std::milli>(settings.max_age).count();
  const double plain = static_cast<double>(settings.first.count()) * std::pow(settings.factor, std::max(0, n - 1));
  const double delay = std::min(plain, longest) * (1.0 + settings.jitter * (2.0 * random - 1.0));
  return milliseconds(std::llround(std::max(0.0, delay)));
}

Retry plan_retry(const RetrySettings& settings, const BreakerSettings& breaker, const Failure& failure, double random) {
  const ErrorRule& rule = rule_of(failure.error);
  Retry plan;
  plan.outcome = rule.given_up;
  plan.need_retry = rule.retried;
  if (!rule.retried) {
    plan.counted = rule.counts;
    return plan;
  }
  if (failure.age >= settings.max_age) {
    plan.counted = rule.counts && failure.reached;
    plan.outcome = Outcome::expired;
    return plan;
  }
  if (rule.rests || (failure.target_down && rule.fault == Fault::target)) {
    plan.move = Retry::Move::with_target;
    return plan;
  }
  plan.counted = rule.counts && failure.reached;
  if (!plan.counted) {
    plan.move = Retry::Move::again;
    plan.delay = doubled(breaker.open_first, breaker.open_longest, failure.tries - 1);
    return plan;
  }
  if (failure.attempts + 1 > settings.count) return plan;
  plan.move = Retry::Move::again;
  plan.delay = retry_delay(settings, failure.attempts + 1, random);
  return plan;
}

}  // namespace tandem
