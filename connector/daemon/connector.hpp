#pragma once
#include "config/settings.hpp"
#include "model/error.hpp"

namespace tandem {

/// The connector as a whole, until SIGTERM or SIGINT: takes over, starts every thread, stops them in an order that
/// settles what has been attempted. A second signal ends the process at once. Returns an error where it could not
/// start, was fenced or a thread died. `settings` must have been checked against the database.
[[nodiscard]] Status run_connector(const Settings& settings);

}  // namespace tandem
