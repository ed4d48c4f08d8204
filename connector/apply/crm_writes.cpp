#include "apply/crm_writes.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tandem {
namespace {

using postgres::Connection;
using postgres::Query;
using postgres::Rows;
using postgres::Statement;
using Then = Step::Then;
using Turns = std::vector<Turn*>;

constexpr std::array<Query, 4> our_plans{{{"apply index", "set local enable_seqscan = off"},
                                          {"apply generic", "set local plan_cache_mode = force_generic_plan"},
                                          {"apply serial", "set local max_parallel_workers_per_gather = 0"},
                                          {"apply rows", "set local enable_bitmapscan = off"}}};
constexpr std::array<Query, 4> the_databases_plans{
    {{"crm index", "set local enable_seqscan to default"},
     {"crm generic", "set local plan_cache_mode to default"},
     {"crm serial", "set local max_parallel_workers_per_gather to default"},
     {"crm rows", "set local enable_bitmapscan to default"}}};

bool writes(const Turn& turn) {
  return turn.step.then != Then::settle && turn.step.then != Then::park;
}

/// With a key of ours that they have told, or that the pair remembers.
Columns inserted(const Turn& turn) {
  Columns given = turn.theirs;
  if (!turn.object_id.empty())
    for (auto& [name, value] : columns_of(key_object(turn.table->key(), turn.object_id)))
      given.insert_or_assign(name, value);
  return given;
}

Statement soft_deletion(Connection& session, const Turn& turn) {
  Columns values;
  std::vector<std::string> names;
  for (const auto& [column, value] : turn.route->settings->apply->soft_delete) {
    values.emplace(column, value);
    names.push_back(column);
  }
  return turn.table->change(session, turn.version, names, values);
}

Statement write_of(Connection& session, const Turn& turn) {
  if (turn.step.then == Then::insert) return turn.table->insert(session, inserted(turn));
  if (turn.step.then == Then::update) return turn.table->change(session, turn.version, turn.step.take, turn.theirs);
  if (turn.step.then == Then::soft_delete) return soft_deletion(session, turn);
  return turn.table->erase(session, turn.version);
}

/// What one statement writes. Several rows share one where the CRM has nothing on their table that could tell, and
/// where the same columns of theirs are written.
struct Write {
  Turns turns;
  std::vector<Columns> rows;  ///< of those that may share it; empty: one row stands by itself
  [[nodiscard]] bool of_several() const { return turns.size() > 1; }
};

/// May this turn, with values in these columns, be written together with those?
bool takes(const Write& write, const Turn& turn, const Columns& columns) {
  const Turn& first = *write.turns.front();
  return first.table == turn.table && first.step.then == turn.step.then &&
         std::ranges::equal(write.rows.front(), columns, {}, &Columns::Column::first, &Columns::Column::first);
}

Columns written_columns(const Turn& turn) {
  if (turn.step.then == Then::insert) return inserted(turn);
  Columns taken;
  taken.reserve(turn.step.take.size());
  for (const auto& name : turn.step.take)
    if (const auto value = turn.theirs.find(name); value != turn.theirs.end())
      taken.emplace(value->first, value->second);
  return taken;
}

/// In the order of the records, except that a row may come to an earlier one's statement. Behind a row that is written
/// by itself all are new: a trigger may see what stands before it.
std::vector<Write> writes_of(const Turns& turns) {
  std::vector<Write> out;
  std::size_t open = 0;  // writes from here on take more rows
  for (Turn* turn : turns) {
    const bool shares = turn->table->in_sets() && (turn->step.then == Then::insert || turn->step.then == Then::update);
    Columns columns = shares ? written_columns(*turn) : Columns{};
    columns.sort();
    if (columns.empty()) {
      out.push_back({{turn}, {}});
      open = out.size();
      continue;
    }
    const auto writes = std::span(out).subspan(open);
    const auto found = std::ranges::find_if(writes, [&](const Write& write) { return takes(write, *turn, columns); });
    Write& write = found == writes.end() ? out.emplace_back() : *found;
    write.turns.push_back(turn);
    write.rows.push_back(std::move(columns));
  }
  return out;
}

Statement statement_of(Connection& session, const Write& write) {
  const Turn& first = *write.turns.front();
  if (!write.of_several()) return write_of(session, first);
  if (first.step.then == Then::insert) return first.table->insert_all(session, write.rows);
  std::vector<CrmTable::Version> versions;
  versions.reserve(write.turns.size());
  for (const Turn* turn : write.turns) versions.push_back(turn->version);
  return first.table->change_all(session, versions, write.rows);
}

/// A trigger may have given the row another key: what was read about the object is not about this one.
void take_key(Turn& turn, const Columns& row) {
  turn.fresh = turn.object_id.empty();
  turn.object_id = key_of(turn.table->key(), row);
  turn.lane.agreed_id = 0;
}

/// What the write of a row has answered: the row, where there is one.
Columns take_answer(Turn& turn, const Rows& answer) {
  Columns row = answer.size() == 0 ? Columns{} : columns_of(answer.text(0, 0));
  if (turn.step.then != Then::insert) return row;
  if (row.empty())
    turn.step = not_let_in();
  else
    take_key(turn, row);
  return row;
}

tl::unexpected<Error> changed_by_another() {
  return collision("another record of the batch has changed the row");
}

/// Into `rows` what is there now.
Status read_again(Connection& session, const Turns& turns, std::map<Turn*, Columns>& rows) {
  std::map<CrmTable*, Turns> by_table;
  for (Turn* turn : turns) {
    by_table[turn->table].push_back(turn);
    rows[turn].clear();
  }
  std::vector<Statement> statements;
  for (const auto& [table, members] : by_table) {
    std::vector<std::string> ids;
    for (const Turn* turn : members) ids.push_back(turn->object_id);
    statements.push_back(table->read(session, ids));
  }
  if (statements.empty()) return {};
  auto answers = session.run(std::span<const Statement>(statements));
  if (!answers) return tl::unexpected(std::move(answers.error()));
  auto answer = answers->begin();
  for (const auto& [table, members] : by_table) {
    for (int row = 0; row < answer->size(); ++row)
      rows[members[static_cast<std::size_t>(answer->number(row, 0) - 1)]] = columns_of(answer->text(row, 1));
    ++answer;
  }
  return {};
}

}  // namespace

