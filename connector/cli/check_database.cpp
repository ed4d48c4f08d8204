#include "cli/check_database.hpp"

#include <algorithm>
#include <optional>

#include "config/suggest.hpp"

namespace tandem::cli {
namespace {

using postgres::Connection;
using postgres::Param;

/// A watched table as the database knows it.
struct Relation {
  std::string qualified;  ///< quoted where needed
  std::vector<std::string> columns, primary_key;
};

class Check {
 public:
  Check(Connection& session, const Loaded& loaded, Problems& problems)
      : session_(session), loaded_(loaded), problems_(problems) {}

  void run() {
    const auto installed = session_.run("select to_regproc('tandem.check_expression') is not null");
    installed_ = installed && installed->flag(0, 0);
    for (const WatchSettings& watch : loaded_.settings.watches) {
      const auto relation = find(watch);
      if (!relation) continue;
      key(watch, *relation);
      if (watch.mode == WatchMode::wal) log(watch, *relation);
      if (watch.poll) polled(watch, *relation);
      touches(watch, *relation);
      for (const RouteSettings& route : loaded_.settings.routes)
        if (route.watch == watch.name) route_of(route, *relation);
    }
    tables_once();
  }

 private:
  void report(const std::string& key, std::string message, std::string remedy) {
    problems_.push_back({loaded_.settings.file, loaded_.line_of(key), key, std::move(message), std::move(remedy)});
  }
  void unexpected(const std::string& key, const Error& error) {
    report(key, "could not be checked: " + error.message,
           error.hint.empty() ? "mend what the database says and try again" : error.hint);
  }

  std::optional<Relation> find(const WatchSettings& watch) {
    const std::string place = "watches." + watch.name + ".table";
    if (watch.table.empty()) return std::nullopt;  // reported by the loader
    const Param params[] = {watch.table};
    auto rows = session_.run(R"(
select c.oid::regclass::text, c.relkind::text, n.nspname, c.relpersistence::text,
       array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum)::text,
       (select i.indexrelid from pg_index i where i.indrelid = c.oid and i.indisprimary)::text
from (select to_regclass(case when array_length(parse_ident($1), 1) = 1 then 'public.' || $1 else $1 end) as oid) as named
join pg_class c on c.oid = named.oid join pg_namespace n on n.oid = c.relnamespace)",
                             params);
    if (!rows) {
      if (rows.error().kind == ErrorKind::refused)
        report(place, "`" + watch.table + "` is not a table's name: " + rows.error().message,
               "write schema.table, quoted as in SQL where needed");
      else
        unexpected(place, rows.error());
      return std::nullopt;
    }
    if (rows->size() == 0) {
      report(place, "there is no table " + watch.table, alike(watch.table));
      return std::nullopt;
    }
    const auto kind = rows->text(0, 1);
    if (kind != "r" && kind != "p") {
      report(place, watch.table + " is not a table",
             kind == "v" || kind == "m" ? "watch the tables that the view reads"
                                        : "name an ordinary or partitioned table");
      return std::nullopt;
    }
    if (rows->text(0, 2) == "tandem") {
      report(place, watch.table + " belongs to tandem itself", "name a table of the CRM");
      return std::nullopt;
    }
    if (rows->text(0, 3) != "p") {
      report(place,
             watch.table +
                 (rows->text(0, 3) == "t" ? " is temporary" : " is unlogged: its changes do not survive a crash"),
             "name a permanent table");
      return std::nullopt;
    }
    Relation relation;
    relation.qualified = std::string(rows->text(0, 0));
    relation.columns = names(
        "select a.attname from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped "
        "order by a.attnum",
        relation.qualified);
    relation.primary_key = names(
        "select a.attname from pg_index i cross join unnest(i.indkey::smallint[]) with ordinality as k (attnum, place) "
        "join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum where i.indrelid = $1::regclass and "
        "i.indisprimary order by k.place",
        relation.qualified);
    tables_.emplace_back(relation.qualified, watch.name);
    return relation;
  }

