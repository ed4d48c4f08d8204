#pragma once
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/sql.hpp"

namespace tandem::test_support {

/// What every trigger below calls: it writes each change as text, column by column, into a table of its own that is
/// not in the write-ahead log. A rolled-back change takes its entry with it.
inline constexpr const char* trigger_log = R"(
create schema log;
create unlogged table log.entry (
  n bigserial, xid xid, schema text, name text, partitioned bool, operation text, identity text, keys text[], columns text[], made text[], before text[], after text[]);
create function log.note() returns trigger language plpgsql as $$
declare
  columns text[]; made text[]; list text; keys text[]; kind text; whole bool; before text[]; after text[];
begin
  select relreplident, relkind = 'p' into kind, whole from pg_class where oid = tg_relid;
  if tg_op <> 'TRUNCATE' then
    select array_agg(attname::text order by attnum),
           string_agg(format('case when ($1).%1$I is not null then format(''%%s'', ($1).%1$I) end', attname), ', ' order by attnum),
           array_agg(attname::text) filter (where attgenerated <> '')
      into columns, list, made from pg_attribute where attrelid = tg_relid and attnum > 0 and not attisdropped;
    select array_agg(a.attname::text order by a.attnum) into keys
      from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
     where i.indrelid = tg_relid and case kind when 'd' then i.indisprimary when 'i' then i.indisreplident end;
    list := 'select array[' || list || ']::text[]';
    if tg_op <> 'INSERT' then execute list into before using old; end if;
    if tg_op <> 'DELETE' then execute list into after using new; end if;
  end if;
  insert into log.entry (xid, schema, name, partitioned, operation, identity, keys, columns, made, before, after)
  values (pg_current_xact_id()::xid, tg_table_schema, tg_table_name, whole, left(tg_op, 1), kind,
          case kind when 'f' then columns else keys end, columns, made, before, after);
  return null;
end $$;
)";

/// A session that writes at random into its own schema: rows, and the tables themselves. It looks at the catalogs to
/// know what there is, so whatever has been rolled back does not confuse it. What a statement must not do takes the
/// transaction with it.
class RandomWriter {
 public:
  RandomWriter(const std::string& url, std::string schema, unsigned seed)
      : sql_(url), schema_(std::move(schema)), random_(seed) {
    sql_.run(
        "set datestyle = iso, ymd; set timezone = utc; set bytea_output = hex; set lock_timeout = 10000; create "
        "schema " +
        schema_ + "; set search_path = " + schema_ + "; create type mood as enum ('sad', 'so ''so\"', 'ü')");
    for (int i = 0; i < 3; ++i) create_table();
    create_partitioned();
  }

  /// A statement, or the begin or end of a transaction. The transaction that has been committed by it, or "".
  std::string step() {
    if (!prepared_.empty()) return finish_prepared();
    if (!open_) {
      if (chance(2)) {
        sql_.run("vacuum full " + table().name);
        return {};
      }
      sql_.run("begin");
      savepoints_ = 0;
      open_ = true;
      return {};
    }
    if (chance(25)) return end();
    attempt([&] { act(); });
    return {};
  }
  std::string end() {
    if (!prepared_.empty()) return finish_prepared();
    if (!open_) return {};
    open_ = false;
    if (chance(15)) {
      sql_.run("rollback");
      return {};
    }
    const auto xid = sql_.text("select pg_current_xact_id_if_assigned()::xid");
    if (!xid.empty() && chance(20)) {
      sql_.run("prepare transaction '" + schema_ + " " + xid + "'");
      prepared_ = xid;
      return {};
    }
    sql_.run("commit");
    return xid;
  }
  /// A prepared transaction is left behind by `end` now and then: others write before it is committed.
  [[nodiscard]] bool ended() const { return !open_ && prepared_.empty(); }

  int refused = 0, done = 0, prepared = 0;

 private:
  struct Table {
    std::string name;
    bool partitioned = false;
  };
  struct Column {
    std::string name, type;
  };

  unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
  bool chance(unsigned percent) { return below(100) < percent; }
  std::string number(unsigned bound) { return std::to_string(below(bound)); }
  template <class Values>
  auto pick(const Values& values) {
    return values[below(static_cast<unsigned>(values.size()))];
  }
  std::string word(std::initializer_list<const char*> words) {
    return *(words.begin() + below(static_cast<unsigned>(words.size())));
  }
  static std::string quoted(const std::string& name) {
    std::string out = "\"";
    for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + '"';
  }

