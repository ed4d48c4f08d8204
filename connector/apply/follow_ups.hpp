#pragma once
#include <span>

#include "apply/inbox_record.hpp"
#include "config/settings.hpp"
#include "postgres/connection.hpp"

namespace tandem {

/// Writes the calls that follow what has been applied of these records, in the open transaction that has settled them.
/// All are of one source.
[[nodiscard]] Status write_follow_ups(postgres::Connection& session, const Settings& settings,
                                      std::span<const InboxRecord> records);

}  // namespace tandem