std::vector<Statement> planned_as(Plans plans) {
  std::vector<Statement> out;
  for (const auto& query : plans == Plans::ours ? our_plans : the_databases_plans) out.push_back({query, {}});
  return out;
}

namespace {

/// Nothing of the CRM's has seen these rows: each of them is there, and is what was written.
Status take_answers(const Write& write, const Rows& answer) {
  if (answer.affected() != static_cast<std::int64_t>(write.turns.size())) return changed_by_another();
  for (std::size_t at = 0; at < write.turns.size(); ++at) {
    Turn& turn = *write.turns[at];
    if (turn.step.then == Then::insert) {
      Columns key;
      for (std::size_t part = 0; part < turn.table->key().size(); ++part)
        key.emplace(turn.table->key()[part], std::string(answer.text(static_cast<int>(at), static_cast<int>(part))));
      take_key(turn, key);
    }
    turn.step.then = Then::settle;
  }
  return {};
}

/// Rows that were written by themselves, as the CRM's triggers have left them.
Status end_writes(Connection& session, const Turns& turns, const std::vector<const Rows*>& answers, bool alone) {
  std::map<Turn*, Columns> rows;
  Turns again;
  for (std::size_t at = 0; at < turns.size(); ++at) {
    Turn* turn = turns[at];
    const bool untouched = answers[at]->affected() == 0 && !alone;
    rows[turn] = take_answer(*turn, *answers[at]);
    if (!writes(*turn)) continue;
    const bool erased = turn->step.then == Then::erase;
    if (untouched && !erased) return changed_by_another();
    if (erased ? untouched : turn->table->changes_rows()) again.push_back(turn);
  }
  if (auto read = read_again(session, again, rows); !read) return read;
  for (Turn* turn : turns) {
    if (!writes(*turn)) continue;
    const Columns& now = rows[turn];
    if (turn->step.then == Then::erase && !now.empty()) return changed_by_another();
    if (turn->step.then == Then::insert || turn->step.then == Then::update)
      turn->step = end_write(std::move(turn->step), *turn->route->settings, turn->row, now, turn->theirs);
    else
      turn->step.then = Then::settle;
  }
  return {};
}

}  // namespace

Status write_rows(Connection& session, std::span<Turn> turns) {
  Turns written;
  for (Turn& turn : turns)
    if (writes(turn)) written.push_back(&turn);
  if (written.empty()) return {};
  const auto all = writes_of(written);
  std::vector<Statement> statements;
  std::vector<std::size_t> places;
  Plans plans = Plans::ours;
  const auto plan = [&](Plans wanted) {
    if (std::exchange(plans, wanted) != wanted) std::ranges::move(planned_as(wanted), std::back_inserter(statements));
  };
  for (const Write& write : all) {
    plan(write.of_several() ? Plans::ours : Plans::the_databases);  // several are found by their places, and only so
    places.push_back(statements.size());
    statements.push_back(statement_of(session, write));
  }
  plan(Plans::ours);
  auto answers = session.run(std::span<const Statement>(statements));
  if (!answers) return tl::unexpected(std::move(answers.error()));

  Turns single;
  std::vector<const Rows*> told;
  for (std::size_t at = 0; at < all.size(); ++at) {
    const Rows& answer = (*answers)[places[at]];
    if (!all[at].of_several()) {
      single.push_back(all[at].turns.front());
      told.push_back(&answer);
    } else if (auto taken = take_answers(all[at], answer); !taken) {
      return taken;
    }
  }
  return end_writes(session, single, told, turns.size() == 1);
}

}  // namespace tandem
