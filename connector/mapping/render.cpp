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

/// A column's place in the plan, by its name as it is written in the row image.
std::size_t column_of(const TextIndex& columns, std::string_view key) {
  if (key.find('\\') == std::string_view::npos) {
    const auto found = columns.find(key);
    return found == columns.end() ? none : found->second;
  }
  const auto plain = json::unquote('"' + std::string(key) + '"');
  if (!plain) return none;
  const auto found = columns.find(*plain);
  return found == columns.end() ? none : found->second;
}

/// One record's way through the plan.
class Rendering {
 public:
  Rendering(const MappingPlan& plan, const Lookups& lookups, std::string& out)
      : plan_(plan), lookups_(lookups), out_(out) {}

  bool run(std::string_view body) {
    // Kept from record to record: a row image is read without an allocation.
    thread_local std::vector<json::Member> members;
    thread_local std::vector<std::string_view> values;
    if (Status read = json::read_members(body, members); !read)
      return wrong({{}, "body: " + read.error().message, false, {}, {}});
    values.assign(plan_.columns.size(), {});
    others_.clear();
    for (const json::Member& member : members) {
      const std::size_t column = column_of(plan_.columns, member.key);
      if (column != none)
        values[column] = member.value;
      else if (plan_.all_columns)
        others_.push_back(member);
    }
    values_ = values.data();

    out_ += '{';
    if (!write_members(plan_.root)) return false;
    for (const json::Member& member : others_)
      if (!write_other(member)) return false;
    out_ += '}';
    return true;
  }

  MappingFault fault;

 private:
  bool wrong(MappingFault what) {
    fault = std::move(what);
    return false;
  }

  void comma() {
    if (out_.back() != '{') out_ += ',';
  }

  bool write_members(const MappingPlan::Node& object) {
    for (const MappingPlan::Node& node : object.members) {
      if (node.field != none ? !write_field(node) : !write_object(node)) return false;
    }
    return true;
  }

  /// An object of which every member is left out is left out itself.
  bool write_object(const MappingPlan::Node& node) {
    const std::size_t before = out_.size();
    comma();
    out_ += node.quoted;
    out_ += '{';
    const std::size_t open = out_.size();
    if (!write_members(node)) return false;
    if (out_.size() == open)
      out_.resize(before);
    else
      out_ += '}';
    return true;
  }

  bool write_field(const MappingPlan::Node& node) {
    const MappingPlan::Field& field = plan_.fields[node.field];
    std::string_view token;
    if (!value_of(field, node.field, token)) return false;
    if (field.settings.omit_null && token == "null") return true;
    comma();
    out_ += node.quoted;
    out_ += token;
    return true;
  }

  bool write_other(const json::Member& member) {
    for (const MappingPlan::Node& node : plan_.root.members)
      if (json::key_is(member.key, node.name))
        return wrong({node.name, "field " + node.name + ": the row has a column of this name as well", false, {}, {}});
    comma();
    out_ += '"';
    out_ += member.key;
    out_ += "\":";
    out_ += member.value;
    return true;
  }

  bool value_of(const MappingPlan::Field& field, std::size_t index, std::string_view& token) {
    const FieldSettings& settings = field.settings;
    switch (settings.kind) {
      case FieldKind::constant:
        token = settings.constant;
        return true;
      case FieldKind::sql:
        return looked_up(index, token) || wrong(field_fault(settings, "the database computed no value for it"));
      case FieldKind::column:
        break;
    }
    token = values_[field.column];
    if (token.empty()) return wrong(field_fault(settings, "the row has no column " + settings.column));
    if (!settings.ref.empty() && token != "null") return reference(settings, index, token);
    if (!field.to_theirs.empty()) {
      if (const std::string* theirs = field.to_theirs.find(token)) {
        token = *theirs;
        return true;
      }
      if (token != "null" && !settings.fallback)
        return wrong(field_fault(settings, "no value for " + shown(token) + " in its table"));
      if (settings.fallback) token = *settings.fallback;
      return true;
    }
    if (token == "null" && settings.fallback) token = *settings.fallback;
    return true;
  }

  bool reference(const FieldSettings& settings, std::size_t index, std::string_view& token) {
    const std::string_view ours = token;
    if (looked_up(index, token)) return true;
    const auto parent = json::scalar_text(ours);
    if (!parent) return wrong(field_fault(settings, shown(ours) + " is not a key"));
    MappingFault waiting = field_fault(settings, settings.ref + " " + shown(*parent) + " is not known there yet");
    waiting.waits_for_parent = true;
    waiting.parent_type = settings.ref;
    waiting.parent_object_id = *parent;
    return wrong(std::move(waiting));
  }

  bool looked_up(std::size_t index, std::string_view& token) const {
    for (const Lookups::Value& value : lookups_.values)
      if (value.field == index && value.found && json::validate(value.json)) {
        token = value.json;
        return true;
      }
    return false;
  }

  const MappingPlan& plan_;
  const Lookups& lookups_;
  std::string& out_;
  const std::string_view* values_ = nullptr;
  std::vector<json::Member> others_;
};

}  // namespace

Mapping::Mapping(const RouteSettings& route) : plan_(std::make_shared<const MappingPlan>(route)) {}

const std::vector<NotInvertible>& Mapping::not_invertible() const {
  return plan_->not_invertible;
}

tl::expected<std::string, MappingFault> Mapping::render(std::string_view body, const Lookups& lookups) const {
  if (body.empty()) return tl::unexpected(MappingFault{{}, "body: the record has none", false, {}, {}});
  std::string out;
  out.reserve(body.size() + body.size() / 4 + 64);
  Rendering rendering(*plan_, lookups, out);
  if (!rendering.run(body)) return tl::unexpected(std::move(rendering.fault));
  return out;
}

}  // namespace tandem
