#pragma once
#include <chrono>
#include <functional>
#include <optional>

#include "config/settings.hpp"
#include "store/take_over.hpp"

namespace tandem {

/// Longest that an attempt of any target may last: a successor waits for it.
[[nodiscard]] std::chrono::milliseconds longest_request(const Settings& settings);

/// Waits until we may be the connector of our name, takes over, and waits until the predecessor's requests must have
/// ended (invariant 12). A database that is away is waited for. `pause` sleeps for at most the given time and says
/// whether to give up; then, and on errors that waiting does not mend, an error is returned.
[[nodiscard]] Result<store::Tenure> take_turn(const Settings& settings, std::chrono::milliseconds lease,
                                              const std::function<bool(std::chrono::milliseconds)>& pause);

}  // namespace tandem
