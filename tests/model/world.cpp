#include "world.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "delivery/feed.hpp"

namespace tandem::model {
namespace {

Set one(int number) {
  return static_cast<Set>(1U << static_cast<unsigned>(number));
}
Set through(int number) {
  return static_cast<Set>((2U << static_cast<unsigned>(number)) - 1U);
}
bool has(Set set, int number) {
  return (set & one(number)) != 0;
}
int count(Set set) {
  return std::popcount(set);
}
int lowest(Set set) {
  return std::countr_zero(set);
}
Set without(Set set, Set other) {
  return static_cast<Set>(set & ~other);
}
Set both(Set a, Set b) {
  return static_cast<Set>(a & b);
}
Set either(Set a, Set b) {
  return static_cast<Set>(a | b);
}
void add(Set& set, Set other) {
  set = either(set, other);
}
void remove(Set& set, Set other) {
  set = without(set, other);
}

std::string text(Set set) {
  std::string out;
  for (int number = 0; number < 8; ++number)
    if (has(set, number)) out += (out.empty() ? "" : ",") + std::to_string(number);
  return "{" + out + "}";
}
std::string named(int record) {
  return "record " + std::to_string(record);
}
std::string lane_name(int object) {
  return "lane " + std::string(1, static_cast<char>('A' + object));
}

// ---- Feed::State as bytes and back

std::vector<CounterRange> ranges(Set set) {
  std::vector<CounterRange> out;
  for (int number = 1; number <= counters; ++number) {
    if (!has(set, number)) continue;
    if (!out.empty() && out.back().last.value == number - 1) {
      out.back().last = Counter{number};
    } else {
      out.push_back({Counter{number}, Counter{number}});
    }
  }
  return out;
}
Set set_of(const std::vector<CounterRange>& ranges_) {
  Set set = 0;
  for (const auto& range : ranges_)
    for (auto number = range.first.value; number <= range.last.value; ++number) add(set, one(static_cast<int>(number)));
  return set;
}
Feed unpacked(const FeedBytes& bytes) {
  Feed::State state;
  state.shared = {Counter{bytes.position}, ranges(bytes.gaps)};
  state.safe = Counter{bytes.safe};
  if (bytes.has_candidate != 0)
    state.candidate = Feed::Candidate{Counter{bytes.candidate_position}, Xid{bytes.candidate_xid}};
  for (int target = 0; target < targets; ++target)
    state.detached.push_back(has(bytes.detached, target) ? std::optional(Feed::Head{Counter{bytes.own_position[target]},
                                                                                    ranges(bytes.own_gaps[target])})
                                                         : std::nullopt);
  return Feed(std::move(state));
}
FeedBytes packed(const Feed& feed) {
  FeedBytes bytes;
  std::memset(&bytes, 0, sizeof bytes);
  const auto& state = feed.state();
  bytes.position = static_cast<Byte>(state.shared.position.value);
  bytes.gaps = set_of(state.shared.gaps);
  bytes.safe = static_cast<Byte>(state.safe.value);
  if (state.candidate) {
    bytes.has_candidate = 1;
    bytes.candidate_position = static_cast<Byte>(state.candidate->position.value);
    bytes.candidate_xid = static_cast<Byte>(state.candidate->drawn.value);
  }
  for (int target = 0; target < targets; ++target) {
    const auto& head = state.detached[static_cast<std::size_t>(target)];
    if (!head) continue;
    add(bytes.detached, one(target));
    bytes.own_position[target] = static_cast<Byte>(head->position.value);
    bytes.own_gaps[target] = set_of(head->gaps);
  }
  return bytes;
}

// ---- the world's facts

// Transactions draw even xids; our own, which end at once, are the odd ones between.
Byte xmax(const Database& db) {
  return static_cast<Byte>(db.last_ended + 1);
}
Byte xmin(const Database& db) {
  Byte least = xmax(db);
  for (int t = 0; t < transactions; ++t)
    if (db.xid[t] != 0 && (db.phase[t] == open || db.phase[t] == committing)) least = std::min(least, db.xid[t]);
  return least;
}
bool ended(const Database& db, int t) {
  return db.phase[t] == visible || db.phase[t] == gone;
}
bool is_visible(const Database& db, int record) {
  return db.phase[db.writer[record]] == visible;
}
Set settled(const Database& db) {
  return either(db.done, db.failed);
}
Set visible_records(const Database& db) {
  Set set = 0;
  for (int record = 1; record <= db.drawn; ++record)
    if (is_visible(db, record)) add(set, one(record));
  return set;
}
Set lane(const Database& db, int object) {
  Set set = 0;
  for (int record = 1; record <= db.drawn; ++record)
    if (db.object[record] == object) add(set, one(record));
  return set;
}
bool foreign(const Scene& scene, int object) {
  return scene.foreign && object == 2;
}
Set of_target(const Database& db, const Scene& scene, int target) {
  Set set = 0;
  for (int record = 1; record <= db.drawn; ++record)
    if (!foreign(scene, db.object[record]) && scene.target_of_object[db.object[record]] == target)
      add(set, one(record));
  return set;
}
Set in_memory(const Connector& c) {
  return either(either(c.queued, c.busy), either(c.answered, c.rejected));
}
Set answers(const Connector& c) {
  return either(c.answered, c.rejected);
}
int targets_used(const Scene& scene) {
  return *std::max_element(scene.target_of_object, scene.target_of_object + objects) + 1;
}
int room(const World& w, const Scene& scene, int target) {
  return scene.room - count(both(in_memory(w.connector), of_target(w.now, scene, target)));
}

/// Whatever is written synchronously makes everything before it durable, unless another server takes over.
void synchronously(World& w, const Scene& scene) {
  if (scene.server_crashes > 0 && !scene.fail_over) w.flushed = w.now;
}
void forget(Connector& c) {
  std::memset(&c, 0, sizeof c);
}

void begin_reading(World& w, const Rules& rules) {
  auto& c = w.connector;
  const std::array<Counter, targets> floors{Counter{w.now.floor[0]}, Counter{w.now.floor[1]}};
  c.feed = packed(Feed(std::span(floors)));
  c.alive = 1;
  c.lost_session = 0;
  c.more = 1;
  c.previous_position = c.feed.position;
  if (rules.parked_known_first)
    for (int record = 1; record <= w.now.drawn; ++record)
      if (has(w.now.parked, record)) add(c.blocked, one(w.now.object[record]));
}

// ---- writers

bool row_is_locked(const Database& db, const Scene& scene, int t, int object) {
  for (int other = 0; other < transactions; ++other) {
    if (other == t || has(scene.latest, other) || (db.phase[other] != open && db.phase[other] != committing)) continue;
    for (int k = 0; k < db.wrote[other]; ++k)
      if (scene.writes[static_cast<std::size_t>(other)][static_cast<std::size_t>(k)] == object) return true;
  }
  return false;
}

void draw_xid(Database& db, int t) {
  db.last_xid = static_cast<Byte>(db.last_xid + 2);
  db.xid[t] = db.last_xid;
}

void writer_steps(const World& w, const Rules& rules, const Scene& scene, const Search::Emit& emit) {
  for (int t = 0; t < transactions; ++t) {
    const auto& db = w.now;
    const auto name = "T" + std::to_string(t + 1);
    const auto& writes = scene.writes[static_cast<std::size_t>(t)];
    const bool lacks_xid = db.phase[t] == open && db.xid[t] == 0;
    if (lacks_xid) {
      World n = w;
      draw_xid(n.now, t);
      emit(name + " gets its xid", n, nullptr);
    }
    const bool may_write = db.phase[t] == idle || (db.phase[t] == open && db.wrote[t] < 2);
    const int object = may_write ? writes[db.wrote[t]] : -1;
    const bool locked =
        rules.images_hold_row_lock && !has(scene.latest, t) && object >= 0 && row_is_locked(db, scene, t, object);
    if (!lacks_xid && object >= 0 && !locked && db.drawn < counters) {
      World n = w;
      auto& next = n.now;
      next.phase[t] = open;
      if (rules.xid_before_counter && next.xid[t] == 0) draw_xid(next, t);
      ++next.drawn;
      next.writer[next.drawn] = static_cast<Byte>(t);
      next.object[next.drawn] = static_cast<Byte>(object);
      ++next.wrote[t];
      emit(name + " draws counter " + std::to_string(next.drawn) + " for " + lane_name(object) +
               (next.xid[t] == 0 ? ", without an xid yet" : ""),
           n, nullptr);
    }
    if (db.phase[t] == open && db.xid[t] != 0) {
      World commits = w, rolls_back = w;
      commits.now.phase[t] = committing;
      emit(name + " commits, not yet visible", commits, nullptr);
      rolls_back.now.phase[t] = gone;
      rolls_back.now.last_ended = std::max(db.last_ended, db.xid[t]);
      emit(name + " rolls back", rolls_back, nullptr);
    }
    if (db.phase[t] == committing) {
      World n = w;
      n.now.phase[t] = visible;
      n.now.last_ended = std::max(db.last_ended, db.xid[t]);
      emit(name + " becomes visible", n, nullptr);
    }
    const bool decoded = db.phase[t] == committing || db.phase[t] == visible;
    if (w.connector.alive != 0 && decoded && !has(w.connector.rung, t)) {
      World n = w;
      add(n.connector.rung, one(t));
      add(n.connector.bell, one(t));
      emit("the doorbell rings for " + name, n, nullptr);
    }
  }
}

// ---- people, crashes, take-over

/// The server comes back with what was flushed: open transactions are gone, counters and xids may be given away again.
void crash_server(World& w, const Rules& rules) {
  const auto lost = without(visible_records(w.now), visible_records(w.flushed));
  auto& c = w.connector;
  const auto again = w.now.drawn;
  w.now = w.flushed;
  for (int t = 0; t < transactions; ++t) {
    if (w.now.phase[t] != open && w.now.phase[t] != committing) continue;
    w.now.phase[t] = gone;
    w.now.last_ended = std::max(w.now.last_ended, w.now.xid[t]);
  }
  // The sequence stands at least at the last counter that is durable; transactions that had not begun, or were lost
  // whole, may run now.
  int highest = 0;
  for (int record = 1; record <= w.now.drawn; ++record)
    if (is_visible(w.now, record)) highest = record;
  highest = std::max({highest, static_cast<int>(w.now.floor[0]), static_cast<int>(w.now.floor[1])});
  w.now.drawn = static_cast<Byte>(highest);
  for (int record = highest + 1; record <= again; ++record) {
    add(w.now.redrawn, one(record));
    w.now.writer[record] = w.now.object[record] = 0;
  }
  add(c.stale, both(in_memory(c), either(lost, without(through(counters), through(highest)))));
  for (int object = 0; object < objects; ++object) {
    const auto survivors = both(lane(w.now, object), visible_records(w.now));
    const int newest = survivors == 0 ? 0 : 7 - std::countl_zero(survivors);
    w.started[object] = static_cast<Byte>(std::min<int>(w.started[object], newest));
  }
  w.flushed = w.now;
  c.rung = c.bell = 0;
  if (rules.loss_is_a_start) c.lost_session = c.alive;
}

void disturbances(const World& w, const Rules& rules, const Scene& scene, const Search::Emit& emit) {
  if (scene.retry && w.retries == 0) {
    for (int record = 1; record <= w.now.drawn; ++record) {
      if (!has(w.now.failed, record)) continue;
      World n = w;
      ++n.retries;
      remove(n.now.failed, one(record));
      add(n.now.retried, one(record));
      if (rules.retry_parks) add(n.now.parked, one(record));
      emit("a person retries " + named(record), n, nullptr);
    }
  }
  if (w.connector.alive == 0) {
    if (w.ghosts != 0 && rules.older_one_has_ended) return;
    World n = w;
    forget(n.connector);
    begin_reading(n, rules);
    emit("a connector starts at floor " + std::to_string(n.now.floor[0]) + "/" + std::to_string(n.now.floor[1]), n,
         nullptr);
  } else if (w.crashes < scene.connector_crashes) {
    World n = w;
    forget(n.connector);
    ++n.crashes;
    emit("the connector crashes", n, nullptr);
  }
  if (w.server_crashes < scene.server_crashes) {
    if (std::memcmp(&w.now, &w.flushed, sizeof(Database)) != 0) {
      World n = w;
      n.flushed = n.now;
      emit(scene.fail_over ? "the standby catches up" : "the WAL is flushed", n, nullptr);
    }
    World n = w;
    ++n.server_crashes;
    crash_server(n, rules);
    emit(scene.fail_over ? "the standby takes over" : "the server crashes", n, nullptr);
  }
  if (w.take_overs < scene.take_overs && w.connector.alive != 0) {
    World n = w;
    ++n.take_overs;
    n.ghosts = n.connector.busy;
    n.older_writes = answers(n.connector);
    forget(n.connector);
    emit("the connector freezes and is taken over", n, nullptr);
  }
  if (w.older_writes != 0) {
    World n = w;
    n.older_writes = 0;
    if (!rules.fenced) {  // it goes on as if it were alone, and parks or settles over what its successor has done
      remove(n.now.parked, w.older_writes);
      add(n.now.done, without(w.older_writes, settled(w.now)));
      n.ghosts = both(without(through(counters), one(0)), without(visible_records(w.now), settled(n.now)));
    }
    emit("the older connector wakes and writes", n, nullptr);
  }
  for (int record = 1; record <= counters; ++record) {
    if (!has(w.ghosts, record)) continue;
    World n = w;
    remove(n.ghosts, one(record));
    const int object = w.now.object[record];
    const char* wrong =
        record < w.started[object] ? "ORDER: a request of the older connector arrives behind a newer image" : nullptr;
    emit("the older connector's request for " + named(record) + " arrives", n, wrong);
  }
}

// ---- windows

struct Half {  // a window in two snapshots, where rule 2 is taken out
  bool late = true, fresh = true;
};

void window_step(const World& w, const Rules& rules, const Scene& scene, std::optional<int> detached, Half half,
                 const Search::Emit& emit) {
  const auto& db = w.now;
  Feed feed = unpacked(w.connector.feed);
  Set wanted = 0;  // of targets
  int rows = scene.rows;
  for (int target = 0; target < targets_used(scene); ++target) {
    const bool mine = detached ? *detached == target : feed.attached(static_cast<TargetIndex>(target));
    if (!mine) continue;
    add(wanted, one(target));
    rows = std::min(rows, room(w, scene, target));
  }
  if (rows <= 0) return;

  auto asked = detached ? feed.detached_window(static_cast<TargetIndex>(*detached), static_cast<std::size_t>(rows),
                                               static_cast<std::size_t>(scene.reach))
                        : feed.shared_window(static_cast<std::size_t>(rows));
  if (detached && !rules.detached_stays_behind)
    asked.after = feed.state().detached[static_cast<std::size_t>(*detached)]->position;
  const auto gaps = set_of(asked.gaps);
  World n = w;
  std::vector<Counter> seen;
  Set taken = 0;
  const char* wrong = nullptr;
  for (int record = 1; record <= db.drawn && std::cmp_less(seen.size(), rows); ++record) {
    const bool late = has(gaps, record) && half.late;
    const bool fresh = record > asked.after.value && (!asked.through || record <= asked.through->value) && half.fresh;
    if (!(late || fresh) || !is_visible(db, record)) continue;
    const int object = db.object[record];
    const bool own = !foreign(scene, object) && has(wanted, scene.target_of_object[object]);
    if (detached && !own) continue;
    seen.push_back(Counter{record});
    if (!own || has(settled(db), record) || (has(db.parked, record) && rules.windows_skip_parked)) continue;
    if (has(without(in_memory(w.connector), w.connector.stale), record))
      wrong = "TWICE: a record enters memory that is there already";
    add(taken, one(record));
  }
  add(n.connector.queued, taken);

  auto& c = n.connector;
  const bool cut = std::cmp_greater_equal(seen.size(), rows);
  if (!detached && !rules.safe_by_own_xid) {  // compares two snapshots instead
    auto bytes = packed(feed);
    bytes.has_candidate = c.previous_xmax != 0;
    bytes.candidate_position = c.previous_position;
    bytes.candidate_xid = static_cast<Byte>(std::max(c.previous_xmax - 1, 0));
    feed = unpacked(bytes);
  }
  auto told = asked;
  if (!rules.safe_only_where_probed && !detached) told.rows = seen.size() + 1;
  const auto proven = half.fresh ? xmin(db) : Byte{0};
  feed.answered(told, seen, Xid{proven});
  auto bytes = packed(feed);
  if (!rules.keep_cut_gaps && cut) {
    remove(bytes.gaps, visible_records(db));
    for (auto& own_gaps : bytes.own_gaps) remove(own_gaps, visible_records(db));
  }
  if (detached && !rules.detached_reads_its_own_gaps)
    bytes.own_gaps[*detached] = both(w.connector.feed.gaps, through(bytes.own_position[*detached]));
  if (!detached && !rules.safe_by_own_xid) {
    bytes.has_candidate = bytes.candidate_position = bytes.candidate_xid = 0;
    c.previous_xmax = xmax(db);
    c.previous_position = bytes.position;
  }
  c.feed = bytes;
  if (!detached && half.fresh) {
    c.more = cut ? 1 : 0;
    Set finished = 0;
    for (int t = 0; t < transactions; ++t)
      if (ended(db, t)) add(finished, one(t));
    c.bell = rules.ring_until_passed ? without(c.bell, finished) : Set{0};
  }
  if (!rules.one_snapshot && !detached) c.split_turn = half.late ? 1 : 0;
  if (detached && wrong == nullptr && std::memcmp(&n, &w, sizeof n) == 0) return;
  emit("window" + std::string(detached ? " of target " + std::to_string(*detached) : "") +
           (rules.one_snapshot ? ""
            : half.late        ? " (late rows)"
                               : " (new rows)") +
           ": takes " + text(taken) + ", position " +
           std::to_string(detached ? bytes.own_position[*detached] : bytes.position) + ", gaps " +
           text(detached ? bytes.own_gaps[*detached] : bytes.gaps) + ", safe " + std::to_string(bytes.safe) +
           (cut ? ", cut" : ""),
       n, wrong);
}

void feed_steps(const World& w, const Rules& rules, const Scene& scene, const Search::Emit& emit) {
  const Feed feed = unpacked(w.connector.feed);
  if (!rules.one_snapshot) {
    window_step(w, rules, scene, std::nullopt, w.connector.split_turn == 0 ? Half{true, false} : Half{false, true},
                emit);
  } else {
    window_step(w, rules, scene, std::nullopt, {}, emit);
  }
  for (int target = 0; target < targets_used(scene) && targets_used(scene) > 1; ++target) {
    const auto index = static_cast<TargetIndex>(target);
    const auto name = "target " + std::to_string(target);
    if (feed.attached(index)) {
      if (room(w, scene, target) >= scene.rows) continue;
      World n = w;
      Feed next = feed;
      next.detach(index);
      n.connector.feed = packed(next);
      emit(name + " detaches", n, nullptr);
      continue;
    }
    window_step(w, rules, scene, target, {}, emit);
    World n = w;
    Feed next = feed;
    bool joined = next.attach(index);
    auto bytes = packed(next);
    if (!rules.attach_when_equal && bytes.own_position[target] == bytes.position) {
      joined = true;
      remove(bytes.detached, one(target));
      bytes.own_position[target] = bytes.own_gaps[target] = 0;
    }
    if (!joined) continue;
    n.connector.feed = bytes;
    emit(name + " attaches", n, nullptr);
  }
  if (rules.safe_by_own_xid && feed.wants_xid()) {
    World n = w;
    Feed next = feed;
    const Byte drawn = static_cast<Byte>(w.now.last_xid + 1);
    next.drawn(feed.position(), Xid{drawn});
    n.now.last_ended = std::max(w.now.last_ended, drawn);
    n.connector.feed = packed(next);
    emit("an own xid is drawn behind position " + std::to_string(feed.position().value), n, nullptr);
  }
}

// ---- lanes and settling

void attempt_step(const World& w, const Rules& rules, const Scene& scene, int object, const Search::Emit& emit) {
  const auto& db = w.now;
  const auto mine = lane(db, object);
  const int record = lowest(both(w.connector.queued, mine));
  const auto visible_mine = both(mine, visible_records(db));
  World n = w;
  remove(n.connector.queued, one(record));
  if (has(settled(db), record)) return emit(named(record) + " has been settled meanwhile and is dropped", n, nullptr);
  const auto newer = without(visible_mine, through(record));
  if (rules.retried_is_checked && has(db.retried, record) && newer != 0) {
    add(n.connector.answered, one(record));
    return emit(named(record) + " is retried and overtaken: superseded", n, nullptr);
  }
  const char* wrong = !is_visible(db, record) ? "EARLY: an attempt of a record that nobody can see" : nullptr;
  int version = record;
  if (has(scene.latest, db.writer[record])) {
    version = 0;
    bool image_pending = false;
    for (int other = 1; other <= db.drawn; ++other) {
      if (!has(visible_mine, other) || has(scene.latest, db.writer[other])) continue;
      version = other;
      image_pending = image_pending || (other != record && !has(settled(db), other));
    }
    if (rules.latest_yields && image_pending) {
      add(n.connector.answered, one(record));
      return emit(named(record) + " (latest) sees a pending image: superseded", n, nullptr);
    }
  }
  if (wrong == nullptr && version < w.started[object]) wrong = "ORDER: an older image starts after a newer one";
  add(n.connector.busy, one(record));
  n.started[object] = static_cast<Byte>(std::max<int>(version, w.started[object]));
  emit("an attempt of " + named(record) + " starts with version " + std::to_string(version), n, wrong);
}

void lane_steps(const World& w, const Rules& rules, const Scene& scene, const Search::Emit& emit) {
  const auto& c = w.connector;
  for (int object = 0; object < objects; ++object) {
    if (foreign(scene, object)) continue;
    const auto mine = lane(w.now, object);
    const auto queued = both(c.queued, mine), busy = both(c.busy, mine), held = both(answers(c), mine),
               parking = both(c.parking, mine);
    const bool free = busy == 0 && (held == 0 || !rules.hold_until_settled);
    if (queued != 0 && free && !has(c.blocked, object)) attempt_step(w, rules, scene, object, emit);
    if (busy != 0) {
      World n = w;
      remove(n.connector.busy, busy);
      add(n.connector.answered, busy);
      emit("the answer for " + text(busy) + ": delivered", n, nullptr);
      if (scene.fail) {
        World bad = w;
        remove(bad.connector.busy, busy);
        add(bad.connector.rejected, busy);
        emit("the answer for " + text(busy) + ": rejected", bad, nullptr);
      }
      if (scene.park) {
        World again = w;
        remove(again.connector.busy, busy);
        add(again.connector.queued, busy);
        emit("the answer for " + text(busy) + ": to be tried again", again, nullptr);
      }
    }
    if (scene.park && queued != 0 && busy == 0 && held == 0) {
      World n = w;
      remove(n.connector.queued, queued);
      add(n.connector.blocked, one(object));
      if (rules.park_before_freeing) {
        add(n.now.parked, queued);
        synchronously(n, scene);
      } else {
        add(n.connector.parking, queued);
      }
      emit(lane_name(object) + " parks " + text(queued), n, nullptr);
    }
    if (parking != 0) {
      World n = w;
      add(n.now.parked, parking);
      remove(n.connector.parking, parking);
      emit("the parking of " + text(parking) + " commits", n, nullptr);
    }
    const auto waiting = without(both(w.now.parked, mine), in_memory(c));
    if (waiting != 0 && busy == 0 && parking == 0 && (scene.retry || has(c.blocked, object))) {
      World n = w;
      add(n.connector.queued, waiting);
      remove(n.connector.blocked, one(object));
      if (!rules.parked_row_stays) remove(n.now.parked, waiting);
      emit(lane_name(object) + " takes up " + text(waiting), n, nullptr);
    } else if (has(c.blocked, object) && waiting == 0 && parking == 0) {
      World n = w;
      remove(n.connector.blocked, one(object));
      emit(lane_name(object) + " is unblocked", n, nullptr);
    }
  }
}

void settle(World& w, const Rules& rules, const Scene& scene, Set records) {
  auto& c = w.connector;
  const auto hits = rules.settle_by_record_id ? without(records, c.stale) : records;
  add(w.now.done, both(hits, c.answered));
  add(w.now.failed, both(hits, c.rejected));
  remove(w.now.parked, hits);
  remove(w.now.retried, hits);
  remove(c.answered, records);
  remove(c.rejected, records);
  remove(c.stale, records);
  synchronously(w, scene);
}

void settle_steps(const World& w, const Rules& rules, const Scene& scene, const Search::Emit& emit) {
  const auto all = answers(w.connector);
  if (all != 0) {
    World n = w;
    settle(n, rules, scene, all);
    emit("the settling of " + text(all) + " commits", n, nullptr);
  }
  for (int record = 1; record <= counters && count(all) > 1; ++record) {
    if (!has(all, record)) continue;
    World n = w;
    settle(n, rules, scene, one(record));
    emit("the settling of " + text(one(record)) + " commits", n, nullptr);
  }
  if (w.connector.lost_session != 0) return;
  const Feed feed = unpacked(w.connector.feed);
  for (int target = 0; target < targets_used(scene); ++target) {
    const auto safe = rules.detached_holds_floor ? feed.safe(static_cast<TargetIndex>(target)) : feed.state().safe;
    int floor = static_cast<int>(safe.value);
    const auto held = both(without(in_memory(w.connector), w.now.parked), of_target(w.now, scene, target));
    if (held != 0) floor = std::min(floor, lowest(held) - 1);
    if (floor <= w.now.floor[target]) continue;
    World n = w;
    n.now.floor[target] = static_cast<Byte>(floor);
    synchronously(n, scene);
    emit("floor " + std::to_string(floor) + " of target " + std::to_string(target) + " is written", n, nullptr);
  }
}

/// Rule 13: what is in flight ends and settles; then everything else is forgotten and reading starts at the floors.
void loss_steps(const World& w, const Rules& rules, const Scene& scene, const Search::Emit& emit) {
  const auto& c = w.connector;
  if (c.busy != 0) {
    World n = w;
    add(n.connector.answered, c.busy);
    n.connector.busy = 0;
    emit("the answers for " + text(c.busy) + " come after the loss", n, nullptr);
    return;
  }
  if (answers(c) != 0) {
    World n = w;
    settle(n, rules, scene, answers(c));
    emit("the settling of " + text(answers(c)) + " commits after the loss", n, nullptr);
    return;
  }
  World n = w;
  forget(n.connector);
  begin_reading(n, rules);
  emit("reading starts anew at floor " + std::to_string(n.now.floor[0]) + "/" + std::to_string(n.now.floor[1]), n,
       nullptr);
}

}  // namespace

World beginning() {
  World world;
  std::memset(&world, 0, sizeof world);
  world.now.last_xid = world.now.last_ended = 4;
  world.flushed = world.now;
  return world;
}

void steps(const World& w, const Rules& rules, const Scene& scene, const Search::Emit& emit) {
  writer_steps(w, rules, scene, emit);
  disturbances(w, rules, scene, emit);
  if (w.connector.alive == 0) return;
  if (w.connector.lost_session != 0) return loss_steps(w, rules, scene, emit);
  feed_steps(w, rules, scene, emit);
  lane_steps(w, rules, scene, emit);
  settle_steps(w, rules, scene, emit);
}

const char* check(const World& w, const Rules& rules, const Scene& scene) {
  const auto& c = w.connector;
  const auto held = without(either(in_memory(c), c.parking), c.stale);
  for (int record = 1; record <= w.now.drawn; ++record) {
    const int object = w.now.object[record];
    if (foreign(scene, object) || w.now.phase[w.now.writer[record]] == gone) continue;
    if (has(either(settled(w.now), w.now.parked), record)) continue;
    const int target = scene.target_of_object[object];
    if (record <= w.now.floor[target])
      return "LOST: an unsettled record, or one still open, lies at or below the floor";
    if (c.alive == 0 || c.lost_session != 0 || has(held, record)) continue;
    const bool detached = has(c.feed.detached, target);
    const int position = detached ? c.feed.own_position[target] : c.feed.position;
    const auto gaps = detached ? c.feed.own_gaps[target] : c.feed.gaps;
    if (record <= position && !has(gaps, record)) return "MISSED: behind the position and in no gap";
    if (rules.one_snapshot && !detached && is_visible(w.now, record) && has(c.rung, w.now.writer[record]) &&
        c.bell == 0 && c.more == 0)
      return "SLEEPS: visible and rung for, but no window is due";
  }
  // Sent for nobody: a record is done that no attempt has carried (its counter was settled for another).
  for (int record = 1; record <= w.now.drawn; ++record)
    if (has(w.now.redrawn, record) && has(w.now.done, record) && w.started[w.now.object[record]] < record &&
        !has(scene.latest, w.now.writer[record]))
      return "LOST: a record was settled by a late answer for another under its counter";
  return nullptr;
}

}  // namespace tandem::model
