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

/// Which requests of callers may use a target's limits: a share of them, of which at least one call at a time. What
/// callers do counts against the target's own limits as well, so the target never sees more than those; delivery has
/// the rest of them for itself. Pure.
class Lending {
 public:
  explicit Lending(const TargetSettings& target);

  /// `flying`: calls of delivery that are under way. Takes what it grants.
  [[nodiscard]] tl::expected<void, LoanRefusal> take(int flying, Breaker& breaker, RateGate& gate, SteadyTime now,
                                                     WallTime wall);
  void give_back() { --out_; }
  /// Requests of callers that are under way.
  [[nodiscard]] int out() const { return out_; }

 private:
  RateGate share_;
  int out_ = 0;
};

}  // namespace tandem
