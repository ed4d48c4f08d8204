#pragma once
#include <optional>
#include <string>
#include <vector>

#include "model/error.hpp"
#include "model/identifiers.hpp"
#include "postgres/connection.hpp"

/// The tables of `poll` mode: tandem.poll_watch and captured.
namespace tandem::store {

struct PollWatch {
  std::string watch;
  bool fresh = false;                       ///< what is there is still being written down
  std::optional<std::int64_t> age_seconds;  ///< of the newest round that has ended
};
[[nodiscard]] Result<std::vector<PollWatch>> read_poll_watches(postgres::Connection& session,
                                                               const std::string& connector);

/// What one step of a watch has done.
struct PollStep {
  bool gone = false;  ///< the watch is not polled any more
  bool fresh = false;
  std::int64_t wait_ms = 0;              ///< until there is more to do
  std::int64_t written = 0;              ///< records
  std::optional<std::int64_t> compared;  ///< a comparison has ended that has written so many
};
/// One step, fenced, in a transaction of its own.
[[nodiscard]] Result<PollStep> poll_step(postgres::Connection& session, const std::string& connector, Epoch epoch,
                                         const std::string& watch);

}  // namespace tandem::store
