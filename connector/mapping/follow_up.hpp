#pragma once
#include <string>

#include "config/settings.hpp"
#include "model/state.hpp"

namespace tandem {

/// What a call carries, as the file gives it: a JSON object.
[[nodiscard]] std::string body_of(const FollowUpSettings& call);
/// The calls that follow a delivery: a JSON array of their bodies. Empty: none do.
[[nodiscard]] std::string calls_after_delivery(const RouteSettings& route, Operation there);

}  // namespace tandem
