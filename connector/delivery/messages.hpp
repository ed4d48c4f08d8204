#pragma once
#include <cstdint>
#include <variant>
#include <vector>

#include "model/record.hpp"
#include "store/found_body.hpp"
#include "store/parked_record.hpp"
#include "store/settlement.hpp"
#include "target/target.hpp"

/// What the threads `feed`, delivery loops and `settle` say to each other. Every message travels in a BoundedQueue, so
/// what one thread sends arrives in order: a loop that reads `Safe` has already taken every record that a window
/// returned before it.
namespace tandem {

// ---- feed → delivery loop
// -------------------------------------------------------------------------------------------------

/// The target's own pending records of one window, by counter.
struct Arrivals {
  TargetIndex target = 0;
  std::vector<Record> records;
  SteadyTime read_at{};  ///< before the window's statement was sent; an unset time means that every body is read again
};
/// A lane's parked rows, all of them, by counter. The lane is unblocked by this. Records that memory holds already
/// (they joined the blocked lane and their parking committed meanwhile) are ignored. Until they are settled or parked
/// again nobody else takes them up.
struct TakeUp {
  TargetIndex target = 0;
  LaneHash lane;
  using Parked = ParkedRecord;
  std::vector<Parked> records;
  SteadyTime read_at{};  ///< before the statement was sent
};
/// The feed has lost its SQL session (docs/protocol.md, rule 13). Drop every record that is not in flight; let attempts
/// in flight end and settle; then answer Quiet. Nothing new is attempted until the next Start.
struct Drop {
  TargetIndex target = 0;
};
/// At a start, before anything else: lanes that have parked rows, and what the last end leaves to assume.
struct Start {
  TargetIndex target = 0;
  std::vector<LaneHash> blocked;
  std::vector<LaneHash> failed;  ///< lanes that have failed records: what is delivered next supersedes them
  bool unclean = false;          ///< the first minute is careful with records up to `last_counter`
  Counter last_counter;
  Counter attempted_through;  ///< pending records up to here may have been attempted, by whoever ran before
  Epoch epoch;
  Reader reader;  ///< goes with every floor
};
/// No counter of this target up to here can still appear. The floor is min(safe, lowest counter held - 1).
struct Safe {
  TargetIndex target = 0;
  Counter safe;
};
/// Answer to BodyRequest, in its order: what became of each record is in `found`.
struct Bodies {
  TargetIndex target = 0;
  using Found = FoundBody::Found;
  using Body = FoundBody;
  std::vector<Body> bodies;
};
/// Asked for by people or found in tables.
struct Pause {
  TargetIndex target = 0;
  RouteIndex route = no_route;  ///< no_route = the whole target
  bool paused = false;
};

// ---- settle → delivery loop
// -----------------------------------------------------------------------------------------------

/// A flush has committed: these lanes may go on. `missing` were settled already, by a person or by a flush whose answer
/// was cut off. `lost`: rows that the server has lost (crash, fail-over) or that somebody deleted. Either way the
/// record leaves memory.
struct Settled {
  TargetIndex target = 0;
  std::vector<Counter> counters, missing, lost;
};

using ToDelivery = std::variant<Start, Arrivals, TakeUp, Drop, Safe, Bodies, Pause, Settled>;

// ---- delivery loop → feed
// -------------------------------------------------------------------------------------------------

/// Rows to read again because a lane is up: retries, parked, latest, stale bodies, routes with identities, refs or sql.
struct BodyRequest {
  TargetIndex target = 0;
  using Wanted = WantedBody;
  std::vector<Wanted> wanted;
};
/// The target has come back, or an hour has passed: records that its faults exhausted (outcome `exhausted`) are sent
/// again, as by retry(), while they are younger than retry.max_age.
struct Recover {
  TargetIndex target = 0;
};
/// Answer to Drop: nothing of this target is held or in flight any more, and all that was in flight has been settled.
struct Quiet {
  TargetIndex target = 0;
};

// ---- capture, loops and settle → feed
// -------------------------------------------------------------------------------------

/// Counters that capture decoded: a hint. Counter 0: people changed something in the tables.
struct Rung {
  std::vector<Counter> counters;
};
/// A target that had no room has some again.
struct RoomFreed {
  TargetIndex target = 0;
};
/// The feed's position at some moment, in the words of one start: after the next one it means nothing.
struct Noted {
  Counter position;
  std::uint64_t start = 0;
};
/// A write drew xid `drawn` after the feed's position had been noted as `noted` (docs/protocol.md, rule 4).
struct XidDrawn {
  Noted noted;
  Xid drawn;
};
/// With a stream windows wait for the doorbell; without one they poll.
struct StreamState {
  bool up = false;
};
using ToFeed = std::variant<BodyRequest, Recover, Quiet, Rung, RoomFreed, XidDrawn, StreamState>;

// ---- delivery loop → settle
// -----------------------------------------------------------------------------------------------

/// A Floor is sent at most once a second and only when it moves.
using ToSettle = std::variant<Settlement, Floor>;

}  // namespace tandem
