#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "postgres/connection.hpp"

/// Who is the connector: tandem.connector holds the epoch that fences every write, tandem.connector_alive says that its
/// owner lives.
namespace tandem::store {

/// What the tables say about the connector that ran before us, or still runs.
struct Predecessor {
  Epoch epoch;  ///< 0: there has never been one
  bool clean_stop = true;
  std::optional<std::chrono::milliseconds> alive_ago;  ///< by the database's clock
  std::string host;                                    ///< host_name() of the process
  int pid = 0;
  std::chrono::milliseconds quiet{0};  ///< what was left of its own wait for the one before it
};
[[nodiscard]] Result<Predecessor> predecessor(postgres::Connection& session, const std::string& name);

/// A connector of another name that has not ended cleanly and serves some of our targets.
struct Rival {
  Predecessor last;
  std::string name, shared;  ///< shared: the targets, for people
};
[[nodiscard]] Result<std::vector<Rival>> rivals(postgres::Connection& session, const std::string& name,
                                                const std::vector<std::string>& targets);

/// Pure: may we start? `dead` is known where the predecessor ran on this host and its process is gone: it sends nothing
/// any more, so there is no lease to wait for, only its requests.
struct StartPlan {
  enum class Move { stand_by, take_over } move = Move::take_over;
  std::chrono::milliseconds wait{
      0};  ///< after the take-over, before the first attempt: its requests must have ended (invariant 12)
};
[[nodiscard]] StartPlan plan_start(const Predecessor& before, bool dead, std::chrono::milliseconds lease,
                                   std::chrono::milliseconds longest_request);

struct Tenure {
  Epoch epoch;
  bool unclean = false;  ///< the last end was not a clean stop: pending records may have been attempted
};
/// What a take-over writes down beside the epoch.
struct Claim {
  std::vector<std::string> targets;    ///< nobody else may serve them
  std::vector<Rival> over;             ///< rivals seen dead: they are fenced
  std::chrono::milliseconds quiet{0};  ///< before the first attempt
};
/// Raises the epoch and says that we live: from here on nobody else settles under this name or for these targets. Fails
/// with `fenced` if another was quicker than us.
[[nodiscard]] Result<Tenure> take_over(postgres::Connection& session, const std::string& name, Epoch expected,
                                       const Claim& claim = {});
/// Says that we live; at most once a second. `fenced`: another has taken over.
[[nodiscard]] Status still_alive(postgres::Connection& session, const std::string& name, Epoch epoch);
/// The last word of a clean stop, after everything has been settled.
[[nodiscard]] Status stop_cleanly(postgres::Connection& session, const std::string& name, Epoch epoch);

/// Name of this machine and boot, so that a pid means something; and whether a process of it is gone for certain.
[[nodiscard]] std::string host_name();
[[nodiscard]] bool surely_dead(const Predecessor& before);

}  // namespace tandem::store
