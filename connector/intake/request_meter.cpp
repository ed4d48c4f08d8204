#include "intake/request_meter.hpp"

#include <algorithm>
#include <cmath>

namespace tandem {

RequestMeter::RequestMeter(double per_second, double burst)
    : per_second_(per_second), burst_(std::max(burst > 0 ? burst : per_second, 1.0)), filled_(burst_) {}

std::optional<std::chrono::seconds> RequestMeter::take(WallTime now) {
  if (per_second_ <= 0) return std::nullopt;
  const double passed = std::chrono::duration<double>(now - last_).count();
  if (passed > 0) filled_ = std::min(burst_, filled_ + passed * per_second_);
  last_ = now;  // a clock that was set back fills nothing
  if (filled_ >= 1) {
    filled_ -= 1;
    return std::nullopt;
  }
  return std::chrono::seconds(std::max(1L, std::lround(std::ceil((1 - filled_) / per_second_))));
}

}  // namespace tandem