  template <class Act>
  void attempt(const Act& act) {
    try {
      act();
      ++done;
    } catch (const std::runtime_error&) {
      ++refused;
      if (savepoints_ > 0) {
        sql_.run("rollback to s" + std::to_string(savepoints_));
      } else {
        sql_.run("rollback");
        open_ = false;
      }
    }
  }

  Table table() {
    const auto rows = sql_.rows("select relname, relkind from pg_class where relnamespace = '" + schema_ +
                                "'::regnamespace and relkind in ('r', 'p') and not relispartition order by relname");
    const auto row = pick(rows);
    return {quoted(*row[0]), row[1] == "p"};
  }
  /// Those that are no key of any kind.
  std::vector<Column> columns(const std::string& table) {
    std::vector<Column> out;
    for (const auto& row : sql_.rows(
             "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = '" + table +
             "'::regclass and attnum > 0 and not attisdropped and attgenerated = '' and attname not in ('id', 'code') "
             "order by attnum"))
      out.push_back({quoted(*row[0]), *row[1]});
    return out;
  }

  std::string type() {
    return word({"text",
                 "text",
                 "character varying(40)",
                 "integer",
                 "bigint",
                 "numeric",
                 "numeric(12,3)",
                 "timestamp with time zone",
                 "timestamp without time zone",
                 "date",
                 "interval",
                 "jsonb",
                 "json",
                 "bytea",
                 "integer[]",
                 "text[]",
                 "boolean",
                 "double precision",
                 "real",
                 "uuid",
                 "character(6)",
                 "mood",
                 "int4range",
                 "bit varying(9)",
                 "money",
                 "inet"});
  }
  /// Some that fit inline, some that are kept outside of the row.
  std::string large(unsigned most) {
    return "(select string_agg(md5(n::text || '" + number(1'000) + "'), '') from generate_series(1, " +
           std::to_string(chance(60) ? 1 : 1 + below(most)) + ") n)";
  }
  std::string value(const std::string& type) {
    if (chance(15)) return "null";
    const auto small = std::to_string(static_cast<int>(below(2'000)) - 1'000);
    if (type == "text")
      return chance(40) ? large(300) : word({"''", "'ü€\U0001F600'", "E'a\\n\\\\\\t\"b\"'", "'null'", "' '", "'x'"});
    if (type == "character varying(40)") return word({"'a'", "'€'", "''"}) + "||" + number(99);
    if (type == "character(6)") return word({"'a'", "'ab  '", "''", "'€uro'"});
    if (type == "integer") return chance(20) ? word({"-2147483648", "2147483647"}) : small;
    if (type == "bigint") return chance(20) ? word({"-9223372036854775808", "9223372036854775807"}) : small;
    if (type == "numeric")
      return word({"'NaN'", "'Infinity'", "'-Infinity'", "0.00", "1e100", "-0.000001", "1.50", "1.5"});
    if (type == "numeric(12,3)") return small + ".25";
    if (type == "timestamp with time zone")
      return word(
          {"'infinity'", "'-infinity'", "'0044-03-15 12:00 BC'", "'2026-03-29 02:30:00.123456+02'", "'294276-12-31'"});
    if (type == "timestamp without time zone") return word({"'infinity'", "'2000-01-01'", "'2026-10-25 02:30:00.5'"});
    if (type == "date") return word({"'infinity'", "'2024-02-29'", "'0001-01-01 BC'"});
    if (type == "interval") return word({"'1 year -2 days 03:04:05.6'", "'0'", "'-1 month'"});
    if (type == "jsonb" || type == "json")
      return chance(30) ? "to_json(" + large(200) + ")"
                        : word({"'null'", "'{\"b\": [1.50, null, \"ü\"], \"a\": {}}'", "'\"x\"'", "'[]'"});
    if (type == "bytea") return chance(30) ? "decode(" + large(300) + ", 'hex')" : word({"''", "'\\x00ff5c22'"});
    if (type == "integer[]") return word({"'{}'", "'{1,null,-3}'", "'{{1,2},{3,4}}'", "'[0:1]={5,6}'"});
    if (type == "text[]")
      return chance(20) ? "array[" + large(200) + "]" : word({"'{}'", "array['a,b', 'c\"d', null, 'NULL', '', '\\']"});
    if (type == "boolean") return word({"true", "false"});
    if (type == "double precision")
      return word({"'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "0.1", "5e-324", "1e308", "1.0000000000000002"});
    if (type == "real") return word({"'NaN'", "'Infinity'", "'-0'", "0.1", "1e-45", "3.4028235e38"});
    if (type == "uuid") return "md5('" + number(999) + "')::uuid";
    if (type == "mood") return word({"'sad'", "'so ''so\"'", "'ü'"});
    if (type == "int4range") return word({"'empty'", "'[1,5)'", "'(,3]'"});
    if (type == "bit varying(9)") return word({"''", "'101'"});
    if (type == "money") return word({"12.5::numeric::money", "'-1000'::money"});
    if (type == "inet") return word({"'10.0.0.1/8'", "'::1'"});
    throw std::logic_error("no values of " + type);
  }

  std::string finish_prepared() {
    const auto xid = std::exchange(prepared_, {});
    const bool kept = !chance(25);
    sql_.run((kept ? "commit prepared '" : "rollback prepared '") + schema_ + " " + xid + "'");
    if (!kept) return {};
    ++prepared;
    return xid;
  }

  void act() {
    switch (below(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
        return insert();
      case 6:
      case 7:
      case 8:
      case 9:
      case 10:
        return update();
      case 11:
      case 12:
        return change_key();
      case 13:
      case 14:
        sql_.run("delete from " + table().name + " where " + some());
        return;
      case 15:
        return chance(30) ? truncate() : insert();
      case 16:
        return savepoint();
      case 17:
        return sql_.run(chance(50) ? "savepoint s" + std::to_string(++savepoints_)
                                   : "select pg_logical_emit_message(true, 'm', 'x')");
      default:
        return change_table();
    }
  }

  std::string some() { return "id % " + std::to_string(2 + below(9)) + " = " + number(3); }

  void insert() {
    const auto into = table();
    const auto columns = this->columns(into.name);
    std::string names = "id, code", rows;
    for (const auto& column : columns) names += ", " + column.name;
    const auto count = 1 + below(chance(5) ? 60 : 4);
    for (unsigned row = 0; row < count; ++row) {
      rows += (row == 0 ? "(" : ", (") + number(300) + ", " + number(1'000'000);
      for (const auto& column : columns) rows += ", " + typed(column);
      rows += ")";
    }
    const bool again = count == 1 && !columns.empty() && chance(20);
    sql_.run("insert into " + into.name + " (" + names + ") values " + rows +
             (again ? " on conflict (id) do update set " + columns.front().name + " = excluded." + columns.front().name
              : chance(85) ? " on conflict do nothing"
                           : ""));
  }
  std::string typed(const Column& column) { return "(" + value(column.type) + ")::" + column.type; }

  void update() {
    const auto changed = table();
    const auto columns = this->columns(changed.name);
    std::string set;
    for (const auto& column : columns)
      if (chance(30))
        set += (set.empty() ? "" : ", ") + column.name + " = " + (chance(20) ? column.name : typed(column));
    if (set.empty()) set = "code = code";
    sql_.run("update " + changed.name + " set " + set + " where " + some());
  }
  /// Far enough to come to another partition now and then.
  void change_key() {
    const auto changed = table().name;
    const auto one = " where id = (select id from " + changed + " order by id offset " + number(5) + " limit 1)";
    sql_.run("update " + changed + " set " +
             (chance(60) ? "id = (id + " + number(300) + ") % 1000" : "code = code + " + number(1'000)) + one);
  }
  void truncate() {
    sql_.run("truncate " + table().name + (chance(30) ? ", " + table().name : "") +
             (chance(30) ? " restart identity" : "") + (chance(30) ? " cascade" : ""));
  }
  void savepoint() {
    const auto name = std::to_string(++savepoints_);
    sql_.run("savepoint s" + name);
    for (auto n = 1 + below(3); n > 0; --n) {
      switch (below(3)) {
        case 0:
          change_table();
          break;
        case 1:
          insert();
          break;
        default:
          update();
      }
    }
    sql_.run((chance(60) ? "rollback to s" : "release s") + name);
    if (chance(50)) {
      sql_.run("savepoint s" + name);
      insert();
    }
    sql_.run("savepoint s" + name);
  }

  void change_table() {
    const auto changed = table();
    const auto columns = this->columns(changed.name);
    const auto alter = "alter table " + changed.name + " ";
    switch (below(9)) {
      case 0:
      case 1: {
        const auto made = type();
        if (columns.size() > 14) return;
        if (chance(20)) return sql_.run(alter + "add column " + fresh("g") + " text " + generated());
        return sql_.run(alter + "add column " + fresh("c") + " " + made +
                        (chance(50)                   ? " default " + value(made)
                         : made == "double precision" ? " default random()"
                                                      : ""));
      }
      case 2:
        if (columns.size() > 2) sql_.run(alter + "drop column " + pick(columns).name);
        return;
      case 3:
        if (!columns.empty()) sql_.run(alter + "rename column " + pick(columns).name + " to " + fresh("Spalte ü\""));
        return;
      case 4: {
        if (columns.empty()) return;
        const auto column = pick(columns);
        const bool whole = column.type == "integer";
        return sql_.run(alter + "alter column " + column.name +
                        (chance(20) ? " drop default, alter column " + column.name : "") + " type " +
                        (whole ? "bigint" : "text using " + column.name + "::text"));
      }
      case 5:
        return chance(25) ? create_partitioned() : create_table();
      case 6:
        if (sql_.number("select count(*) from pg_class where relkind in ('r', 'p') and not relispartition and "
                        "relnamespace = '" +
                        schema_ + "'::regnamespace") > 3)
          sql_.run("drop table " + changed.name);
        return;
      case 7:
        return sql_.run(alter + "rename to " + fresh("Tabelle"));
      default:
        return change_identity();
    }
  }
  void change_identity() {
    const auto rows = sql_.rows(
        "select c.relname, i.indexrelid::regclass from pg_class c left join pg_index i on i.indrelid = c.oid "
        "and i.indisunique and not i.indisprimary where c.relnamespace = '" +
        schema_ + "'::regnamespace and c.relkind = 'r' order by c.relname");
    const auto row = pick(rows);
    sql_.run("alter table " + quoted(*row[0]) + " replica identity " +
             (chance(40)              ? "full"
              : chance(40) || !row[1] ? "default"
                                      : "using index " + *row[1]));
  }

  std::string fresh(const std::string& beginning) { return quoted(beginning + std::to_string(++made_)); }
  /// What PostgreSQL computes; one that it keeps outside of the row now and then.
  std::string generated() {
    return "generated always as (" + word({"id::text || '-' || code", "repeat(md5(code::text), 200)"}) + ") stored";
  }
  std::string more_columns() {
    std::string out;
    if (chance(30)) out += ", " + fresh("g") + " text " + generated();
    for (auto n = 1 + below(8); n > 0; --n) {
      const auto made = type();
      out += ", " + fresh("c") + " " + made;
    }
    return out;
  }
  void log_truncates_of(const std::string& table) {
    sql_.run("create trigger truncated after truncate on " + table + " for each statement execute function log.note()");
  }
  void log_rows_of(const std::string& table) {
    sql_.run("create trigger noted after insert or update or delete on " + table +
             " for each row execute function log.note()");
  }
  void create_table() {
    const auto name = fresh("t");
    sql_.run("create table " + name + " (id int primary key, code int not null" + more_columns() +
             "); create unique index on " + name + " (code)");
    if (chance(25)) sql_.run("alter table " + name + " replica identity full");
    log_rows_of(name);
    log_truncates_of(name);
  }
  void create_partitioned() {
    const auto number = std::to_string(++made_);
    sql_.run("create table p" + number + " (id int primary key, code int not null" + more_columns() +
             ") partition by range (id)");
    log_rows_of("p" + number);
    log_truncates_of("p" + number);
    const std::string bounds[] = {"minvalue", "150", "500", "maxvalue"};
    for (std::size_t i = 0; i < 3; ++i) {
      const auto part = "p" + number + "_" + std::to_string(i);
      sql_.run("create table " + part + " partition of p" + number + " for values from (" + bounds[i] + ") to (" +
               bounds[i + 1] + "); create unique index on " + part + " (code)");
      if (chance(25)) sql_.run("alter table " + part + " replica identity full");
      log_truncates_of(part);
    }
  }

  Sql sql_;
  std::string schema_;
  std::mt19937 random_;
  bool open_ = false;
  std::string prepared_;  ///< the id of a transaction that is prepared, and holds its locks
  int savepoints_ = 0, made_ = 0;
};

}  // namespace tandem::test_support
