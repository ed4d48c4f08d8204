#pragma once
#include <array>
#include <cstdint>

#include "explorer.hpp"

/// A small world around the class Feed: a server with a few transactions and counters, a connector with its lanes,
/// people, crashes. Sets of counters, transactions and objects are bytes, bit i for number i; counters begin at 1.
namespace tandem::model {

using Byte = std::uint8_t;
using Set = std::uint8_t;

constexpr int transactions = 3, counters = 5, objects = 3, targets = 2;

/// Each rule can be taken out; then a run must find what it is there for.
struct Rules {
  bool xid_before_counter = true;      // 1
  bool one_snapshot = true;            // 2: late and new rows
  bool keep_cut_gaps = true;           // 3
  bool safe_by_own_xid = true;         // 4
  bool safe_only_where_probed = true;  // 4
  bool ring_until_passed = true;       // 5
  bool hold_until_settled = true;      // 6
  bool images_hold_row_lock = true;    // 8
  bool latest_yields = true;           // 9
  bool park_before_freeing = true;     // 10
  bool parked_row_stays = true;        // 10
  bool windows_skip_parked = true;     // 10
  bool retry_parks = true;             // 11
  bool retried_is_checked = true;      // 11
  bool parked_known_first = true;      // 13
  bool loss_is_a_start = true;         // 13
  bool older_one_has_ended = true;     // 13, take-over: its requests
  bool fenced = true;                  // take-over: its writes
  bool settle_by_record_id = true;
  bool attach_when_equal = true;  // shared head
  bool detached_reads_its_own_gaps = true;
  bool detached_stays_behind = true;  ///< reads nothing that the shared head still looks for
  bool detached_holds_floor = true;
};

/// What may happen in a run, and how often.
struct Scene {
  std::array<std::array<int, 2>, transactions> writes{
      {{0, -1}, {0, -1}, {1, -1}}};  ///< objects that a transaction writes; -1 = none
  Byte target_of_object[objects] = {0, 0, 0};
  Set latest = 0;        ///< transactions whose records carry no image and take no row lock
  bool foreign = false;  ///< object 2 is of a target that is not ours
  bool park = false, retry = false, fail = false;
  int connector_crashes = 1, server_crashes = 0, take_overs = 0;
  bool fail_over = false;  ///< a server crash may lose what was committed synchronously, too
  int room = 3, rows = 2;
  int reach = 9;  ///< of a detached target's window
};

enum Phase : Byte { idle, open, committing, visible, gone };

struct Database {
  Byte drawn, writer[counters + 1], object[counters + 1];
  Byte phase[transactions], wrote[transactions], xid[transactions], last_xid, last_ended;
  Set redrawn;  ///< counters given away a second time: another record stands there
  Set done, failed, parked, retried;
  Byte floor[targets];
};

struct FeedBytes {  ///< Feed::State
  Byte position, safe, has_candidate, candidate_position, candidate_xid;
  Set gaps, detached;
  Byte own_position[targets];
  Set own_gaps[targets];
};

struct Connector {
  Byte alive, lost_session;
  FeedBytes feed;
  Set queued, busy, answered, rejected, parking, stale, blocked;
  Byte more;
  Set bell, rung;                                     ///< of transactions
  Byte split_turn, previous_xmax, previous_position;  ///< only where rules are taken out
};

struct World {
  Database now, flushed;  ///< flushed: what a crash of the server leaves
  Connector connector;
  Set ghosts;             ///< requests of a connector that was taken over
  Byte older_writes;      ///< and it has not noticed yet
  Byte started[objects];  ///< newest version that an attempt has carried, by lane
  Byte crashes, server_crashes, take_overs, retries;
};

using Search = Explorer<World>;

[[nodiscard]] World beginning();
void steps(const World& world, const Rules& rules, const Scene& scene, const Search::Emit& emit);
[[nodiscard]] const char* check(const World& world, const Rules& rules, const Scene& scene);

}  // namespace tandem::model