  std::vector<std::string> names(std::string_view query, const std::string& parameter) {
    const Param params[] = {parameter};
    std::vector<std::string> out;
    auto rows = session_.run(query, params);
    for (int i = 0; rows && i < rows->size(); ++i) out.emplace_back(rows->text(i, 0));
    return out;
  }

  std::string alike(const std::string& table) {
    const auto tables = names(
        "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in "
        "('r', 'p') "
        "and n.nspname <> $1 and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema' and not "
        "c.relispartition order by 1 limit 500",
        "tandem");
    const auto unqualified = table.substr(table.rfind('.') + 1);
    for (const auto& candidate : {nearest(table, tables), nearest(unqualified, tables)})
      if (!candidate.empty()) return "did you mean " + candidate + "?";
    return "create it, or mend the name; schemas other than public must be written";
  }

  void key(const WatchSettings& watch, const Relation& relation) {
    const std::string place = "watches." + watch.name;
    if (watch.key.empty() && relation.primary_key.empty())
      report(place, relation.qualified + " has no primary key",
             "name the columns that identify a row: key: [" +
                 (relation.columns.empty() ? "id" : relation.columns.front()) + "]");
    for (std::size_t i = 0; i < watch.key.size(); ++i)
      column(place + ".key[" + std::to_string(i) + "]", watch.key[i], relation);
  }

  /// Columns that refer to objects of another watch: as many as that one's key has.
  void touches(const WatchSettings& watch, const Relation& relation) {
    for (const TouchSettings& touch : watch.touches) {
      const std::string place = "watches." + watch.name + ".touches";
      for (const std::string& name : touch.by) column(place, name, relation);
      const WatchSettings* touched = loaded_.settings.watch(touch.watch);
      if (touched == nullptr || touched->table.empty()) continue;  // reported by the loader
      const auto key = touched->key.empty() ? key_of(touched->table) : touched->key;
      if (!key.empty() && key.size() != touch.by.size())
        report(place,
               "the key of " + touched->table + " has " + std::to_string(key.size()) + " columns, and `by` names " +
                   std::to_string(touch.by.size()),
               "name the columns that refer to it, in the order of its key");
    }
  }

  std::vector<std::string> key_of(const std::string& table) {
    return names(
        "select a.attname from pg_index i cross join unnest(i.indkey::smallint[]) with ordinality as k (attnum, place) "
        "join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum where i.indrelid = to_regclass(case "
        "when "
        "array_length(parse_ident($1), 1) = 1 then 'public.' || $1 else $1 end) and i.indisprimary and k.place <= "
        "i.indnkeyatts order by k.place",
        table);
  }

  /// A watch without triggers: does the log say enough of its table?
  void log(const WatchSettings& watch, const Relation& relation) {
    const std::string place = "watches." + watch.name + ".mode";
    auto wal = session_.run("select current_setting('wal_level')");
    if (!wal) return unexpected(place, wal.error());
    if (wal->text(0, 0) != "logical")
      report(place, "`wal` needs wal_level = logical, and the server has " + std::string(wal->text(0, 0)),
             "alter system set wal_level = logical, then restart the server; or write mode: trigger");
    if (!installed_) return;
    const bool whole = std::ranges::any_of(loaded_.settings.routes, [&](const RouteSettings& route) {
      return route.watch == watch.name && (!route.when.empty() || !route.columns.empty() || route.changed);
    });
    const auto& key = watch.key.empty() ? relation.primary_key : watch.key;
    const Param params[] = {relation.qualified, Param::array(std::span<const std::string>(key)), whole};
    auto rows = session_.run(
        "select tandem.identity_problem($1::regclass, $2::text[], $3), exists (select from pg_inherits i join pg_class "
        "c on c.oid = i.inhrelid where i.inhparent = $1::regclass and not c.relispartition)",
        params);
    if (!rows) return unexpected(place, rows.error());
    if (rows->flag(0, 1))
      report(place, relation.qualified + " has child tables, which `wal` does not follow", "write mode: trigger");
    if (rows->null(0, 0)) return;
    const std::string problem(rows->text(0, 0));
    const auto remedy = std::min(problem.find(": alter table"), problem.size() - 2);
    report(place, problem.substr(0, remedy), problem.substr(remedy + 2));
  }

