#pragma once
#include <string>

#include "config/settings.hpp"
#include "postgres/connection.hpp"

namespace tandem::store {

/// A session of the feed, settle or upkeep thread: plans are made once and by index, commits are durable, and a
/// row-level policy is an error instead of missing rows. `purpose` ends application_name.
[[nodiscard]] Result<postgres::Connection> open_session(const Settings& settings, const std::string& purpose);

/// A session under the settings that the database and the role give it: the CRM's triggers run in it.
[[nodiscard]] Result<postgres::Connection> open_crm_session(const Settings& settings, const std::string& purpose);

}  // namespace tandem::store
