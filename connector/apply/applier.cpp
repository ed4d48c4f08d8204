#include "apply/applier.hpp"

#include <algorithm>
#include <array>

#include "json/scan.hpp"
#include "json/text.hpp"
#include "json/writer.hpp"
#include "model/state.hpp"
#include "store/queries.hpp"

namespace tandem {
namespace {

using postgres::Connection;
using postgres::Param;
using std::chrono::milliseconds;
namespace queries = store::queries;

constexpr int most_at_once = 5;  // tries of a deadlock or a serialization failure
constexpr milliseconds lane_recheck{30}, create_recheck{100}, first_wait{250}, longest_wait{10'000};
constexpr std::chrono::minutes creates_are_answered{1};

Param or_null(const std::string& text) {
  return text.empty() ? Param() : Param(text);
}

std::map<std::string, std::string, std::less<>> members_of(std::string_view object) {
  std::map<std::string, std::string, std::less<>> out;
  const auto members = json::members(object);
  if (!members) return out;
  for (const auto& member : *members)
    if (auto name = json::unquote('"' + std::string(member.key) + '"'))
      out.insert_or_assign(std::move(*name), std::string(member.value));
  return out;
}

std::string object_of(const std::map<std::string, std::string, std::less<>>& columns) {
  json::Writer w;
  w.open_object();
  for (const auto& [name, value] : columns) w.key(name).raw(value);
  w.close_object();
  return w.take();
}

/// What they are known to have after a record that need not name every field: `theirs` over `before`, the route's
/// fields alone.
std::string overlay(const RouteSettings& route, const std::string& before, const std::string& theirs) {
  auto image = members_of(before);
  for (auto& [name, value] : members_of(theirs)) {
    const bool ours =
        route.all_columns || std::ranges::any_of(route.fields, [&name = name](const FieldSettings& field) {
          return field.to == name || field.to.starts_with(name + ".");
        });
    if (ours) image.insert_or_assign(name, value);
  }
  return object_of(image);
}

std::string quoted(Connection& session, const std::vector<std::string>& names, std::string_view prefix) {
  std::string out;
  for (const auto& name : names) {
    if (!out.empty()) out += ", ";
    out.append(prefix).append(session.quoted_identifier(name));
  }
  return out;
}

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
  Status begin(const std::string& origin) {
    auto begun = session_.script("begin; select pg_catalog.set_config('tandem.origin', " +
                                 session_.quoted_literal(origin) + ", true)");
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

std::string_view word_of(ConflictPolicy policy) {
  constexpr std::array<std::string_view, 5> words{"ours", "theirs", "newest", "merge", "manual"};
  return words.at(static_cast<std::size_t>(policy));
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
  for (int row = 0; row < rows->size(); ++row)
    tables_[std::string(rows->text(row, 0))] = {std::string(rows->text(row, 1)), rows->texts(row, 2)};
  return {};
}

Result<Applier::End> Applier::apply(Connection& session, const InboxRecord& record) {
  Error error;
  for (int tried = 0; tried < most_at_once; ++tried) {
    auto end = attempt(session, record);
    if (end) return end;
    error = std::move(end.error());
    if (error.sqlstate != "40P01" && error.sqlstate != "40001") break;
  }
  if (error.kind == ErrorKind::fenced || !session.usable()) return tl::unexpected(std::move(error));
  return give_up(session, record, error);
}

Result<Applier::End> Applier::attempt(Connection& session, const InboxRecord& record) {
  Transaction transaction(session);
  if (auto begun = transaction.begin(record.source->target); !begun) return tl::unexpected(std::move(begun.error()));
  Turn turn{session, record};
  auto end = decide(turn);
  if (!end) return end;
  if (auto done = transaction.commit(); !done) return tl::unexpected(std::move(done.error()));
  return end;
}

/// What the database said against the record or against us.
Result<Applier::End> Applier::give_up(Connection& session, const InboxRecord& record, const Error& error) {
  const std::string_view state = error.sqlstate;
  const bool of_the_record = state.starts_with("22") || state.starts_with("23") || state.starts_with("P0");
  if (of_the_record) return settle(session, record, Outcome::rejected, "rejected", error.message);
  const auto& retry = settings_.target(record.source->target)->retry;
  const int attempts = record.attempts + 1;
  const std::string_view code = state == "55P03" || state.starts_with("40") ? "lock" : "unavailable";
  if (attempts > retry.count) return settle(session, record, Outcome::exhausted, code, error.message);
  auto wait = static_cast<double>(retry.first.count());
  for (int i = 1; i < attempts; ++i) wait *= retry.factor;
  return park(session, record, milliseconds(static_cast<std::int64_t>(wait)), "retry", code, error.message, attempts);
}

Result<Applier::End> Applier::decide(Turn& turn) {
  const InboxRecord& record = turn.record;
  for (const auto& route : routes_)
    if (route.settings->target == record.source->target && route.settings->request_type == record.request_type)
      turn.route = &route;
  if (turn.route == nullptr) return settle(turn, Outcome::filtered, {}, "no route takes it");
  const auto& apply = *turn.route->settings->apply;
  const auto table = tables_.find(turn.route->settings->watch);
  if (table == tables_.end()) return settle(turn, Outcome::rejected, "mapping", "the watched table is not known");
  turn.table = &table->second;

  const std::array params{Param(fence_.name),        Param(fence_.epoch),          Param(record.counter),
                          Param(record.record_id),   Param(record.source->target), Param(record.request_type),
                          or_null(record.remote_id), or_null(record.object_id)};
  auto found = turn.session.run(queries::apply_identity, params);
  if (!found) return tl::unexpected(std::move(found.error()));
  if (found->number(0, 0) == 0) return fenced();
  if (found->number(0, 1) == 0) return End::settled;  // by a person, meanwhile
  if (std::ranges::find(apply.operations, record.operation) == apply.operations.end())
    return settle(turn, Outcome::filtered, {}, "the route does not apply this operation");
  turn.known = !found->null(0, 2);
  turn.object_id = turn.known ? std::string(found->text(0, 2)) : record.object_id;
  const std::string paired_with(found->text(0, 3));
  turn.remote_id = record.remote_id.empty() ? paired_with : record.remote_id;
  if (turn.known && !paired_with.empty() && paired_with != turn.remote_id)
    return settle(turn, Outcome::conflict, "conflict",
                  "the object is paired with another one of theirs, " + paired_with);
  if (!turn.known && found->flag(0, 4)) return settle(turn, Outcome::stale, {}, "the object has been deleted");
  if (!turn.known && found->flag(0, 5) && record.age < creates_are_answered)
    return park(turn.session, record, create_recheck, "outcome", {}, "a create of ours may have made it",
                record.attempts);
  return record.operation == "delete" ? remove(turn) : write(turn);
}

Result<Applier::End> Applier::write(Turn& turn) {
  const InboxRecord& record = turn.record;
  if (record.body.empty())
    return settle(turn, Outcome::rejected, "mapping", "the record carries an id alone; objects cannot be fetched");
  auto inverse = turn.route->mapping.invert(record.body);
  if (!inverse) return settle(turn, Outcome::rejected, "mapping", inverse.error().description);
  Missing missing;
  auto theirs = columns_of(turn, *inverse, missing);
  if (!theirs) return tl::unexpected(std::move(theirs.error()));
  for (const auto& name : turn.table->key)  // a key that they do not know tells nothing
    if (const auto key = theirs->find(name); key != theirs->end() && key->second == "null") theirs->erase(key);
  if (!missing.type.empty())
    return wait_or_fail(turn, "parent", "dependency", "waits for " + missing.type + " " + missing.id);
  if (turn.object_id.empty()) {
    auto same = find_by(turn, *theirs);
    if (!same) return tl::unexpected(std::move(same.error()));
    turn.object_id = std::move(*same);
  }
  if (turn.object_id.empty()) {
    if (record.operation == "update" && !record.source->notification.operation.empty())
      return wait_or_fail(turn, "object", "not_found", "the object that it updates is not known here");
    return insert(turn, *theirs);
  }
  auto row = lock_row(turn);
  if (!row) return tl::unexpected(std::move(row.error()));
  if (auto read = read_lane(turn); !read) return tl::unexpected(std::move(read.error()));
  if (turn.lane.in_flight)
    return park(turn.session, record, lane_recheck, "lane", {}, "waits for an attempt of the other direction",
                record.attempts);
  if (!row->empty()) return update(turn, *row, *theirs);
  if (!turn.known) {
    if (record.operation == "update" && !record.source->notification.operation.empty())
      return wait_or_fail(turn, "object", "not_found", "the object that it updates is not known here");
    return insert(turn, *theirs);
  }
  // Deleted here, changed there.
  const auto policy = turn.route->settings->apply->conflict;
  if (age_of(record.version, turn.lane.version, {}) == Age::stale) return settle(turn, Outcome::stale);
  if (auto noted = note_conflict(turn, turn.lane.image, {}, object_of(*theirs), {}); !noted)
    return tl::unexpected(std::move(noted.error()));
  if (policy == ConflictPolicy::theirs || turn.lane.forced) {
    if (auto gone = supersede(turn); !gone) return tl::unexpected(std::move(gone.error()));
    return insert(turn, *theirs);
  }
  if (policy == ConflictPolicy::manual)
    return settle(turn, Outcome::conflict, "conflict", "changed there and deleted here");
  return settle(turn, Outcome::superseded, {}, "deleted here");
}

Result<Applier::End> Applier::remove(Turn& turn) {
  if (turn.object_id.empty()) {
    if (auto ended = unpair(turn); !ended) return tl::unexpected(std::move(ended.error()));
    return settle(turn, Outcome::unchanged, {}, "it was never known here");
  }
  auto row = lock_row(turn);
  if (!row) return tl::unexpected(std::move(row.error()));
  if (auto read = read_lane(turn); !read) return tl::unexpected(std::move(read.error()));
  if (turn.lane.in_flight)
    return park(turn.session, turn.record, lane_recheck, "lane", {}, "waits for an attempt of the other direction",
                turn.record.attempts);
  const auto& apply = *turn.route->settings->apply;
  const bool changed_here = !row->empty() && turn.lane.waiting != "{}";
  if (changed_here) {
    if (auto noted = note_conflict(turn, turn.lane.image, object_of(*row), {}, {}); !noted)
      return tl::unexpected(std::move(noted.error()));
    if (apply.conflict == ConflictPolicy::manual && !turn.lane.forced)
      return settle(turn, Outcome::conflict, "conflict", "deleted there and changed here");
  }
  if (auto gone = supersede(turn); !gone) return tl::unexpected(std::move(gone.error()));
  if (auto ended = unpair(turn); !ended) return tl::unexpected(std::move(ended.error()));
  if (row->empty()) return settle(turn, Outcome::unchanged, {}, "it was deleted here as well");
  if (changed_here && apply.conflict == ConflictPolicy::ours) {
    if (auto sent = follow(turn); !sent) return tl::unexpected(std::move(sent.error()));  // creates it there anew
    return settle(turn, Outcome::superseded, {}, "changed here");
  }
  if (apply.on_delete == OnTheirDelete::ignore) return settle(turn, Outcome::filtered, {}, "deletes are ignored");
  if (apply.on_delete == OnTheirDelete::soft) {
    Columns values;
    std::vector<std::string> names;
    for (const auto& [column, value] : apply.soft_delete) {
      values.emplace(column, value);
      names.push_back(column);
    }
    if (auto changed = change_row(turn, names, values); !changed) return tl::unexpected(std::move(changed.error()));
    return settle(turn, Outcome::applied);
  }
  const std::array params{Param(key_object(*turn.table, turn.object_id))};
  auto done = turn.session.run("delete from " + turn.table->relation + " t" + where(turn, "$1"), params);
  if (!done) return tl::unexpected(std::move(done.error()));
  return settle(turn, Outcome::applied);
}

Result<Applier::End> Applier::insert(Turn& turn, const Columns& theirs) {
  Columns given = theirs;
  // A key of ours that they have told, or that the pair remembers.
  if (!turn.object_id.empty())
    for (auto& [name, value] : members_of(key_object(*turn.table, turn.object_id))) given.insert_or_assign(name, value);
  std::vector<std::string> names;
  for (const auto& [name, value] : given) names.push_back(name);
  const std::string& relation = turn.table->relation;
  const std::string sql =
      names.empty() ? "insert into " + relation + " as t default values returning to_jsonb(t.*)::text"
                    : "insert into " + relation + " as t (" + quoted(turn.session, names, "") + ") select " +
                          quoted(turn.session, names, "p.") + " from jsonb_populate_record(null::" + relation +
                          ", $1::jsonb) as p returning to_jsonb(t.*)::text";
  const std::vector<Param> params = names.empty() ? std::vector<Param>{} : std::vector<Param>{Param(object_of(given))};
  auto rows = turn.session.run(sql, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->size() == 0) return settle(turn, Outcome::filtered, {}, "a trigger of the CRM has not let it in");
  const Columns row = members_of(rows->text(0, 0));
  turn.object_id = key_of(*turn.table, row);
  auto now = lock_row(turn);  // as the CRM's triggers have left it
  if (!now) return tl::unexpected(std::move(now.error()));
  if (auto paired = pair(turn); !paired) return tl::unexpected(std::move(paired.error()));
  if (auto agreed = agree(turn, overlay(*turn.route->settings, {}, turn.record.body), false); !agreed)
    return tl::unexpected(std::move(agreed.error()));
  const bool normalised = std::ranges::any_of(theirs, [&](const auto& column) {
    const auto found = now->find(column.first);
    return found == now->end() || !json::equal(found->second, column.second);
  });
  if (normalised && !now->empty())
    if (auto sent = follow(turn); !sent) return tl::unexpected(std::move(sent.error()));
  return settle(turn, Outcome::applied);
}

Result<Applier::End> Applier::update(Turn& turn, const Columns& row, const Columns& theirs) {
  const InboxRecord& record = turn.record;
  const RouteSettings& route = *turn.route->settings;
  const Lane& lane = turn.lane;
  const Age age = age_of(record.version, lane.version, lane.written);
  if (age == Age::stale && !lane.forced) return settle(turn, Outcome::stale, {}, "a newer version has been applied");

  Columns agreed;
  if (!lane.image.empty()) {
    auto inverse = turn.route->mapping.invert(lane.image);
    Missing missing;
    if (inverse) {
      auto known = columns_of(turn, *inverse, missing);
      if (!known) return tl::unexpected(std::move(known.error()));
      if (missing.type.empty()) agreed = std::move(*known);
    }
  }
  std::vector<FieldImages> fields;
  for (const auto& [name, value] : theirs) {
    const auto ours = row.find(name);
    if (ours == row.end() || std::ranges::find(turn.table->key, name) != turn.table->key.end()) continue;
    FieldImages field{name, ours->second, value, std::nullopt};
    if (const auto before = agreed.find(name); before != agreed.end()) field.agreed = before->second;
    fields.push_back(std::move(field));
  }
  bool theirs_newer = false;
  if (!route.apply->our_time.empty()) {
    const auto ours = row.find(route.apply->our_time);
    const auto told = json::at(record.body, route.apply->their_time);
    if (ours != row.end() && told && *told) {
      const auto mine = json::scalar_text(ours->second), yours = json::scalar_text(**told);
      if (mine && yours) {
        const std::array times{Param(*mine), Param(*yours)};
        auto later = turn.session.run("select $2::timestamptz > $1::timestamptz", times);
        if (!later) return tl::unexpected(std::move(later.error()));
        theirs_newer = later->flag(0, 0);
      }
    }
  }
  const bool blind = age == Age::blind;
  const auto policy = lane.forced ? ConflictPolicy::theirs : route.apply->conflict;
  const Merge merged = merge(policy, fields, blind, theirs_newer);
  if (!merged.conflicts.empty() && !lane.forced)
    if (auto noted = note_conflict(turn, object_of(agreed), object_of(row), object_of(theirs), merged.conflicts);
        !noted)
      return tl::unexpected(std::move(noted.error()));
  if (auto gone = supersede(turn); !gone) return tl::unexpected(std::move(gone.error()));
  if (auto paired = pair(turn); !paired) return tl::unexpected(std::move(paired.error()));
  if (merged.undecided) {
    std::string names;
    for (const auto& name : merged.conflicts) names += (names.empty() ? "" : ", ") + name;
    return settle(turn, Outcome::conflict, "conflict", "changed on both sides: " + names);
  }

  bool back = merged.ours_stays || lane.waiting != "{}" || lane.unsettled;
  if (!merged.take.empty()) {
    if (auto changed = change_row(turn, merged.take, theirs); !changed)
      return tl::unexpected(std::move(changed.error()));
    auto now = lock_row(turn);
    if (!now) return tl::unexpected(std::move(now.error()));
    for (const auto& name : merged.take) {
      const auto kept = now->find(name);
      back = back || (kept != now->end() && !json::equal(kept->second, theirs.find(name)->second));
    }
    // Without versions nobody can tell whether they had seen what we have just written.
    back = back || (age == Age::unknown && lane.just_written);
  }
  const bool unsure = blind || (age == Age::unknown && lane.just_written && back);
  if (auto known = agree(turn, blind ? lane.image : overlay(route, lane.image, record.body), unsure); !known)
    return tl::unexpected(std::move(known.error()));
  if (back)
    if (auto sent = follow(turn); !sent) return tl::unexpected(std::move(sent.error()));
  if (lane.forced) {
    const std::array params{Param(route.target), Param(route.request_type), Param(turn.object_id)};
    if (auto done = turn.session.run(queries::apply_resolved, params); !done)
      return tl::unexpected(std::move(done.error()));
  }
  return settle(turn, merged.take.empty() ? Outcome::unchanged : Outcome::applied);
}

/// Values as the database prints them for these columns, references by identity; unknown columns are left out.
Result<Applier::Columns> Applier::columns_of(Turn& turn, const Inverse& inverse, Missing& missing) {
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
    for (std::size_t place = 0; place < columns.size(); ++place) {
      if (rows->null(static_cast<int>(place), 0))
        missing = {types[place], ids[place]};
      else
        given.insert_or_assign(columns[place], json::quote(rows->text(static_cast<int>(place), 0)));
    }
  }
  const std::array params{Param(object_of(given))};
  auto rows = turn.session.run(
      "select to_jsonb(p.*)::text from jsonb_populate_record(null::" + turn.table->relation + ", $1::jsonb) as p",
      params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  const Columns canonical = members_of(rows->text(0, 0));
  Columns out;
  for (const auto& [name, value] : given)
    if (const auto found = canonical.find(name); found != canonical.end()) out.emplace(name, found->second);
  return out;
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
  const bool by_key = told(turn.table->key);
  if (by_key) {
    object_id = key_of(*turn.table, theirs);
  } else if (told(natural)) {
    const std::array params{Param(object_of(theirs))};
    auto rows = turn.session.run(
        "select to_jsonb(t.*)::text from " + turn.table->relation + " t where (" + quoted(turn.session, natural, "t.") +
            ") = (select " + quoted(turn.session, natural, "p.") +
            " from jsonb_populate_record(null::" + turn.table->relation + ", $1::jsonb) as p) limit 2",
        params);
    if (!rows) return tl::unexpected(std::move(rows.error()));
    if (rows->size() == 1) object_id = key_of(*turn.table, members_of(rows->text(0, 0)));
  }
  if (object_id.empty()) return object_id;
  const std::array pair{Param(turn.route->settings->target), Param(turn.route->settings->request_type),
                        Param(object_id)};
  auto taken = turn.session.run(
      "select 1 from tandem.identity i where i.target = $1 and i.request_type = $2 and md5(i.object_id) = md5($3) and "
      "i.object_id = $3 and i.state = 'paired'",
      pair);
  if (!taken) return tl::unexpected(std::move(taken.error()));
  if (taken->size() == 0) return object_id;
  if (!by_key) return std::string();
  auto refused = fail(ErrorKind::refused, "the object " + object_id + " is paired with another one of theirs");
  refused.value().sqlstate = "23505";
  return refused;
}

Result<Applier::Columns> Applier::lock_row(Turn& turn) {
  const std::array params{Param(key_object(*turn.table, turn.object_id))};
  auto rows = turn.session.run(
      "select to_jsonb(t.*)::text from " + turn.table->relation + " t" + where(turn, "$1") + " for no key update",
      params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  return rows->size() == 0 ? Columns{} : members_of(rows->text(0, 0));
}

Status Applier::read_lane(Turn& turn) {
  const std::array params{Param(turn.route->settings->target), Param(turn.route->settings->request_type),
                          Param(turn.object_id)};
  auto rows = turn.session.run(queries::apply_lane, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  Lane& lane = turn.lane;
  lane.in_flight = rows->flag(0, 0);
  lane.waiting = rows->text(0, 1);
  if (lane.in_flight) return {};
  auto known = turn.session.run(queries::apply_known, params);
  if (!known) return tl::unexpected(std::move(known.error()));
  lane.image = known->text(0, 0);
  lane.unsettled = known->flag(0, 1);
  lane.version = known->text(0, 2);
  lane.just_written = known->flag(0, 3);
  lane.forced = known->flag(0, 4);
  lane.written = known->text(0, 5);
  return {};
}

Status Applier::change_row(Turn& turn, const std::vector<std::string>& names, const Columns& values) {
  const std::array params{Param(key_object(*turn.table, turn.object_id)), Param(object_of(values))};
  std::string sets;
  for (const auto& name : names) {
    const auto column = turn.session.quoted_identifier(name);
    sets += (sets.empty() ? "" : ", ") + column + " = p." + column;
  }
  auto done = turn.session.run("update " + turn.table->relation + " t set " + sets +
                                   " from jsonb_populate_record(null::" + turn.table->relation + ", $2::jsonb) as p" +
                                   where(turn, "$1"),
                               params);
  if (!done) return tl::unexpected(std::move(done.error()));
  return {};
}

Status Applier::note_conflict(Turn& turn, const std::string& agreed, const std::string& ours, const std::string& theirs,
                              const std::vector<std::string>& fields) {
  if (turn.lane.forced) return {};
  const auto policy = turn.route->settings->apply->conflict;
  const std::array params{Param(turn.route->settings->target),
                          Param(turn.route->settings->request_type),
                          Param(turn.object_id),
                          or_null(turn.remote_id),
                          or_null(agreed),
                          or_null(ours),
                          or_null(theirs),
                          Param::array(std::span<const std::string>(fields)),
                          Param(word_of(policy)),
                          policy == ConflictPolicy::manual ? Param() : Param(word_of(policy))};
  auto done = turn.session.run(queries::apply_conflict, params);
  if (!done) return tl::unexpected(std::move(done.error()));
  return {};
}

Status Applier::agree(Turn& turn, const std::string& image, bool unsettled) {
  const std::array params{Param(turn.route->settings->target),
                          Param(turn.route->settings->request_type),
                          Param(turn.object_id),
                          Param(image.empty() ? "{}" : image),
                          or_null(turn.record.version),
                          Param(unsettled)};
  auto done = turn.session.run(queries::apply_agree, params);
  if (!done) return tl::unexpected(std::move(done.error()));
  return {};
}

Status Applier::pair(Turn& turn) {
  if (turn.remote_id.empty()) return {};
  const std::array params{Param(turn.route->settings->target), Param(turn.route->settings->request_type),
                          Param(turn.object_id), Param(turn.remote_id)};
  auto done = turn.session.run(queries::apply_pair, params);
  if (!done) return tl::unexpected(std::move(done.error()));
  return {};
}

Status Applier::unpair(Turn& turn) {
  const std::array params{Param(turn.route->settings->target), Param(turn.route->settings->request_type),
                          or_null(turn.object_id), or_null(turn.remote_id)};
  auto done = turn.session.run(queries::apply_unpair, params);
  if (!done) return tl::unexpected(std::move(done.error()));
  return {};
}

Status Applier::supersede(Turn& turn) {
  if (turn.lane.waiting.empty() || turn.lane.waiting == "{}") return {};
  const std::array params{Param(turn.lane.waiting)};
  auto done = turn.session.run(queries::apply_supersede, params);
  if (!done) return tl::unexpected(std::move(done.error()));
  return {};
}

Status Applier::follow(Turn& turn) {
  const std::array params{Param(turn.route->settings->target), Param(turn.route->settings->request_type),
                          Param(turn.object_id)};
  auto done = turn.session.run(queries::apply_follow, params);
  if (!done) return tl::unexpected(std::move(done.error()));
  return {};
}

Result<Applier::End> Applier::settle(Turn& turn, Outcome outcome, std::string_view error_code,
                                     const std::string& description) {
  return settle(turn.session, turn.record, outcome, error_code, description, turn.object_id);
}

Result<Applier::End> Applier::settle(Connection& session, const InboxRecord& record, Outcome outcome,
                                     std::string_view error_code, const std::string& description,
                                     const std::string& object_id) {
  const std::array params{Param(fence_.name),
                          Param(fence_.epoch),
                          Param(record.counter),
                          Param(record.record_id),
                          Param(static_cast<std::int32_t>(state_of(outcome))),
                          Param(word(outcome)),
                          or_null(std::string(error_code)),
                          or_null(description),
                          or_null(object_id),
                          Param(record.attempts + 1)};
  auto rows = session.run(queries::apply_settle, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->number(0, 0) == 0) return fenced();
  return End::settled;
}

Result<Applier::End> Applier::park(Connection& session, const InboxRecord& record, milliseconds wait,
                                   std::string_view reason, std::string_view error_code, const std::string& description,
                                   int attempts) {
  const std::array params{Param(fence_.name),
                          Param(fence_.epoch),
                          Param(record.counter),
                          Param(record.record_id),
                          Param(static_cast<std::int64_t>(wait.count())),
                          Param(reason),
                          or_null(std::string(error_code)),
                          or_null(description),
                          Param(attempts)};
  auto rows = session.run(queries::apply_park, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->number(0, 0) == 0) return fenced();
  return End::parked;
}

Result<Applier::End> Applier::wait_or_fail(Turn& turn, std::string_view reason, std::string_view error_code,
                                           const std::string& description) {
  const InboxRecord& record = turn.record;
  if (record.age >= turn.route->settings->max_wait) return settle(turn, Outcome::expired, error_code, description);
  const auto wait = std::clamp(record.age / 4, first_wait, longest_wait);
  return park(turn.session, record, wait, reason, error_code, description, record.attempts);
}

std::string Applier::key_of(const Table& table, const Columns& row) const {
  if (table.key.size() == 1) {
    const auto found = row.find(table.key.front());
    return found == row.end() ? std::string() : json::scalar_text(found->second).value_or(found->second);
  }
  std::string out = "[";
  for (const auto& name : table.key) {
    const auto found = row.find(name);
    out += (out.size() > 1 ? ", " : "") + (found == row.end() ? std::string("null") : found->second);
  }
  return out + "]";
}

/// {"id": "7"}: the database reads each value as its column's type.
std::string Applier::key_object(const Table& table, const std::string& object_id) const {
  json::Writer w;
  w.open_object();
  if (table.key.size() == 1) {
    w.key(table.key.front()).string(object_id);
  } else {
    const auto elements = json::elements(object_id);
    for (std::size_t place = 0; place < table.key.size(); ++place) {
      w.key(table.key[place]);
      if (elements && place < elements->size())
        w.raw((*elements)[place]);
      else
        w.null();
    }
  }
  w.close_object();
  return w.take();
}

std::string Applier::where(Turn& turn, std::string_view parameter) const {
  const auto& table = *turn.table;
  return " where (" + quoted(turn.session, table.key, "t.") + ") = (select " + quoted(turn.session, table.key, "k.") +
         " from jsonb_populate_record(null::" + table.relation + ", " + std::string(parameter) + "::jsonb) as k)";
}

}  // namespace tandem
