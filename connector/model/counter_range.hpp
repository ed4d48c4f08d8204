#pragma once
#include "model/identifiers.hpp"

namespace tandem {

/// Counters from `first` to `last`, both included.
struct CounterRange {
  Counter first, last;
  auto operator<=>(const CounterRange&) const = default;
};

}  // namespace tandem
