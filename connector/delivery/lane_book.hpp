#pragma once
#include <deque>
#include <map>
#include <optional>
#include <queue>
#include <unordered_map>
#include <vector>

#include "delivery/held.hpp"
#include "delivery/lane_set.hpp"

namespace tandem {

/// The ordered line of one object's records. Exists while memory holds a record of it; of a lane whose records are all
/// parked only the hash is kept (LaneBook::compact).
struct Lane {
  LaneHash hash;
  Held* first = nullptr;  ///< lowest counter
  Held* last = nullptr;
  Lane* next_ready = nullptr;
  std::uint32_t size = 0;
  std::uint32_t unsettled = 0;  ///< writes that Settled has not answered yet
  bool listed = false;          ///< in a ready list
  bool in_hand = false;         ///< somebody has taken it from the list: a body is being read, an attempt made
  bool blocked = false;         ///< has parked rows that memory does not hold
  bool waiting = false;         ///< for its time
  SteadyTime due{};
  /// What has left memory for `parked` since the lane was taken up last: highest counter and number.
  Counter parked_high;
  std::uint32_t parked = 0;
  SteadyTime parked_at{};  ///< when memory learned of the last of them
};

/// Who is next: the records of one target that memory holds, lane by lane.
///
///                 take()                 rearm(), when nothing holds it any more
///     listed ───────────────► in hand ─────────────────────────────────────────► listed
///                                │  wait_until()           │  block()
///                                ▼                         ▼
///                             waiting ── time ──► …     blocked ── unblock() ──► …
///
/// A lane is listed only while it is not in hand, does not wait, is not blocked, and every write about it has been
/// answered (rule 6). Lists are first in, first out: each lane gets one turn a round. One list a slot (route).
class LaneBook {
 public:
  explicit LaneBook(std::size_t slots) : ready_(slots) {}
  LaneBook(const LaneBook&) = delete;
  LaneBook& operator=(const LaneBook&) = delete;

  /// Sorts a record into its lane. Null if memory holds it already. The caller rearms the lane, or parks the record if
  /// it is blocked.
  Held* add(Record&& record, std::uint32_t slot, SteadyTime read_at);
  [[nodiscard]] Held* find(Counter counter);
  /// Null: nothing of it is in memory nor known to be parked.
  [[nodiscard]] Lane* find(LaneHash hash);
  /// Takes a record out of memory and answers with the room that it took. Its lane may be gone after the next `rearm`.
  std::size_t remove(Held& held);

  /// The next lane of a slot, in hand. Null if there is none.
  [[nodiscard]] Lane* take(std::uint32_t slot);
  [[nodiscard]] bool any_ready(std::uint32_t slot) const { return ready_[slot].first != nullptr; }
  /// The caller lets go of a lane.
  void put_back(Lane& lane) {
    lane.in_hand = false;
    rearm(lane);
  }
  /// Lists the lane if nothing holds it; forgets it if nothing is left of it.
  void rearm(Lane& lane);

  void wait_until(Lane& lane, SteadyTime due);
  /// Lists the lanes whose time has come.
  void wake(SteadyTime now);
  [[nodiscard]] std::optional<SteadyTime> wakes() const;

  void block(LaneHash hash);
  void unblock(Lane& lane) { lane.blocked = false; }
  /// Nothing of a blocked lane is in memory any more, all of its parking has committed.
  void rest(Lane& lane, SteadyTime now);
  /// Of lanes that have come to rest before `read_at` only the hash is kept: what the feed has read since then, and all
  /// that it reads from now on, knows of their parked rows.
  void compact(SteadyTime read_at);

  /// Lowest counter in memory.
  [[nodiscard]] std::optional<Counter> lowest() const;
  [[nodiscard]] std::size_t records() const { return held_.size(); }
  [[nodiscard]] std::size_t lanes() const { return lanes_.size(); }
  /// Lanes of which only the hash is kept.
  [[nodiscard]] std::size_t resting() const { return blocked_.size(); }
  /// Deletes of a slot in memory that are not settled.
  [[nodiscard]] std::size_t removes(std::uint32_t slot) const { return ready_[slot].removes; }
  template <class Visit>
  void for_each(Visit&& visit) {
    for (auto& [counter, held] : held_) visit(held);
  }
  /// Drops everything and answers with the room that it took.
  std::size_t clear();

 private:
  struct Ready {
    Lane* first = nullptr;
    Lane* last = nullptr;
    std::size_t removes = 0;
  };
  struct Alarm {
    SteadyTime at;
    LaneHash lane;
    bool operator>(const Alarm& other) const { return at > other.at; }
  };

  // Ordered, so that the floor is its beginning; counters come almost ascending, so a new one goes in at the end
  // without a search.
  std::map<Counter, Held> held_;
  std::unordered_map<LaneHash, Lane> lanes_;
  LaneSet blocked_;  ///< none of them is in lanes_
  struct Rest {
    SteadyTime since;
    LaneHash lane;
  };
  std::deque<Rest> rests_;
  std::vector<Ready> ready_;
  std::priority_queue<Alarm, std::vector<Alarm>, std::greater<>> alarms_;
};

}  // namespace tandem
