#include "mapping/plan.hpp"

#include <algorithm>
#include <utility>

#include "json/scan.hpp"
#include "json/text.hpp"

namespace tandem {
namespace {

std::vector<std::string> cut_at_dots(std::string_view path) {
  std::vector<std::string> steps;
  for (;;) {
    const std::size_t dot = path.find('.');
    steps.emplace_back(path.substr(0, dot));
    if (dot == std::string_view::npos) return steps;
    path.remove_prefix(dot + 1);
  }
}

void place(MappingPlan::Node& root, const std::vector<std::string>& path, std::size_t field) {
  MappingPlan::Node* at = &root;
  for (const std::string& step : path) {
    const auto found =
        std::find_if(at->members.begin(), at->members.end(), [&](const auto& m) { return m.name == step; });
    at = found != at->members.end()
             ? &*found
             : &at->members.emplace_back(MappingPlan::Node{step, json::quote(step) + ':', none, {}});
  }
  at->field = field;
}

/// Why a field tells nothing about a column; empty = it does.
std::string obstacle(const MappingPlan::Field& field, const std::vector<MappingPlan::Field>& before) {
  const FieldSettings& settings = field.settings;
  if (settings.kind == FieldKind::sql) return "computed by an sql expression";
  if (settings.kind == FieldKind::constant) return "constant";
  if (field.to_ours.ambiguous()) return "its value table gives two of our values the same value there";
  for (const auto& other : before)
    if (other.invertible && other.column == field.column) return "its column is already read from " + other.settings.to;
  return {};
}

}  // namespace

ValueTable::ValueTable(const std::vector<std::pair<std::string, std::string>>& values, bool inverse) {
  rows_.reserve(values.size());
  for (const auto& [ours, theirs] : values) {
    const std::string& key = inverse ? theirs : ours;
    for (const auto& row : rows_) ambiguous_ = ambiguous_ || json::equal(row.first, key);
    by_token_.emplace(key, rows_.size());
    if (const auto text = json::scalar_text(key)) by_text_.emplace(*text, rows_.size());
    rows_.emplace_back(key, inverse ? ours : theirs);
  }
}

const std::string* ValueTable::find(std::string_view token) const {
  if (const auto found = by_token_.find(token); found != by_token_.end()) return &rows_[found->second].second;
  if (const auto text = json::scalar_text(token))
    if (const auto found = by_text_.find(*text); found != by_text_.end()) return &rows_[found->second].second;
  for (const auto& row : rows_)
    if (json::equal(row.first, token)) return &row.second;
  return nullptr;
}

MappingPlan::MappingPlan(const RouteSettings& route) : all_columns(route.all_columns || route.fields.empty()) {
  fields.reserve(route.fields.size());
  for (const FieldSettings& settings : route.fields) {
    Field field{settings,
                none,
                ValueTable(settings.values, false),
                ValueTable(settings.values, true),
                false,
                cut_at_dots(settings.to)};
    if (settings.kind == FieldKind::column)
      field.column = columns.try_emplace(settings.column, columns.size()).first->second;
    const std::string reason = obstacle(field, fields);
    field.invertible = reason.empty();
    if (!field.invertible && settings.kind != FieldKind::constant)
      not_invertible.push_back({field_name(settings), reason});
    place(root, field.path, fields.size());
    fields.push_back(std::move(field));
  }
  // Known, and read by no field: they travel neither way under their own names.
  for (const std::string& column : route.ignores) columns.try_emplace(column, columns.size());
}

const std::string& field_name(const FieldSettings& field) {
  return field.column.empty() ? field.to : field.column;
}

MappingFault field_fault(const FieldSettings& field, std::string_view what) {
  const std::string& name = field_name(field);
  return {name, "field " + name + ": " + std::string(what), false, {}, {}};
}

std::string shown(std::string_view token) {
  constexpr std::size_t longest = 80;
  if (token.size() <= longest) return std::string(token);
  std::size_t end = longest;
  while (end > 0 && (static_cast<unsigned char>(token[end]) & 0xC0) == 0x80) --end;
  return std::string(token.substr(0, end)) + "…";
}

}  // namespace tandem
