#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "config/settings.hpp"
#include "delivery/breaker.hpp"
#include "delivery/rate_gate.hpp"

namespace tandem {

/// Why a caller of the proxy is not lent the target now.
struct LoanRefusal {
  int status = 503;
  std::string words;
  std::chrono::seconds retry_after{1};
};

/// Which requests of callers may use a target's limits as they are now: a share of them, of which at least one call at
/// a time; where that is all there is, only while no record waits for it. What callers do counts against the target's
/// own limits as well, so the target never sees more than those; delivery has the rest of them for itself. Pure.
class Lending {
 public:
  explicit Lending(const TargetSettings& target);

  /// What delivery is at.
  struct Delivery {
    int flying = 0;      ///< calls that are under way
    bool waits = false;  ///< records want to be sent
  };
  /// Takes what it grants.
  [[nodiscard]] tl::expected<void, LoanRefusal> take(Delivery delivery, Breaker& breaker, RateGate& gate,
                                                     SteadyTime now, WallTime wall);
  void give_back() { --out_; }
  /// Requests of callers that are under way.
  [[nodiscard]] int out() const { return out_; }

 private:
  double part_;
  RateGate share_;  ///< of the rate
  int out_ = 0;
};

}  // namespace tandem
