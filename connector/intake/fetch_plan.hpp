#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "config/settings.hpp"
#include "model/state.hpp"
#include "target/verdict.hpp"

namespace tandem {

/// What becomes of an object that was to be fetched. Pure.
struct Fetched {
  enum class Move : std::uint8_t {
    apply,    ///< `body` is what they have
    again,    ///< after `delay`; the attempt is spent
    patient,  ///< the other system is away, or refuses us: everything waits, nothing is spent
    give_up,  ///< `outcome`
  } move = Move::give_up;
  std::string_view body = {};  ///< points into the answer
  std::chrono::milliseconds delay{0};
  Outcome outcome = Outcome::rejected;
  ErrorClass error = ErrorClass::none;
  std::string description = {};
};

/// `attempts`: spent before this one; `age`: of the oldest notice of it. What is not found may not be there yet where
/// they answer from a replica, so it is asked for again.
[[nodiscard]] Fetched judge_fetch(const Verdict& verdict, std::string_view answer, const std::string& body_at,
                                  int attempts, std::chrono::milliseconds age, const RetrySettings& retry);

}  // namespace tandem
