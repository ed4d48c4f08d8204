#pragma once
#include <functional>
#include <span>
#include <string>

#include "model/identifiers.hpp"

namespace tandem {

/// A hint that the feed should look: capture decoded an insert for `target`, or (counter 0) a message says that people
/// changed something in the tables. It may come before its row is visible, twice, or never.
struct Ring {
  std::string target;  ///< empty = every target
  Counter counter;
};
/// Never blocks: called from the capture thread.
using RingBell = std::function<void(std::span<const Ring>)>;

}  // namespace tandem
