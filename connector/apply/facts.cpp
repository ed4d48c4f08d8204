#include "apply/facts.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "json/scan.hpp"
#include "json/text.hpp"
#include "store/queries.hpp"

namespace tandem {
namespace {

using postgres::Connection;
using postgres::Param;
using postgres::Rows;
using postgres::Statement;
namespace queries = store::queries;
using Texts = std::vector<std::string>;
using Turns = std::vector<Turn*>;

template <class Wanted>
Turns undecided(std::span<Turn> turns, Wanted wanted) {
  Turns out;
  for (Turn& turn : turns)
    if (turn.undecided() && wanted(turn)) out.push_back(&turn);
  return out;
}

std::map<CrmTable*, Turns> by_table(const Turns& turns) {
  std::map<CrmTable*, Turns> out;
  for (Turn* turn : turns) out[turn->table].push_back(turn);
  return out;
}

template <class Text>
Texts texts_of(const Turns& turns, Text text) {
  Texts out;
  out.reserve(turns.size());
  for (const Turn* turn : turns) out.push_back(text(*turn));
  return out;
}
Texts object_ids(const Turns& turns) {
  return texts_of(turns, [](const Turn& turn) { return turn.object_id; });
}
std::vector<std::int64_t> counters(const Turns& turns) {
  std::vector<std::int64_t> out;
  out.reserve(turns.size());
  for (const Turn* turn : turns) out.push_back(turn->record->counter);
  return out;
}
Texts types(const Turns& turns) {
  return texts_of(turns, [](const Turn& turn) { return turn.record->request_type; });
}
Param array(const Texts& texts) {
  return Param::array(std::span<const std::string>(texts));
}

Turn& at_place(const Turns& turns, const Rows& rows, int row) {
  return *turns[static_cast<std::size_t>(rows.number(row, 0) - 1)];
}

bool tells(const Turn& turn, const Texts& columns) {
  return !columns.empty() && std::ranges::all_of(columns, [&](const std::string& name) {
    const auto found = turn.theirs.find(name);
    return found != turn.theirs.end() && found->second != "null";
  });
}

/// Of the objects found for each turn those that nobody has paired.
Status leave_out_paired(Connection& session, const std::string& target, std::map<Turn*, Texts>& found) {
  Texts types, ids;
  for (const auto& [turn, objects] : found)
    for (const auto& id : objects) {
      types.push_back(turn->record->request_type);
      ids.push_back(id);
    }
  if (ids.empty()) return {};
  const std::array params{Param(target), array(types), array(ids)};
  auto rows = session.run(queries::apply_taken, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  std::set<std::int64_t> taken;
  for (int row = 0; row < rows->size(); ++row) taken.insert(rows->number(row, 0));
  std::int64_t place = 0;
  for (auto& [turn, objects] : found) std::erase_if(objects, [&](const auto&) { return taken.contains(++place); });
  return {};
}

/// The one row that has their values in the columns of the natural key, and no partner.
Status find_by_natural_key(Connection& session, const std::string& target, const Turns& turns) {
  std::map<const ApplyRoute*, Turns> by_route;
  for (Turn* turn : turns) by_route[turn->route].push_back(turn);
  std::vector<Statement> statements;
  for (const auto& [route, members] : by_route)
    statements.push_back(
        members.front()->table->find(session, route->settings->apply->natural_key,
                                     texts_of(members, [](const Turn& turn) { return object_of(turn.theirs); })));
  auto answers = session.run(std::span<const Statement>(statements));
  if (!answers) return tl::unexpected(std::move(answers.error()));
  auto answer = answers->begin();
  for (const auto& [route, members] : by_route) {
    std::map<Turn*, Texts> found;
    for (int row = 0; row < answer->size(); ++row) {
      Turn& turn = at_place(members, *answer, row);
      const Columns object = columns_of(answer->text(row, 1));
      if (!is_softly_deleted(*route->settings->apply, object))
        found[&turn].push_back(key_of(turn.table->key(), object));
    }
    if (auto left = leave_out_paired(session, target, found); !left) return left;
    for (Turn* turn : members) turn->partners = 0;
    for (auto& [turn, ids] : found) {
      turn->partners = static_cast<int>(ids.size());
      if (ids.size() == 1) turn->object_id = std::move(ids.front());
    }
    ++answer;
  }
  return {};
}

/// Rows as they are, of turns whose row could not be locked: it is gone, or somebody else has locked it.
Status wait_for_held_rows(Connection& session, const Turns& unlocked) {
  const auto tables = by_table(unlocked);
  std::vector<Statement> statements;
  for (const auto& [table, members] : tables) statements.push_back(table->read(session, object_ids(members)));
  if (statements.empty()) return {};
  auto answers = session.run(std::span<const Statement>(statements));
  if (!answers) return tl::unexpected(std::move(answers.error()));
  auto answer = answers->begin();
  for (const auto& [table, members] : tables) {
    for (int row = 0; row < answer->size(); ++row) {
      Turn& turn = at_place(members, *answer, row);
      turn.step = wait_for_row(*turn.route->settings, *turn.record);
    }
    ++answer;
  }
  return {};
}

void take_rows(const Turns& turns, const Rows& rows) {
  for (int row = 0; row < rows.size(); ++row) {
    Turn& turn = at_place(turns, rows, row);
    turn.row = columns_of(rows.text(row, 1));
    turn.version = {std::string(rows.text(row, 2)), std::string(rows.text(row, 3))};
  }
}

/// A change of ours that only the log knows is one that has not happened yet: it must be in the outbox first. A row
/// that was there and could not be locked may have gone since.
void wait_for_stream(CrmTable& table, const Turns& turns, const Rows& answer) {
  table.take_streamed(answer.size() > 0);
  for (int row = 0; row < answer.size(); ++row) {
    Turn& turn = at_place(turns, answer, row);
    if (!turn.undecided()) continue;
    const auto& route = *turn.route->settings;
    const bool waits = answer.flag(row, 1), is_gone = answer.null(row, 2), has_place = !answer.null(row, 3);
    if (waits && is_gone && !has_place)  // it has another key now
      turn.step = wait_for_lane(*turn.record);
    else if (waits)
      turn.step = wait_for_log(route, *turn.record, std::chrono::milliseconds(answer.number(row, 4)),
                               {std::string(answer.text(row, 3)), std::string(answer.text(row, 2))});
    else if (turn.row.empty() && !is_gone)
      turn.step = wait_for_row(route, *turn.record);
  }
}

void take_lane(Turn& turn, const Rows& pending, const Rows& known, int row) {
  turn.waiting = pending.numbers(row, 1);
  turn.snapshot = pending.text(row, 2);
  turn.lane.in_flight = pending.flag(row, 0);
  turn.lane.waiting = !turn.waiting.empty();
  turn.lane.image = known.text(row, 0);
  turn.lane.unsettled = known.flag(row, 1);
  turn.lane.version = known.text(row, 2);
  turn.lane.just_written = known.flag(row, 3);
  turn.lane.forced = known.flag(row, 4);
  turn.lane.written = known.text(row, 5);
  turn.lane.paired = known.flag(row, 6);
  turn.lane.agreed_id = known.number(row, 7);
}

}  // namespace

Status ask_pairs(Connection& session, const store::Fence& fence, const std::string& target,
                 std::span<const Turn> turns) {
  std::vector<std::int64_t> counters;
  std::vector<RecordId> record_ids;
  Texts types, remote_ids, told_ids;
  for (const Turn& turn : turns) {
    counters.push_back(turn.record->counter);
    record_ids.push_back(turn.record->record_id);
    types.push_back(turn.record->request_type);
    remote_ids.push_back(turn.record->remote_id);
    told_ids.push_back(turn.record->object_id);
  }
  const std::array params{Param(fence.name),
                          Param(fence.epoch),
                          Param(target),
                          Param::array(std::span<const std::int64_t>(counters)),
                          Param::array(std::span<const RecordId>(record_ids)),
                          array(types),
                          Param::nullable_array(std::span<const std::string>(remote_ids)),
                          Param::nullable_array(std::span<const std::string>(told_ids))};
  return session.send(queries::apply_identity, params);
}

Status take_pairs(Connection& session, std::span<Turn> turns) {
  auto rows = session.finish();
  if (!rows) return tl::unexpected(std::move(rows.error()));
  for (int row = 0; row < rows->size(); ++row) {
    if (rows->number(row, 0) == 0) return another_has_taken_over();
    Turn& turn = turns[static_cast<std::size_t>(row)];
    turn.pending = rows->flag(row, 1);
    turn.pair = {!rows->null(row, 2), std::string(rows->text(row, 3)), rows->flag(row, 4), rows->flag(row, 7),
                 rows->flag(row, 5),  std::string(rows->text(row, 6))};
    turn.object_id = turn.pair.known ? std::string(rows->text(row, 2)) : turn.record->object_id;
    turn.remote_id = turn.record->remote_id.empty() ? turn.pair.paired_with : turn.record->remote_id;
  }
  return {};
}

Status find_objects(Connection& session, const std::string& target, std::span<Turn> turns) {
  Turns by_natural_key;
  std::map<Turn*, bool> found;  // those that are looked for; true: by their key
  for (Turn* turn : undecided(turns, [](const Turn& t) { return t.object_id.empty() && !t.deletes(); })) {
    const bool by_key = tells(*turn, turn->table->key());
    if (by_key) turn->object_id = key_of(turn->table->key(), turn->theirs);
    if (!by_key && !tells(*turn, turn->route->settings->apply->natural_key)) continue;
    if (!by_key) by_natural_key.push_back(turn);
    found.emplace(turn, by_key);
  }
  if (found.empty()) return {};
  if (!by_natural_key.empty())
    if (auto read = find_by_natural_key(session, target, by_natural_key); !read) return read;
  Turns looked_for;
  for (const auto& [turn, by_key] : found) looked_for.push_back(turn);
  const std::array params{Param(target), array(types(looked_for)), array(object_ids(looked_for))};
  auto taken = session.run(queries::apply_taken, params);
  if (!taken) return tl::unexpected(std::move(taken.error()));
  for (int row = 0; row < taken->size(); ++row) {
    Turn& turn = at_place(looked_for, *taken, row);
    if (found.at(&turn)) turn.step = paired_otherwise(turn.object_id);
    turn.object_id.clear();
  }
  return {};
}

Status lock_lanes(Connection& session, const std::string& target, std::span<Turn> turns) {
  const Turns wanted = undecided(turns, [](const Turn&) { return true; });
  if (wanted.empty()) return {};
  const auto tables = by_table(wanted);
  std::vector<Statement> statements;
  for (const auto& [table, members] : tables) {
    statements.push_back(table->lock(session, object_ids(members)));
    statements.push_back(table->behind(object_ids(members), counters(members)));
  }
  const std::vector<Param> lanes{Param(target), array(types(wanted)), array(object_ids(wanted))};
  statements.push_back({queries::apply_lane, lanes});
  statements.push_back({queries::apply_known, lanes});
  auto answers = session.run(std::span<const Statement>(statements));
  if (!answers) return tl::unexpected(std::move(answers.error()));
  auto answer = answers->begin();
  for (const auto& [table, members] : tables) {
    take_rows(members, *answer);
    std::advance(answer, 2);
  }
  for (int row = 0; row < answer->size(); ++row)
    take_lane(*wanted[static_cast<std::size_t>(row)], *answer, *std::next(answer), row);
  auto held = wait_for_held_rows(session, undecided(turns, [](const Turn& turn) { return turn.row.empty(); }));
  if (!held) return held;
  answer = answers->begin();
  for (const auto& [table, members] : tables) {
    wait_for_stream(*table, members, *std::next(answer));
    std::advance(answer, 2);
  }
  return {};
}

Status compare_times(Connection& session, std::span<Turn> turns) {
  Turns asked;
  Texts ours, theirs;
  for (Turn* turn : undecided(turns, [](const Turn& t) { return !t.deletes(); })) {
    const auto& apply = *turn->route->settings->apply;
    const auto mine = turn->row.find(apply.our_time);
    if (apply.our_time.empty() || mine == turn->row.end()) continue;
    const auto told = json::at(turn->record->body, apply.their_time);
    if (!told || !*told) continue;
    const auto our_time = json::scalar_text(mine->second), their_time = json::scalar_text(**told);
    if (!our_time || !their_time) continue;
    asked.push_back(turn);
    ours.push_back(*our_time);
    theirs.push_back(*their_time);
  }
  if (asked.empty()) return {};
  auto rows = session.run(queries::apply_newer, std::array{array(ours), array(theirs)});
  if (!rows) return tl::unexpected(std::move(rows.error()));
  for (int row = 0; row < rows->size(); ++row) asked[static_cast<std::size_t>(row)]->theirs_newer = rows->flag(row, 0);
  return {};
}

}  // namespace tandem
