#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/scan.hpp"
#include "json/text.hpp"
#include "mapping/mapping.hpp"
#include "mapping/plan.hpp"

namespace tandem {
namespace {

/// The value at a field's path; of duplicate keys the last.
std::optional<std::string_view> find(const std::vector<json::Member>& members, const std::vector<std::string>& path) {
  std::optional<std::string_view> value;
  for (const json::Member& member : members)
    if (json::key_is(member.key, path.front())) value = member.value;
  for (std::size_t step = 1; step < path.size() && value; ++step) {
    const auto inner = json::members(*value);
    value.reset();
    if (!inner) break;
    for (const json::Member& member : *inner)
      if (json::key_is(member.key, path[step])) value = member.value;
  }
  return value;
}

/// JSON text of our value for theirs; nullopt where theirs is what our default wrote, which tells nothing.
tl::expected<std::optional<std::string>, MappingFault> ours(const MappingPlan::Field& field, std::string_view theirs) {
  const FieldSettings& settings = field.settings;
  if (field.to_ours.empty()) return std::string(theirs);
  if (const std::string* value = field.to_ours.find(theirs)) return *value;
  if (settings.fallback && json::equal(*settings.fallback, theirs)) return std::nullopt;
  if (theirs == "null") return "null";
  return tl::unexpected(field_fault(settings, "nothing of ours stands for " + shown(theirs) + " in its table"));
}

}  // namespace

tl::expected<Inverse, MappingFault> Mapping::invert(std::string_view their_body) const {
  const auto members = json::members(their_body);
  if (!members) return tl::unexpected(MappingFault{{}, "body: " + members.error().message, false, {}, {}});
  Inverse out;
  out.columns.reserve(plan_->fields.size());
  for (const MappingPlan::Field& field : plan_->fields) {
    if (!field.invertible) continue;
    const auto theirs = find(*members, field.path);
    if (!theirs) continue;
    auto value = ours(field, *theirs);
    if (!value) return tl::unexpected(std::move(value.error()));
    if (*value)
      out.columns.push_back(
          {field.settings.column, std::move(**value), *theirs == "null" ? std::string() : field.settings.ref});
  }
  if (!plan_->all_columns) return out;

  for (const json::Member& member : *members) {
    auto name = json::unquote('"' + std::string(member.key) + '"');
    if (!name) return tl::unexpected(MappingFault{{}, "body: a key is no text: " + shown(member.key), false, {}, {}});
    const auto& taken = plan_->root.members;
    if (std::any_of(taken.begin(), taken.end(), [&](const auto& node) { return node.name == *name; })) continue;
    const bool has_field = plan_->columns.find(*name) != plan_->columns.end();
    if (!has_field) out.columns.push_back({std::move(*name), std::string(member.value), {}});
  }
  return out;
}

}  // namespace tandem
