#pragma once
#include <chrono>
#include <optional>

#include "model/record.hpp"

namespace tandem {

/// How many requests a source may make: a bucket of `burst`, filled at `per_second`; none of either = no limit. Pure.
class RequestMeter {
 public:
  RequestMeter(double per_second, double burst);

  /// Nothing: the request may come in. Else how long its sender should wait, in whole seconds.
  [[nodiscard]] std::optional<std::chrono::seconds> take(WallTime now);

 private:
  double per_second_, burst_, filled_;
  WallTime last_{};
};

}  // namespace tandem
