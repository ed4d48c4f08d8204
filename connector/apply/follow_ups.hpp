#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "apply/turn.hpp"
#include "config/settings.hpp"
#include "postgres/connection.hpp"

namespace tandem {

/// What a transaction has applied, as follow-up calls name it: what makes a pair is a create, whatever the notice
/// called it.
struct AppliedChanges {
  std::vector<std::int64_t> counters;
  std::vector<std::string> operations;

  /// Of a turn that has been kept.
  void add(const Turn& turn);
};

/// Writes the calls that follow, in the open transaction that has settled their causes. All are of one target.
[[nodiscard]] Status write_follow_ups(postgres::Connection& session, const Settings& settings,
                                      const std::string& target, const AppliedChanges& applied);

}  // namespace tandem
