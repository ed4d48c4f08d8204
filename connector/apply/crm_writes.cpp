#include "apply/crm_writes.hpp"

#include <array>
#include <iterator>
#include <map>
#include <vector>

namespace tandem {
namespace {

using postgres::Connection;
using postgres::Query;
using postgres::Rows;
using postgres::Statement;
using Then = Step::Then;
using Turns = std::vector<Turn*>;

constexpr std::array<Query, 3> our_plans{{{"apply index", "set local enable_seqscan = off"},
                                          {"apply generic", "set local plan_cache_mode = force_generic_plan"},
                                          {"apply serial", "set local max_parallel_workers_per_gather = 0"}}};
constexpr std::array<Query, 3> the_databases_plans{
    {{"crm index", "set local enable_seqscan to default"},
     {"crm generic", "set local plan_cache_mode to default"},
     {"crm serial", "set local max_parallel_workers_per_gather to default"}}};

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
  return turn.table->erase(turn.version);
}

/// What the write of a row has answered: the row, where there is one.
Columns take_answer(Turn& turn, const Rows& answer) {
  Columns row = answer.size() == 0 ? Columns{} : columns_of(answer.text(0, 0));
  if (turn.step.then != Then::insert) return row;
  if (row.empty())
    turn.step = not_let_in();
  else
    turn.object_id = key_of(turn.table->key(), row);
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

Status write_rows(Connection& session, std::span<Turn> turns) {
  Turns written;
  for (Turn& turn : turns)
    if (writes(turn)) written.push_back(&turn);
  if (written.empty()) return {};
  std::vector<Statement> statements = planned_as(Plans::the_databases);
  const auto first = static_cast<std::ptrdiff_t>(statements.size());
  for (const Turn* turn : written) statements.push_back(write_of(session, *turn));
  std::ranges::move(planned_as(Plans::ours), std::back_inserter(statements));
  auto answers = session.run(std::span<const Statement>(statements));
  if (!answers) return tl::unexpected(std::move(answers.error()));

  std::map<Turn*, Columns> rows;
  Turns again;
  auto answer = std::next(answers->begin(), first);
  for (Turn* turn : written) {
    const bool untouched = answer->affected() == 0 && turns.size() > 1;
    rows[turn] = take_answer(*turn, *answer++);
    if (!writes(*turn)) continue;
    const bool erased = turn->step.then == Then::erase;
    if (untouched && !erased) return changed_by_another();
    if (erased ? untouched : turn->table->changes_rows()) again.push_back(turn);
  }
  if (auto read = read_again(session, again, rows); !read) return read;
  for (Turn* turn : written) {
    if (!writes(*turn)) continue;
    const Columns& now = rows[turn];
    if (turn->step.then == Then::erase && !now.empty()) return changed_by_another();
    if (turn->step.then == Then::insert || turn->step.then == Then::update)
      turn->step = end_write(std::move(turn->step), now, turn->theirs);
    else
      turn->step.then = Then::settle;
  }
  return {};
}

}  // namespace tandem