  /// A watch that is polled: do its columns tell what they should?
  void polled(const WatchSettings& watch, const Relation& relation) {
    const std::string place = "watches." + watch.name + ".poll";
    const auto before = problems_.size();
    column(place + ".updated", watch.poll->updated, relation);
    if (!watch.poll->deleted.empty()) column(place + ".deleted", watch.poll->deleted, relation);
    if (problems_.size() > before || !installed_) return;
    const Param params[] = {relation.qualified, watch.poll->updated,
                            watch.poll->deleted.empty() ? Param() : Param(watch.poll->deleted)};
    auto rows = session_.run("select tandem.poll_problem($1::regclass, $2, $3)", params);
    if (!rows) return unexpected(place, rows.error());
    if (!rows->null(0, 0)) report(place, std::string(rows->text(0, 0)), "name another column, or write mode: trigger");
  }

  void column(const std::string& place, const std::string& name, const Relation& relation) {
    if (std::ranges::find(relation.columns, name) == relation.columns.end())
      report(place, relation.qualified + " has no column " + name, suggest(name, relation.columns));
  }

  void expression(const std::string& place, const std::string& sql, const std::string& wanted,
                  const Relation& relation) {
    std::optional<std::string> words;
    if (installed_) {
      const Param params[] = {relation.qualified, sql, wanted.empty() ? Param() : Param(wanted)};
      auto rows = session_.run("select tandem.check_expression($1::regclass, $2, $3::regtype)", params);
      if (!rows) return unexpected(place, rows.error());
      if (!rows->null(0, 0)) words = std::string(rows->text(0, 0));
    } else {
      // Parsed and planned, not run; one statement, so that nothing can follow it.
      const std::string cast = wanted.empty() ? "" : "::" + wanted;
      auto rows =
          session_.run("explain (costs off) select (" + sql + "\n)" + cast + " from only " + relation.qualified);
      if (!rows && rows.error().kind != ErrorKind::refused) return unexpected(place, rows.error());
      if (!rows) words = rows.error().message;
    }
    if (words)
      report(place, "the database does not take this SQL: " + *words,
             "write an expression over the columns of " + relation.qualified + ", e.g. " +
                 (wanted.empty() ? "amount * 1.2" : "stage <> 'draft'"));
  }

  void route_of(const RouteSettings& route, const Relation& relation) {
    for (std::size_t i = 0; i < route.columns.size(); ++i)
      column(route.place + ".columns[" + std::to_string(i) + "]", route.columns[i], relation);
    const auto& back = route.write_back;
    if (!back.remote_id.empty()) column(route.place + ".write_back.remote_id", back.remote_id, relation);
    if (!back.status.empty()) column(route.place + ".write_back.status", back.status, relation);
    if (!route.when.empty()) expression(route.place + ".when", route.when, "boolean", relation);
    for (const FieldSettings& field : route.fields) {
      if (field.kind == FieldKind::column) column(route.place + ".fields." + field.column, field.column, relation);
      if (field.kind == FieldKind::sql && !field.sql.empty())
        expression(route.place + ".sql." + field.to, field.sql, "", relation);
    }
  }

  /// One watch per table: two would each draw a trigger of the same name.
  void tables_once() {
    for (std::size_t i = 0; i < tables_.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (tables_[i].first == tables_[j].first)
          report("watches." + tables_[i].second + ".table",
                 tables_[i].first + " is watched already by " + tables_[j].second, "move the routes below that watch");
  }

  Connection& session_;
  const Loaded& loaded_;
  Problems& problems_;
  bool installed_ = false;
  std::vector<std::pair<std::string, std::string>> tables_;  ///< table, watch
};

}  // namespace

void check_database(Connection& session, const Loaded& loaded, Problems& problems) {
  Check(session, loaded, problems).run();
  sort_by_line(problems);
}

}  // namespace tandem::cli
