#include "apply/applier.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "apply/follow_ups.hpp"
#include "apply/pair_statements.hpp"
#include "json/scan.hpp"
#include "json/text.hpp"
#include "store/queries.hpp"

namespace tandem {
namespace {

using postgres::Connection;
using postgres::Param;
using postgres::Statement;
using Then = Step::Then;
namespace queries = store::queries;

constexpr int most_at_once = 5;  // tries of a deadlock or a serialization failure
constexpr std::chrono::milliseconds longest_transaction{100};
constexpr std::size_t most_statements = 500;  // prepared ones, of one table

/// Rolled back unless committed.
class Transaction {
 public:
  explicit Transaction(Connection& session) : session_(session) {}
  ~Transaction() {
    if (open_ && session_.usable()) [[maybe_unused]]
      const auto undone = session_.script("rollback");
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Status begin(const std::string& origin, bool shared) {
    auto begun =
        session_.script("begin; select pg_catalog.set_config('tandem.origin', " + session_.quoted_literal(origin) +
                        ", true)" + (shared ? "; set local lock_timeout = '200ms'" : ""));
    if (!begun) return tl::unexpected(std::move(begun.error()));
    open_ = true;
    return {};
  }
  Status commit() {
    open_ = false;
    auto done = session_.script("commit");
    if (!done) return tl::unexpected(std::move(done.error()));
    return {};
  }

 private:
  Connection& session_;
  bool open_ = false;
};

tl::unexpected<Error> fenced() {
  return fail(ErrorKind::fenced, "another connector of our name has taken over");
}

Step rejected(std::string description) {
  Step step;
  step.then = Then::settle;
  step.outcome = Outcome::rejected;
  step.error_code = "mapping";
  step.description = std::move(description);
  return step;
}

}  // namespace

Applier::Applier(const Settings& settings, store::Fence fence) : settings_(settings), fence_(std::move(fence)) {
  for (const auto& route : settings.routes)
    if (route.apply) routes_.push_back({&route, Mapping(route)});
}

Status Applier::prepare(Connection& session) {
  auto rows = session.run(queries::apply_tables);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  tables_.clear();
  for (int row = 0; row < rows->size(); ++row) {
    const std::string watch(rows->text(row, 0));
    tables_.emplace(watch, CrmTable(watch, std::string(rows->text(row, 1)), rows->texts(row, 2)));
  }
  return {};
}

bool Applier::wants_new_session() const {
  return std::ranges::any_of(tables_, [](const auto& table) { return table.second.statements() > most_statements; });
}

Status Applier::apply(Connection& session, std::span<const InboxRecord> records, LaneLine& line) {
  while (!records.empty()) {
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
    if (auto first = apply(session, records.first(half), line); !first) return first;
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
  const Step step = after_error(settings_.target(record.source->target)->retry, record, error);
  Turn turn{session, record};
  if (auto ended = record_end(turn, step); !ended) return ended;
  if (step.then == Then::park) line.parked(record, step.reason);
  return {};
}

/// One transaction; answers how many of the records it has taken. Where it holds more than one row of the CRM it is
/// short, and waits for none of them long: with both below deadlock_timeout the CRM never ends as a deadlock's victim.
Result<std::size_t> Applier::attempt(Connection& session, std::span<const InboxRecord> records, LaneLine& line) {
  const auto until = std::chrono::steady_clock::now() + longest_transaction;
  Transaction transaction(session);
  if (auto begun = transaction.begin(records.front().source->target, records.size() > 1); !begun)
    return tl::unexpected(std::move(begun.error()));
  std::size_t taken = 0;
  Changed changed;
  while (taken < records.size() && (taken == 0 || std::chrono::steady_clock::now() < until)) {
    const InboxRecord& record = records[taken++];
    if (line.holds(record)) continue;
    Turn turn{session, record};
    auto step = decide(turn);
    if (!step) return tl::unexpected(std::move(step.error()));
    if (step->then == Then::go_on) continue;  // settled by a person, meanwhile
    if (auto ended = record_end(turn, *step); !ended) return tl::unexpected(std::move(ended.error()));
    if (step->then == Then::park) line.parked(record, step->reason);
    if (step->take.empty()) continue;
    changed.types.push_back(record.request_type);
    changed.object_ids.push_back(turn.object_id);
    changed.snapshots.push_back(turn.snapshot);
  }
  if (auto sent = send_what_came_late(session, records.front().source->target, changed); !sent)
    return tl::unexpected(std::move(sent.error()));
  if (auto called = write_follow_ups(session, settings_, records.first(taken)); !called)
    return tl::unexpected(std::move(called.error()));
  if (auto committed = transaction.commit(); !committed) return tl::unexpected(std::move(committed.error()));
  return taken;
}

Result<Step> Applier::decide(Turn& turn) {
  const InboxRecord& record = turn.record;
  for (const auto& route : routes_)
    if (route.settings->target == record.source->target && route.settings->request_type == record.request_type)
      turn.route = &route;
  bool pending = false;
  auto pair = read_pair(turn, pending);
  if (!pair) return tl::unexpected(std::move(pair.error()));
  if (!pending) return Step{};
  if (turn.route == nullptr) {
    Step step;
    step.then = Then::settle;
    step.outcome = Outcome::filtered;
    step.description = "no route takes it";
    return step;
  }
  const auto table = tables_.find(turn.route->settings->watch);
  if (table == tables_.end()) return rejected("the watched table is not known");
  turn.table = &table->second;
  turn.known = pair->known;
  turn.remote_id = record.remote_id.empty() ? pair->paired_with : record.remote_id;
  Step step = meet(*turn.route->settings, record, *pair);
  if (step.then != Then::go_on) return step;
  return record.operation == "delete" ? remove(turn) : write(turn);
}

Result<PairFacts> Applier::read_pair(Turn& turn, bool& pending) {
  const InboxRecord& record = turn.record;
  const std::array params{Param(fence_.name),        Param(fence_.epoch),          Param(record.counter),
                          Param(record.record_id),   Param(record.source->target), Param(record.request_type),
                          or_null(record.remote_id), or_null(record.object_id)};
  auto found = turn.session.run(queries::apply_identity, params);
  if (!found) return tl::unexpected(std::move(found.error()));
  if (found->number(0, 0) == 0) return fenced();
  pending = found->number(0, 1) > 0;
  PairFacts out{!found->null(0, 2), std::string(found->text(0, 3)), found->flag(0, 4), found->flag(0, 5)};
  turn.object_id = out.known ? std::string(found->text(0, 2)) : record.object_id;
  return out;
}

Result<Step> Applier::write(Turn& turn) {
  const RouteSettings& route = *turn.route->settings;
  auto inverse = turn.route->mapping.invert(turn.record.body);
  if (!inverse) return rejected(inverse.error().description);
  Missing missing;
  auto theirs = read_columns(turn, *inverse, missing);
  if (!theirs) return tl::unexpected(std::move(theirs.error()));
  for (const auto& name : turn.table->key())  // a key that they do not know tells nothing
    if (const auto key = theirs->find(name); key != theirs->end() && key->second == "null") theirs->erase(key);
  if (!missing.type.empty()) return wait_for_parent(route, turn.record, missing.type, missing.id);
  if (turn.object_id.empty()) {
    auto same = find_by(turn, *theirs);
    if (!same) return tl::unexpected(std::move(same.error()));
    turn.object_id = std::move(*same);
  }
  Step step = place(route, turn.record, !turn.object_id.empty());
  if (step.then != Then::go_on) return carry_out(turn, std::move(step), *theirs);

  if (auto read = read_lane(turn); !read) return tl::unexpected(std::move(read.error()));
  auto agreed = read_agreed(turn);
  if (!agreed) return tl::unexpected(std::move(agreed.error()));
  auto newer = theirs_newer(turn);
  if (!newer) return tl::unexpected(std::move(newer.error()));
  const Meeting meeting{route,    turn.record, turn.lane,          turn.known, turn.row.empty() ? nullptr : &turn.row,
                        &*theirs, &*agreed,    &turn.table->key(), *newer};
  return carry_out(turn, write_over(meeting), *theirs);
}

Result<Step> Applier::remove(Turn& turn) {
  const RouteSettings& route = *turn.route->settings;
  Step step = place(route, turn.record, !turn.object_id.empty());
  if (step.then != Then::go_on) return step;
  if (auto read = read_lane(turn); !read) return tl::unexpected(std::move(read.error()));
  const Meeting meeting{route,   turn.record, turn.lane, turn.known, turn.row.empty() ? nullptr : &turn.row,
                        nullptr, nullptr,     nullptr,   false};
  return carry_out(turn, tandem::remove(meeting), {});
}

/// Writes the CRM's row, where that is what is to be done, and answers how the record ends.
Result<Step> Applier::carry_out(Turn& turn, Step step, const Columns& theirs) {
  if (step.then == Then::settle || step.then == Then::park) return step;
  std::vector<Statement> statements;
  if (step.then == Then::insert) {
    Columns given = theirs;  // with a key of ours that they have told, or that the pair remembers
    if (!turn.object_id.empty())
      for (auto& [name, value] : columns_of(key_object(turn.table->key(), turn.object_id)))
        given.insert_or_assign(name, value);
    auto row = turn.table->insert(turn.session, given);
    if (!row) return tl::unexpected(std::move(row.error()));
    if (row->empty()) {
      step = Step{};
      step.then = Then::settle;
      step.outcome = Outcome::filtered;
      step.description = "a trigger of the CRM has not let it in";
      return step;
    }
    turn.object_id = key_of(turn.table->key(), *row);
  } else if (step.then == Then::update) {
    statements.push_back(turn.table->change(turn.session, turn.object_id, step.take, theirs));
  } else if (step.then == Then::soft_delete) {
    Columns values;
    std::vector<std::string> names;
    for (const auto& [column, value] : turn.route->settings->apply->soft_delete) {
      values.emplace(column, value);
      names.push_back(column);
    }
    statements.push_back(turn.table->change(turn.session, turn.object_id, names, values));
  } else {
    statements.push_back(turn.table->erase(turn.session, turn.object_id));
  }
  const bool writes = step.then == Then::insert || step.then == Then::update;
  if (writes)
    statements.push_back(turn.table->lock(turn.session, turn.object_id));  // as the CRM's triggers have left it
  auto answers = turn.session.run(std::span<const Statement>(statements));
  if (!answers) return tl::unexpected(std::move(answers.error()));
  if (writes) {
    const auto& now = answers->back();
    return end_write(std::move(step), now.size() == 0 ? Columns{} : columns_of(now.text(0, 0)), theirs);
  }
  step.then = Then::settle;
  return step;
}

/// The object's row and then the lane, locked; then what stands in other tables, in a snapshot that is taken behind
/// these locks.
Status Applier::read_lane(Turn& turn) {
  const std::vector<Param> lane{Param(turn.route->settings->target), Param(turn.route->settings->request_type),
                                Param(turn.object_id)};
  const std::array statements{turn.table->lock(turn.session, turn.object_id), Statement{queries::apply_lane, lane},
                              Statement{queries::apply_known, lane}};
  auto answers = turn.session.run(std::span<const Statement>(statements));
  if (!answers) return tl::unexpected(std::move(answers.error()));
  const auto &row = (*answers)[0], &pending = (*answers)[1], &known = (*answers)[2];
  if (row.size() > 0) turn.row = columns_of(row.text(0, 0));
  turn.waiting = pending.text(0, 1);
  if (turn.waiting == "{}") turn.waiting.clear();
  turn.snapshot = pending.text(0, 2);
  turn.lane.in_flight = pending.flag(0, 0);
  turn.lane.waiting = !turn.waiting.empty();
  turn.lane.image = known.text(0, 0);
  turn.lane.unsettled = known.flag(0, 1);
  turn.lane.version = known.text(0, 2);
  turn.lane.just_written = known.flag(0, 3);
  turn.lane.forced = known.flag(0, 4);
  turn.lane.written = known.text(0, 5);
  return {};
}

Result<Columns> Applier::read_agreed(Turn& turn) {
  if (turn.lane.image.empty() || turn.lane.in_flight || turn.row.empty()) return Columns{};
  auto inverse = turn.route->mapping.invert(turn.lane.image);
  if (!inverse) return Columns{};
  Missing missing;
  auto columns = read_columns(turn, *inverse, missing);
  if (columns && !missing.type.empty()) return Columns{};
  return columns;
}

/// Values as the database prints them for these columns, references by identity; unknown columns are left out.
Result<Columns> Applier::read_columns(Turn& turn, const Inverse& inverse, Missing& missing) {
  Columns given;
  std::vector<std::string> columns, types, ids;
  for (const auto& column : inverse.columns) {
    if (column.ref.empty()) {
      given.insert_or_assign(column.column, column.json);
      continue;
    }
    columns.push_back(column.column);
    types.push_back(column.ref);
    ids.push_back(json::scalar_text(column.json).value_or(""));
  }
  if (!columns.empty()) {
    const std::array params{Param(turn.route->settings->target), Param::array(std::span<const std::string>(types)),
                            Param::array(std::span<const std::string>(ids))};
    auto rows = turn.session.run(queries::apply_refs, params);
    if (!rows) return tl::unexpected(std::move(rows.error()));
    for (std::size_t at = 0; at < columns.size(); ++at) {
      if (rows->null(static_cast<int>(at), 0))
        missing = {types[at], ids[at]};
      else
        given.insert_or_assign(columns[at], json::quote(rows->text(static_cast<int>(at), 0)));
    }
  }
  return turn.table->canonical(turn.session, given);
}

Result<bool> Applier::theirs_newer(Turn& turn) {
  const auto& apply = *turn.route->settings->apply;
  const auto ours = turn.row.find(apply.our_time);
  if (apply.our_time.empty() || ours == turn.row.end()) return false;
  const auto told = json::at(turn.record.body, apply.their_time);
  if (!told || !*told) return false;
  const auto mine = json::scalar_text(ours->second), yours = json::scalar_text(**told);
  if (!mine || !yours) return false;
  auto later = turn.session.run("select $2::timestamptz > $1::timestamptz", std::array{Param(*mine), Param(*yours)});
  if (!later) return tl::unexpected(std::move(later.error()));
  return later->flag(0, 0);
}

/// An object of ours that nobody has paired: by its key, where they tell it, else by the natural key.
Result<std::string> Applier::find_by(Turn& turn, const Columns& theirs) {
  const auto told = [&](const std::vector<std::string>& names) {
    return !names.empty() && std::ranges::all_of(names, [&](const std::string& name) {
      const auto found = theirs.find(name);
      return found != theirs.end() && found->second != "null";
    });
  };
  const auto& natural = turn.route->settings->apply->natural_key;
  std::string object_id;
  const bool by_key = told(turn.table->key());
  if (by_key) {
    object_id = key_of(turn.table->key(), theirs);
  } else if (told(natural)) {
    auto same = turn.table->find(turn.session, natural, theirs);
    if (!same) return tl::unexpected(std::move(same.error()));
    if (same->size() == 1) object_id = same->front();
  }
  if (object_id.empty()) return object_id;
  const std::array pair{Param(turn.route->settings->target), Param(turn.route->settings->request_type),
                        Param(object_id)};
  auto taken = turn.session.run(queries::apply_taken, pair);
  if (!taken) return tl::unexpected(std::move(taken.error()));
  if (taken->size() == 0) return object_id;
  if (!by_key) return std::string();
  auto refused = fail(ErrorKind::refused, "the object " + object_id + " is paired with another one of theirs");
  refused.value().sqlstate = "23505";
  return refused;
}

Status Applier::send_what_came_late(Connection& session, const std::string& target, const Changed& changed) {
  if (changed.types.empty()) return {};
  const std::array params{Param(target), Param::array(std::span<const std::string>(changed.types)),
                          Param::array(std::span<const std::string>(changed.object_ids)),
                          Param::array(std::span<const std::string>(changed.snapshots))};
  auto done = session.run(queries::apply_late, params);
  if (!done) return tl::unexpected(std::move(done.error()));
  return {};
}

/// What is written with a decision, and the record's end, in one round trip.
Status Applier::record_end(Turn& turn, const Step& step) {
  std::vector<Statement> statements;
  if (turn.route != nullptr) {
    const ApplyPair pair{*turn.route->settings, turn.object_id, turn.remote_id, turn.record.version};
    statements = statements_of(pair, step, turn.waiting);
  }
  statements.push_back(step.then == Then::park ? parking(fence_, turn.record, step)
                                               : tandem::settlement(fence_, turn.record, step, turn.object_id));
  auto done = turn.session.run(std::span<const Statement>(statements));
  if (!done) return tl::unexpected(std::move(done.error()));
  if (done->back().number(0, 0) == 0) return fenced();
  return {};
}

}  // namespace tandem
