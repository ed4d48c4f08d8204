#pragma once
#include "cli/installation.hpp"
#include "config/settings.hpp"
#include "postgres/connection.hpp"

/// What `tandem apply` does before and after a watch changes its mode from or to `poll`. Nothing here holds a lock for
/// longer than one bounded step.
namespace tandem::cli {

enum class PollMove {
  none,
  begins,  ///< a new watch: what is there has to be written down once it is declared
  enters,  ///< from triggers or the log: what they have captured has to be written down first
  leaves   ///< what only a comparison finds has to be looked for first
};
[[nodiscard]] Result<PollMove> poll_move(postgres::Connection& session, const WatchSettings& watch);

/// The mode that captures the table until `enters` is done: the database's.
[[nodiscard]] Result<WatchMode> present_mode(postgres::Connection& session, const std::string& watch);

/// In the transaction that makes the functions of an entering watch.
[[nodiscard]] Status begin_poll(postgres::Connection& session, const std::string& watch, const std::string& connector);

/// Until what is there has been written down. `begins`: where transactions stay open that are older, the connector does
/// the rest.
[[nodiscard]] Status write_down(postgres::Connection& session, const std::string& watch, PollMove move,
                                const Progress& progress);
/// One whole comparison.
[[nodiscard]] Status compare_now(postgres::Connection& session, const std::string& watch, const Progress& progress);

}  // namespace tandem::cli
