#pragma once
#include <string_view>

#include "config/settings.hpp"

/// By what a route's requests address an object there: by their id, or by ours.
namespace tandem {

[[nodiscard]] bool batched(const RouteSettings& route, std::string_view operation);
[[nodiscard]] bool uses_remote_id(const CallSettings& call);
/// Is an object that is known there addressed by our object_id? Then it cannot follow a changed key.
[[nodiscard]] bool addresses_by_key(const RouteSettings& route);

}  // namespace tandem
