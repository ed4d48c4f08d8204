#include "apply/crm_table.hpp"

#include <array>

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

std::vector<std::string> names_of(const Columns& columns) {
  std::vector<std::string> names;
  for (const auto& [name, value] : columns) names.push_back(name);
  return names;
}

}  // namespace

postgres::Query CrmTable::prepared(std::string sql) {
  const auto [place, fresh] = statements_.try_emplace(std::move(sql));
  if (fresh) place->second = "apply " + name_ + " " + std::to_string(statements_.size());
  return {place->second, place->first};
}

/// $1: the key, as key_object writes it.
std::string CrmTable::where(Connection& session) const {
  return " where (" + quoted(session, key_, "t.") + ") = (select " + quoted(session, key_, "k.") +
         " from jsonb_populate_record(null::" + relation_ + ", $1::jsonb) as k)";
}

Result<Columns> CrmTable::canonical(Connection& session, const Columns& given) {
  const std::array params{Param(object_of(given))};
  auto rows = session.run(
      prepared("select to_jsonb(p.*)::text from jsonb_populate_record(null::" + relation_ + ", $1::jsonb) as p"),
      params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  const Columns canonical = columns_of(rows->text(0, 0));
  Columns out;
  for (const auto& [name, value] : given)
    if (const auto found = canonical.find(name); found != canonical.end()) out.emplace(name, found->second);
  return out;
}

Result<std::vector<std::string>> CrmTable::find(Connection& session, const std::vector<std::string>& columns,
                                                const Columns& values) {
  const std::array params{Param(object_of(values))};
  auto rows = session.run(prepared("select to_jsonb(t.*)::text from " + relation_ + " t where (" +
                                   quoted(session, columns, "t.") + ") = (select " + quoted(session, columns, "p.") +
                                   " from jsonb_populate_record(null::" + relation_ + ", $1::jsonb) as p) limit 2"),
                          params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  std::vector<std::string> out;
  for (int row = 0; row < rows->size(); ++row) out.push_back(key_of(key_, columns_of(rows->text(row, 0))));
  return out;
}

Result<Columns> CrmTable::insert(Connection& session, const Columns& values) {
  const auto names = names_of(values);
  const std::string sql = names.empty()
                              ? "insert into " + relation_ + " as t default values returning to_jsonb(t.*)::text"
                              : "insert into " + relation_ + " as t (" + quoted(session, names, "") + ") select " +
                                    quoted(session, names, "p.") + " from jsonb_populate_record(null::" + relation_ +
                                    ", $1::jsonb) as p returning to_jsonb(t.*)::text";
  const std::vector<Param> params = names.empty() ? std::vector<Param>{} : std::vector<Param>{Param(object_of(values))};
  auto rows = session.run(prepared(sql), params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  return rows->size() == 0 ? Columns{} : columns_of(rows->text(0, 0));
}

Statement CrmTable::lock(Connection& session, const std::string& object_id) {
  return {prepared("select to_jsonb(t.*)::text from " + relation_ + " t" + where(session) + " for no key update"),
          {Param(key_object(key_, object_id))}};
}

Statement CrmTable::change(Connection& session, const std::string& object_id, const std::vector<std::string>& columns,
                           const Columns& values) {
  std::string sets;
  for (const auto& name : columns) {
    const auto column = session.quoted_identifier(name);
    sets += (sets.empty() ? "" : ", ") + column + " = p." + column;
  }
  return {prepared("update " + relation_ + " t set " + sets + " from jsonb_populate_record(null::" + relation_ +
                   ", $2::jsonb) as p" + where(session)),
          {Param(key_object(key_, object_id)), Param(object_of(values))}};
}

Statement CrmTable::erase(Connection& session, const std::string& object_id) {
  return {prepared("delete from " + relation_ + " t" + where(session)), {Param(key_object(key_, object_id))}};
}

}  // namespace tandem
