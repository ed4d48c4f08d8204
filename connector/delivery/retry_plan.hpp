#pragma once
#include <chrono>
#include <optional>
#include <string_view>

#include "config/settings.hpp"
#include "model/state.hpp"

/// What a failed attempt does to its record and to its target: one table and the arithmetic of delays.
namespace tandem {

/// Whom a class of error is held against.
enum class Fault : std::uint8_t {
  none,
  record,  ///< this record, body or object
  target,  ///< the other system as a whole: its record may succeed later, unchanged
};

struct ErrorRule {
  ErrorClass error;
  Fault fault;
  bool counts;   ///< the attempt is spent. (An attempt that never reached the target is never spent.)
  bool retried;  ///< trying again may help
  bool breaker;  ///< tells that the target is down
  bool rests;    ///< the whole target is left alone for a while
  bool alert;    ///< somebody must look at once
  Outcome given_up;
  std::string_view sentence;
};
[[nodiscard]] const ErrorRule& rule_of(ErrorClass error);

/// What the plan must know about one failed attempt.
struct Failure {
  ErrorClass error = ErrorClass::none;
  bool reached = true;       ///< bytes may have reached the target
  bool target_down = false;  ///< the breaker is open: the failure is the target's and its record waits with the others
  int attempts = 0;          ///< that counted, before this one
  int tries = 0;             ///< consecutive ones that did not count, this one included
  std::chrono::milliseconds age{0};
};

struct Retry {
  enum class Move : std::uint8_t {
    again,        ///< after `delay`
    with_target,  ///< when the target is back; nothing is spent
    give_up,      ///< `outcome`
  } move = Move::give_up;
  bool counted = false;
  std::chrono::milliseconds delay{0};
  Outcome outcome = Outcome::rejected;
  bool need_retry = false;  ///< given up, but a retry may help
};
/// `random` is in [0, 1).
[[nodiscard]] Retry plan_retry(const RetrySettings& settings, const BreakerSettings& breaker, const Failure& failure,
                               double random);

/// Delay before retry number `n` (1 is the first), with jitter.
[[nodiscard]] std::chrono::milliseconds retry_delay(const RetrySettings& settings, int n, double random);

}  // namespace tandem
