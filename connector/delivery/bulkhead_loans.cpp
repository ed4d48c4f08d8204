#include "delivery/bulkhead.hpp"

namespace tandem {

tl::expected<void, LoanRefusal> Bulkhead::lend(const Now& now) {
  using std::chrono::seconds;
  if (stopping_ || quieting_ || late_start_)
    return tl::unexpected(LoanRefusal{503, "tandem is starting or stopping", seconds(5)});
  if (paused_) return tl::unexpected(LoanRefusal{503, "the target is paused", seconds(30)});
  const bool waits = raised_ + reading_ > 0 || announcing_ > 0;
  return lending_.take({calls_, waits}, breaker_, gate_, now.steady, now.wall);
}

void Bulkhead::returned(const LoanAnswer& answer, const Now& now) {
  lending_.give_back();
  if (answer.throttled) {
    gate_.throttled(answer.rest, now.steady);
    stats_.throttled.add();
  } else if (answer.rest) {
    gate_.rest(*answer.rest, now.steady);
  }
}

}  // namespace tandem
