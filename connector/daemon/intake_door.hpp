#pragma once
#include "config/settings.hpp"
#include "http/router.hpp"
#include "intake/intake_thread.hpp"

namespace tandem {

/// `POST /v1/intake/{source}`: what it brings is stored first, then answered with 202. `settings` and `intake` must
/// outlive the router.
void add_intake(http::Router& router, const Settings& settings, IntakeThread& intake);

}  // namespace tandem
