#pragma once
#include <string>
#include <vector>

#include "cli/installation.hpp"
#include "config/settings.hpp"
#include "postgres/connection.hpp"

/// The difference between the configuration and what a database has of it: tandem.target, watch, route and the capture
/// triggers.
namespace tandem::cli {

struct Change {
  enum class Action { add, change, remove, generate } action = Action::add;
  std::string kind, name;               ///< target, watch, route, capture; route: target/request_type
  std::vector<std::string> statements;  ///< generate: the DDL
  bool operator==(const Change&) const = default;
};
[[nodiscard]] std::string_view word(Change::Action action);

/// What apply would change. Writes nothing: everything happens in a transaction that is rolled back, without touching a
/// watched table.
[[nodiscard]] Result<std::vector<Change>> plan_changes(postgres::Connection& session, const Settings& settings);

/// Makes them, one transaction for the targets and one per watch; waits for busy tables. What the file no longer names
/// is drained: capture ends; its rows go when nothing of it is pending.
[[nodiscard]] Result<std::vector<Change>> apply_changes(postgres::Connection& session, const Settings& settings,
                                                        const Progress& progress);

/// In which ways the database's targets, watches and routes are not what the file says: `run` refuses then. Reads only;
/// the connector's rights are enough, as below.
[[nodiscard]] Result<std::vector<std::string>> definition_drift(postgres::Connection& session,
                                                                const Settings& settings);
/// In which ways the watched tables are not what capture was made for; the other watches' records flow nevertheless.
[[nodiscard]] Result<std::vector<std::string>> capture_drift(postgres::Connection& session);

}  // namespace tandem::cli
