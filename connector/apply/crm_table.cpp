#include "apply/crm_table.hpp"

#include <algorithm>
#include <array>

#include "json/text.hpp"

namespace tandem {
namespace {

using postgres::Connection;
using postgres::Param;
using postgres::Statement;

std::string quoted(Connection& session, const std::vector<std::string>& names, std::string_view prefix) {
  std::string out;
  for (const auto& name : names) {
    if (!out.empty()) out += ", ";
    out.append(prefix).append(session.quoted_identifier(name));
  }
  return out;
}

std::string array_of(std::span<const std::string> objects) {
  std::string out = "[";
  for (const auto& object : objects) out.append(out.size() > 1 ? "," : "").append(object);
  return out + "]";
}

std::string array_of(std::span<const Columns> rows) {
  std::vector<std::string> objects;
  objects.reserve(rows.size());
  for (const auto& row : rows) objects.push_back(object_of(row));
  return array_of(std::span<const std::string>(objects));
}

std::string assignments(Connection& session, const std::vector<std::string>& columns) {
  std::string out;
  for (const auto& name : columns) {
    const auto column = session.quoted_identifier(name);
    out.append(out.empty() ? "" : ", ").append(column).append(" = p.").append(column);
  }
  return out;
}

std::vector<std::string> names_of(const Columns& columns) {
  std::vector<std::string> names;
  names.reserve(columns.size());
  for (const auto& [name, value] : columns) names.push_back(name);
  return names;
}

/// What makes of a text one of this type, just as jsonb_populate_record makes it of a scalar; none where only that can
/// tell. How long a text may be is left to the assignment: a cast would cut it.
std::optional<std::string> cast_to(std::string_view type) {
  constexpr std::array<std::string_view, 10> cast{
      "bigint", "integer", "smallint", "boolean",          "numeric",
      "real",   "date",    "uuid",     "double precision", "timestamp with time zone"};
  if (type == "text" || type == "character varying" || type.starts_with("character varying(")) return "";
  if (type.starts_with("numeric(")) return "::numeric";
  if (std::ranges::find(cast, type) != cast.end()) return "::" + std::string(type);
  return std::nullopt;
}

/// Values of each column in the order of the rows; none where one of them is no scalar.
std::optional<std::vector<Param>> texts_of(std::span<const Columns> rows) {
  std::vector<std::vector<std::optional<std::string>>> columns(rows.front().size());
  for (const auto& row : rows) {
    auto column = columns.begin();
    for (const auto& [name, value] : row) {
      auto text = json::scalar_text(value);
      if (!text && value != "null") return std::nullopt;
      column->push_back(text ? std::optional(std::move(*text)) : std::nullopt);
      ++column;
    }
  }
  std::vector<Param> out;
  for (const auto& texts : columns)
    out.push_back(Param::nullable_array(std::span<const std::optional<std::string>>(texts)));
  return out;
}

}  // namespace

postgres::Query CrmTable::prepared(std::string sql) {
  const auto [place, fresh] = statements_.try_emplace(std::move(sql));
  if (fresh) place->second = "apply " + name_ + " " + std::to_string(statements_.size());
  return {place->second, place->first};
}

void CrmTable::learn(std::map<std::string, std::string, std::less<>> types, Traits traits) {
  types_ = std::move(types);
  traits_ = traits;
}

std::string_view CrmTable::type_of(std::string_view column) const {
  const auto found = types_.find(column);
  return found == types_.end() ? std::string_view() : std::string_view(found->second);
}

/// Of a key that is found by its text; none where the column would round it or cut it.
std::optional<std::string> CrmTable::cast_of_key() const {
  if (key_.size() != 1 || type_of(key_.front()).ends_with(')')) return std::nullopt;
  return cast_to(type_of(key_.front()));
}

/// $1: keys, as keys_of writes them.
std::string CrmTable::by_key(Connection& session) const {
  if (const auto cast = cast_of_key())
    return " from unnest($1::text[]) with ordinality as g (key, place) join " + relation_ + " t on " +
           quoted(session, key_, "t.") + " = g.key" + *cast;
  return " from unnest($1::text[]) with ordinality as g (key, place)"
         " cross join lateral jsonb_populate_record(null::" +
         relation_ + ", g.key::jsonb) as k join " + relation_ + " t on (" + quoted(session, key_, "t.") + ") = (" +
         quoted(session, key_, "k.") + ")";
}

/// Is returned of each row as it is written: nothing of the CRM's comes between the row and its mark in the log, which
/// nobody else can write. Null, and no mark, where no stream captures the table when the statement has its lock.
std::string CrmTable::mark(Connection& session) const {
  return "pg_catalog.pg_logical_emit_message(true, 'tandem.apply', (select pg_catalog.concat_ws(E'\\n', s.mark, "
         "w.watch,"
         " pg_catalog.current_setting('tandem.origin')) from tandem.stream_watch w"
         " join tandem.stream s on s.connector = w.connector where w.watch = " +
         session.quoted_literal(name_) + "))";
}

/// Of rows that are locked: whether a stream captures them is known.
std::string CrmTable::marked(Connection& session, std::string_view word) const {
  return streamed_ ? std::string(word) + mark(session) : std::string();
}

Param CrmTable::keys_of(std::span<const std::string> object_ids) const {
  if (cast_of_key()) return Param::array(object_ids);
  std::vector<std::string> keys;
  keys.reserve(object_ids.size());
  for (const auto& object_id : object_ids) keys.push_back(key_object(key_, object_id));
  return Param::array(std::span<const std::string>(keys));
}

Statement CrmTable::canonical(std::span<const std::string> objects) {
  return {prepared("select g.place, to_jsonb(p.*)::text from unnest($1::text[]) with ordinality as g (object, place)"
                   " cross join lateral jsonb_populate_record(null::" +
                   relation_ + ", g.object::jsonb) as p"),
          {Param::array(objects)}};
}

Statement CrmTable::find(Connection& session, const std::vector<std::string>& columns,
                         std::span<const std::string> objects) {
  return {prepared("select g.place, to_jsonb(f.*)::text from unnest($1::text[]) with ordinality as g (object, place)"
                   " cross join lateral jsonb_populate_record(null::" +
                   relation_ + ", g.object::jsonb) as p cross join lateral (select * from " + relation_ + " t where (" +
                   quoted(session, columns, "t.") + ") = (" + quoted(session, columns, "p.") + ") limit 20) as f"),
          {Param::array(objects)}};
}

Statement CrmTable::lock(Connection& session, std::span<const std::string> object_ids) {
  return {prepared("select g.place, row_to_json(t.*)::text, t.ctid, t.tableoid" + by_key(session) +
                   " for no key update of t skip locked"),
          {keys_of(object_ids)}};
}

Statement CrmTable::read(Connection& session, std::span<const std::string> object_ids) {
  return {prepared("select g.place, row_to_json(t.*)::text" + by_key(session)), {keys_of(object_ids)}};
}

Statement CrmTable::behind(std::span<const std::string> object_ids, std::span<const std::int64_t> counters) const {
  return {{"apply behind",
           "select place, waits, row_hash, seen_at, waited from tandem.behind($1::text, $2::text[], $3::bigint[])"},
          {Param(name_), Param::array(object_ids), Param::array(counters)}};
}

Statement CrmTable::insert(Connection& session, const Columns& values) {
  const auto names = names_of(values);
  if (names.empty())
    return {prepared("insert into " + relation_ + " as t default values returning row_to_json(t.*)::text, " +
                     mark(session)),
            {}};
  return {prepared("insert into " + relation_ + " as t (" + quoted(session, names, "") + ") select " +
                   quoted(session, names, "p.") + " from jsonb_populate_record(null::" + relation_ +
                   ", $1::jsonb) as p returning row_to_json(t.*)::text, " + mark(session)),
          {Param(object_of(values))}};
}

Statement CrmTable::change(Connection& session, const Version& version, const std::vector<std::string>& columns,
                           const Columns& values) {
  Columns taken;
  for (const auto& name : columns)
    if (const auto value = values.find(name); value != values.end()) taken.emplace(value->first, value->second);
  return {prepared("update " + relation_ + " t set " + assignments(session, columns) +
                   " from jsonb_populate_record(null::" + relation_ +
                   ", $1::jsonb) as p where t.ctid = $2::tid and t.tableoid = $3::oid"
                   " returning row_to_json(t.*)::text" +
                   marked(session, ", ")),
          {Param(object_of(taken)), Param(version.ctid), Param(version.tableoid)}};
}

Statement CrmTable::erase(Connection& session, const Version& version) {
  return {prepared("delete from " + relation_ + " t where t.ctid = $1::tid and t.tableoid = $2::oid" +
                   marked(session, " returning ")),
          {Param(version.ctid), Param(version.tableoid)}};
}

/// Rows as `p`, with their places where there are any: from arrays of texts where that comes to the same, for half of
/// what JSON costs. A place has a name that no column of the CRM's has.
CrmTable::Given CrmTable::given(Connection& session, std::span<const Columns> rows,
                                std::span<const std::string> places) const {
  auto texts = texts_of(rows);
  std::string lists;
  std::size_t number = 0;
  for (const auto& name : names_of(rows.front())) {
    const auto cast = cast_to(type_of(name));
    if (!cast) texts.reset();
    lists += "unnest($" + std::to_string(++number) + "::text[])" + cast.value_or("") + " as " +
             session.quoted_identifier(name) + ", ";
  }
  if (!texts) return given_as_json(rows, places);
  if (places.empty())
    lists.resize(lists.size() - 2);
  else {
    lists += "unnest($" + std::to_string(++number) + "::text[]::tid[]) as \"tandem place\"";
    texts->push_back(Param::array(places));
  }
  return {"(select " + lists + ") as p", std::move(*texts)};
}

CrmTable::Given CrmTable::given_as_json(std::span<const Columns> rows, std::span<const std::string> places) const {
  const std::string records = "jsonb_populate_recordset(null::" + relation_ + ", $1::jsonb)";
  if (places.empty()) return {records + " as p", {Param(array_of(rows))}};
  return {"rows from (unnest($2::text[]::tid[]), " + records + ") as p (\"tandem place\")",
          {Param(array_of(rows)), Param::array(places)}};
}

Statement CrmTable::insert_all(Connection& session, std::span<const Columns> rows) {
  const auto names = names_of(rows.front());
  std::string told;
  for (const auto& name : key_) told.append("to_jsonb(t." + session.quoted_identifier(name) + ")::text, ");
  auto given = this->given(session, rows, {});
  return {prepared("insert into " + relation_ + " as t (" + quoted(session, names, "") + ") select " +
                   quoted(session, names, "p.") + " from " + given.text + " returning " + told + mark(session)),
          std::move(given.params)};
}

Statement CrmTable::change_all(Connection& session, std::span<const Version> versions, std::span<const Columns> rows) {
  std::vector<std::string> places;
  places.reserve(versions.size());
  for (const auto& version : versions) places.push_back(version.ctid);
  auto given = this->given(session, rows, places);
  return {prepared("update only " + relation_ + " t set " + assignments(session, names_of(rows.front())) + " from " +
                   given.text + " where t.ctid = p.\"tandem place\"" + marked(session, " returning ")),
          std::move(given.params)};
}

}  // namespace tandem
