#include "apply/applier.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>

#include "apply/apply_transaction.hpp"
#include "apply/crm_writes.hpp"
#include "apply/facts.hpp"
#include "apply/follow_ups.hpp"
#include "apply/images.hpp"
#include "store/queries.hpp"

namespace tandem {
namespace {

using postgres::Connection;
using postgres::Statement;
using Then = Step::Then;
namespace queries = store::queries;

constexpr int most_at_once = 5;  // tries of a deadlock or a serialization failure
constexpr std::chrono::milliseconds longest_transaction{100}, slow_transaction{200}, longest_round{1'000};
constexpr std::size_t rows_at_once = 50;      // of those that the CRM's triggers see, between two looks at the clock
constexpr std::size_t shared_as_one = 5;      // so many that share a statement take no longer than one of these
constexpr std::size_t most_statements = 500;  // prepared ones, of one table

/// Of those whose object is known: what becomes of them, the lane's facts at hand.
void decide(std::span<Turn> turns) {
  for (Turn& turn : turns) {
    if (!turn.undecided()) continue;
    const Meeting meeting{*turn.route->settings,
                          *turn.record,
                          turn.lane,
                          turn.pair.known,
                          turn.row.empty() ? nullptr : &turn.row,
                          &turn.theirs,
                          &turn.agreed,
                          &turn.table->key(),
                          turn.theirs_newer};
    turn.step = turn.deletes() ? remove(meeting) : write_over(meeting);
    if (!turn.deletes() && !turn.pair.known) revive(*turn.route->settings->apply, turn.row, turn.theirs, turn.step);
  }
}

/// What a person has settled meanwhile is left out.
void meet_all(Round& round) {
  std::erase_if(round.turns, [](const Turn& turn) { return !turn.pending; });
  for (Turn& turn : round.turns)
    if (turn.undecided()) turn.step = meet(*turn.route->settings, *turn.record, turn.pair);
}

void place_all(std::span<Turn> turns) {
  for (Turn& turn : turns)
    if (turn.undecided()) turn.step = place(*turn.route->settings, *turn.record, !turn.object_id.empty());
}

bool may_be_done_beside(const Turn& turn) {
  return is_plain(turn) && turn.partners <= 1 && (turn.table == nullptr || turn.table->in_sets());
}

/// How many of the turns are written before the next look at the clock.
std::size_t chunk_of(std::span<const Turn> turns) {
  std::size_t count = 0;
  for (std::size_t weight = 0; count < turns.size() && weight < rows_at_once * shared_as_one; ++count)
    weight += turns[count].table != nullptr && turns[count].table->in_sets() ? 1 : shared_as_one;
  return count;
}

}  // namespace

Applier::Applier(const Settings& settings, store::Fence fence) : settings_(settings), fence_(std::move(fence)) {
  for (const auto& route : settings.routes)
    if (route.apply) routes_.push_back({&route, Mapping(route)});
}

Status Applier::prepare(Connection& session) {
  tables_.clear();
  return learn_tables(session);
}

Status Applier::learn_tables(Connection& session) {
  auto rows = session.run(queries::apply_tables);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  for (int row = 0; row < rows->size(); ++row) {
    const std::string watch(rows->text(row, 0));
    const auto columns = rows->texts(row, 3), names = rows->texts(row, 4);
    std::map<std::string, std::string, std::less<>> types;
    for (std::size_t at = 0; at < columns.size(); ++at) types.emplace(columns[at], names[at]);
    const auto table = tables_.try_emplace(watch, watch, std::string(rows->text(row, 1)), rows->texts(row, 2)).first;
    table->second.learn(std::move(types), {rows->flag(row, 5), rows->flag(row, 6)});
  }
  return {};
}

bool Applier::wants_new_session() const {
  return std::ranges::any_of(tables_, [](const auto& table) { return table.second.statements() > most_statements; });
}

Status Applier::apply(Connection& session, std::span<const InboxRecord> records, LaneLine& line,
                      const std::stop_token& stop) {
  while (!records.empty() && !stop.stop_requested()) {
    if (records.size() == 1) return apply_alone(session, records.front(), line);
    LaneLine told = line;
    const auto done = attempt(session, records, told);
    if (done) {
      line = std::move(told);
      records = records.subspan(*done);
      continue;
    }
    if (done.error().kind == ErrorKind::fenced || !session.usable()) return tl::unexpected(done.error());
    const auto half = records.size() / 2;
    if (auto first = apply(session, records.first(half), line, stop); !first) return first;
    records = records.subspan(half);
  }
  return {};
}

Status Applier::apply_alone(Connection& session, const InboxRecord& record, LaneLine& line) {
  Error error;
  for (int tried = 0; tried < most_at_once; ++tried) {
    auto done = attempt(session, std::span(&record, 1), line);
    if (done) return {};
    error = std::move(done.error());
    if (!is_collision(error)) break;
  }
  if (error.kind == ErrorKind::fenced || !session.usable()) return tl::unexpected(std::move(error));
  Turn turn;
  turn.record = &record;
  const auto route = route_of(record);
  turn.step = after_error(settings_.target(record.source->target)->retry,
                          route == routes_.end() ? nullptr : route->settings, record, error);
  auto ended = session.run(std::span<const Statement>(ends_of(fence_, std::span(&turn, 1))));
  if (!ended) return tl::unexpected(std::move(ended.error()));
  if (ended->back().number(0, 0) == 0) return another_has_taken_over();
  if (turn.step.then == Then::park) line.parked(record, turn.step.reason);
  return {};
}

/// One transaction; answers how many of the records it has taken.
Result<std::size_t> Applier::attempt(Connection& session, std::span<const InboxRecord> records, LaneLine& line) {
  ApplyTransaction transaction(session);
  auto ready = work(session, transaction, records, line, nullptr);
  auto done = ready ? transaction.commit() : tl::unexpected(std::move(ready.error()));
  const bool slow = transaction.age() > slow_transaction;
  if (done || slow) size_.ended(slow);  // a session that was lost on the way tells that, too
  if (!done) return tl::unexpected(std::move(done.error()));
  return ready->taken;
}

Result<Applier::Ready> Applier::apply_beside(Connection& session, ApplyTransaction& transaction,
                                             std::span<const InboxRecord> records, const ToldBefore& before) {
  LaneLine nothing_parked;
  auto ready = work(session, transaction, records, nothing_parked, &before);
  const bool slow = transaction.age() > slow_transaction;
  if (ready || slow) size_.ended(slow);
  return ready;
}

Result<Applier::Ready> Applier::work(Connection& session, ApplyTransaction& transaction,
                                     std::span<const InboxRecord> records, LaneLine& line, Before before) {
  const std::string& target = records.front().source->target;
  if (auto begun = transaction.begin(target); !begun) return tl::unexpected(std::move(begun.error()));
  Ready ready;
  ChangedRows changed;
  AppliedChanges applied;
  while (ready.taken < records.size() && (ready.taken == 0 || transaction.age() < longest_transaction)) {
    Round round(records.subspan(ready.taken), line, size_.most(), before == nullptr ? ToldBefore{} : *before);
    if (auto done = run(session, transaction, target, round, before); !done)
      return tl::unexpected(std::move(done.error()));
    if (round.taken() == 0) break;  // its first record waits for what another transaction does
    for (const Turn& turn : round.turns) {
      applied.add(turn);
      if (turn.step.then == Then::park) line.parked(*turn.record, turn.step.reason);
      if (!turn.step.take.empty()) changed.add(turn);
      if (before != nullptr && turn.table != nullptr && !turn.object_id.empty()) ready.rows.push_back(row_mark(turn));
    }
    if (round.was_cut()) size_.cut_to(round.taken());
    ready.taken += round.taken();
  }
  if (!changed.empty()) transaction.ends_with(changed.sent_once_more(target));
  if (auto called = write_follow_ups(session, settings_, target, applied); !called)
    return tl::unexpected(std::move(called.error()));
  std::ranges::sort(ready.rows);
  ready.took = std::chrono::duration_cast<std::chrono::milliseconds>(transaction.age());
  return ready;
}

/// Reads, decides, writes and keeps what becomes of a round's records.
Status Applier::run(Connection& session, const ApplyTransaction& transaction, const std::string& target, Round& round,
                    Before before) {
  auto& turns = round.turns;
  route_all(turns);
  if (auto asked = ask_pairs(session, fence_, target, turns); !asked) return asked;
  read_bodies(turns);  // while the database looks the pairs up
  if (auto read = take_pairs(session, turns); !read) return read;
  meet_all(round);
  if (auto read = read_theirs(session, target, round); !read) return read;
  if (auto found = find_objects(session, target, turns); !found) return found;
  round.cut_at_uncertain_partner();
  round.cut_at_second_of_a_row();
  place_all(turns);
  if (auto locked = lock_lanes(session, target, turns); !locked) return locked;
  if (auto read = read_agreed(session, target, turns); !read) return read;
  if (auto compared = compare_times(session, turns); !compared) return compared;
  decide(turns);
  if (before != nullptr && !std::ranges::all_of(turns, may_be_done_beside))
    return collision("another transaction may have to do with it");
  if (auto written = write_all(session, transaction, round); !written) return written;
  return keep(session, target, turns);
}

/// Where the CRM's own triggers are slow, what is left of the round is put off: its rows must not be held for long.
Status Applier::write_all(Connection& session, const ApplyTransaction& transaction, Round& round) {
  for (std::size_t at = 0, count = 0; at < round.turns.size(); at += count) {
    if (at > 0 && transaction.age() > longest_round) {
      round.cut(at);
      return {};
    }
    const auto turns = std::span(round.turns).subspan(at);
    count = chunk_of(turns);
    if (auto written = write_rows(session, turns.first(count)); !written) return written;
  }
  return {};
}

std::vector<ApplyRoute>::iterator Applier::route_of(const InboxRecord& record) {
  return std::ranges::find_if(routes_, [&](const ApplyRoute& of) {
    return of.settings->target == record.source->target && of.settings->request_type == record.request_type;
  });
}

void Applier::route_all(std::span<Turn> turns) {
  for (Turn& turn : turns) {
    const auto& record = *turn.record;
    const auto route = route_of(record);
    if (route == routes_.end()) {
      turn.step = not_routed();
      continue;
    }
    const auto table = tables_.find(route->settings->watch);
    if (table == tables_.end()) {
      turn.step = unreadable("the watched table is not known");
      continue;
    }
    turn.route = &*route;
    turn.table = &table->second;
  }
}

Status Applier::keep(Connection& session, const std::string& target, std::span<const Turn> turns) {
  if (turns.empty()) return {};
  auto statements = pairs_of(target, turns, keys_used_);
  auto ends = ends_of(fence_, turns);
  const auto many = static_cast<std::ptrdiff_t>(ends.size());
  std::ranges::move(ends, std::back_inserter(statements));
  auto answers = session.run(std::span<const Statement>(statements));
  if (!answers && tells_of_a_used_key(answers.error()) && keys_used_ == KeysUsed::once) {
    keys_used_ = KeysUsed::again;
    return collision("the key of a new row has belonged to another object");
  }
  if (!answers) return tl::unexpected(std::move(answers.error()));
  std::int64_t ended = 0;
  for (auto answer = answers->end() - many; answer != answers->end(); ++answer) {
    if (answer->number(0, 0) == 0) return another_has_taken_over();
    ended += answer->number(0, 1);
  }
  if (ended != static_cast<std::int64_t>(turns.size())) return collision("a person has settled a record meanwhile");
  return {};
}

}  // namespace tandem
