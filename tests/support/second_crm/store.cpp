#include "support/second_crm/store.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace second_crm {
namespace {

constexpr std::size_t longest_external_id = 12'000;

Effect refused(int status, std::string code, std::string words) {
  return {.status = status, .code = std::move(code), .words = std::move(words)};
}

bool is_meta(std::string_view name) {
  return name == "id" || name == "version" || name == "created_at" || name == "updated_at" || name == "deleted";
}

std::string utc(Time time) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = micros / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(micros % 1'000'000));
  return text.data();
}

std::string content(const Object& object) {
  return object.external_id + '\n' + print(Json::object(object.fields));
}

}  // namespace

Store::Store(Schema schema) : schema_(std::move(schema)) {
  for (const auto& type : schema_.types) {
    tables_.emplace(type.name, Table{.type = type, .objects = {}, .ids = {}, .changes = {}});
    names_.push_back(type.name);
  }
}

Store::Table* Store::table(std::string_view name) {
  if (const auto found = tables_.find(name); found != tables_.end()) return &found->second;
  if (!schema_.any_type || name.empty()) return nullptr;
  ObjectType type{.name = std::string(name), .prefix = std::string(name.substr(0, 3)), .fields = {}, .open = true};
  names_.emplace_back(name);
  return &tables_.emplace(type.name, Table{.type = type, .objects = {}, .ids = {}, .changes = {}}).first->second;
}

const ObjectType* Store::type(std::string_view name) {
  const auto* found = table(name);
  return found == nullptr ? nullptr : &found->type;
}

/// Unlike anything the caller has: its type's prefix and ten characters that do not tell the order of creation.
std::string Store::next_id(const ObjectType& type) {
  constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::uint64_t scrambled = (++last_id_ * 0x2545F4914F6CDDULL) & ((std::uint64_t{1} << 50) - 1);
  std::string id = type.prefix + '_';
  for (int i = 0; i < 10; ++i, scrambled >>= 5) id.push_back(alphabet[scrambled & 31]);
  return id;
}

std::vector<FieldProblem> Store::check(Table& table, const Json& body, const Object* before, bool whole) {
  std::vector<FieldProblem> problems;
  for (const auto& [name, value] : body.members) {
    if (name == external_id_field) {
      const bool fits = value.kind == Json::Kind::null || (value.kind == Json::Kind::string && !value.text.empty() &&
                                                           value.text.size() <= longest_external_id);
      if (!fits) problems.push_back({name, "misfit", "must be a string of 1 to 12000 bytes"});
      continue;
    }
    if (is_meta(name)) {
      problems.push_back({name, "read_only", "is kept by this system"});
      continue;
    }
    const auto* field = table.type.field(name);
    if (field == nullptr) {
      if (!table.type.open) problems.push_back({name, "unknown_field", "is not a field of " + table.type.name});
      continue;
    }
    if (auto words = misfit(*field, value); !words.empty()) {
      problems.push_back({name, "misfit", std::move(words)});
    } else if (field->kind == FieldKind::reference && value.kind == Json::Kind::string) {
      const auto* parents = this->table(field->parent);
      const auto parent = parents->objects.find(value.text);
      if (parent == parents->objects.end() || parent->second.deleted) {
        problems.push_back({name, "unknown_reference", "no " + field->parent + " has the id " + value.text});
      }
    }
  }
  if (before == nullptr || whole) {
    for (const auto& field : table.type.fields) {
      if (field.required && body.find(field.name) == nullptr)
        problems.push_back({field.name, "required", "is required"});
    }
  }
  return problems;
}

void Store::count_references(const Table& table, const Object& object, int by) {
  for (const auto& [name, value] : object.fields) {
    const auto* field = table.type.field(name);
    if (field != nullptr && field->kind == FieldKind::reference) referrers_[value.text] += by;
  }
}

void Store::mark_changed(Table& table, Object& object, std::uint64_t change, Time now) {
  table.changes.erase(object.change);
  object.change = change;
  object.changed = now;
  ++object.version;
  table.changes.emplace(change, &object);
}

/// Checks first and changes everything or nothing. `object` is null for a create.
Effect Store::write(Table& table, Object* object, const Json& body, bool whole, Time now) {
  if (body.kind != Json::Kind::object) return refused(400, "not_an_object", "the body must be a JSON object");
  if (auto problems = check(table, body, object, whole); !problems.empty()) {
    return {.status = 422,
            .code = "invalid",
            .words = "the object does not fit " + table.type.name,
            .fields = std::move(problems)};
  }
  const auto* external = body.find(external_id_field);
  const std::string external_id =
      external == nullptr ? (object == nullptr || whole ? "" : object->external_id) : external->text;
  if (!external_id.empty() && (object == nullptr || external_id != object->external_id)) {
    if (const auto* other = find(table.type.name, external_id)) {
      auto effect = refused(409, "duplicate", "another " + table.type.name + " has this ExternalId");
      effect.object = other;
      return effect;
    }
  }

  int status = 200;
  const std::string before = object == nullptr ? std::string() : content(*object);
  if (object == nullptr) {
    status = 201;
    auto id = next_id(table.type);
    object = &table.objects[id];
    object->id = std::move(id);
    object->created = now;
    ++table.living;
  } else {
    count_references(table, *object, -1);
    if (external_id != object->external_id) table.ids.erase(object->external_id);
  }
  if (!external_id.empty()) table.ids[external_id] = object->id;
  object->external_id = external_id;
  if (whole) {
    for (const auto& field : object->fields) object->cleared.insert(field.first);
    object->fields.clear();
  }
  for (const auto& [name, value] : body.members) {
    if (name == external_id_field) continue;
    const auto at = std::ranges::find(object->fields, name, &std::pair<std::string, Json>::first);
    if (value.kind == Json::Kind::null) {
      if (at == object->fields.end()) continue;
      object->cleared.insert(name);
      object->fields.erase(at);
      continue;
    }
    object->cleared.erase(name);
    if (at != object->fields.end()) {
      at->second = value;
    } else {
      object->fields.emplace_back(name, value);
    }
  }
  count_references(table, *object, +1);
  mark_changed(table, *object, ++last_change_, now);
  return {.status = status, .object = object, .changed = content(*object) != before};
}

Effect Store::create(std::string_view type, const Json& body, Time now) {
  auto* table = this->table(type);
  if (table == nullptr) return refused(404, "unknown_type", "no such type");
  return write(*table, nullptr, body, false, now);
}

Effect Store::get(std::string_view type, std::string_view id) {
  auto* table = this->table(type);
  if (table == nullptr) return refused(404, "unknown_type", "no such type");
  const auto found = table->objects.find(std::string(id));
  if (found == table->objects.end()) return refused(404, "not_found", "no " + table->type.name + " has this id");
  if (found->second.deleted) return refused(410, "deleted", "this " + table->type.name + " was deleted");
  return {.status = 200, .object = &found->second};
}

Effect Store::change(std::string_view type, std::string_view id, const Json& body, ExpectedVersion expected, bool whole,
                     Time now) {
  auto found = get(type, id);
  if (!found.good()) return found;
  if (expected != 0 && expected != found.object->version) {
    return refused(412, "changed_meanwhile", "the version is " + std::to_string(found.object->version));
  }
  auto* table = this->table(type);
  return write(*table, &table->objects.at(std::string(id)), body, whole, now);
}

Effect Store::update(std::string_view type, std::string_view id, const Json& body, ExpectedVersion expected, Time now) {
  return change(type, id, body, expected, false, now);
}

Effect Store::replace(std::string_view type, std::string_view id, const Json& body, ExpectedVersion expected,
                      Time now) {
  return change(type, id, body, expected, true, now);
}

Effect Store::upsert(std::string_view type, std::string_view external_id, const Json& body, Time now) {
  auto* table = this->table(type);
  if (table == nullptr) return refused(404, "unknown_type", "no such type");
  if (external_id.empty()) return refused(400, "no_external_id", "the path needs an external id");
  if (body.kind != Json::Kind::object) return refused(400, "not_an_object", "the body must be a JSON object");
  const auto* named = body.find(external_id_field);
  if (named != nullptr && named->text != external_id) {
    return refused(422, "two_external_ids", "the body's ExternalId differs from the path's");
  }
  Json complete = body;
  if (named == nullptr) complete.members.emplace_back(external_id_field, Json::string(external_id));
  const auto* object = find(type, external_id);
  return write(*table, object == nullptr ? nullptr : &table->objects.at(object->id), complete, false, now);
}

Effect Store::remove(std::string_view type, std::string_view id, ExpectedVersion expected, Time now) {
  auto found = get(type, id);
  if (!found.good()) return found;
  auto* table = this->table(type);
  auto& object = table->objects.at(std::string(id));
  if (expected != 0 && expected != object.version) {
    return refused(412, "changed_meanwhile", "the version is " + std::to_string(object.version));
  }
  if (const auto referrers = referrers_.find(object.id); referrers != referrers_.end() && referrers->second > 0) {
    return refused(409, "has_children", std::to_string(referrers->second) + " objects refer to it");
  }
  count_references(*table, object, -1);
  table->ids.erase(object.external_id);
  object.deleted = true;
  --table->living;
  mark_changed(*table, object, ++last_change_, now);
  return {.status = 204, .object = &object};
}

const Object* Store::find(std::string_view type, std::string_view external_id) {
  auto* table = this->table(type);
  if (table == nullptr) return nullptr;
  const auto found = table->ids.find(std::string(external_id));
  return found == table->ids.end() ? nullptr : &table->objects.at(found->second);
}

std::vector<const Object*> Store::changed_after(std::string_view type, std::uint64_t change, std::size_t limit) {
  std::vector<const Object*> found;
  auto* table = this->table(type);
  if (table == nullptr) return found;
  for (auto at = table->changes.upper_bound(change); at != table->changes.end() && found.size() < limit; ++at) {
    found.push_back(at->second);
  }
  return found;
}

std::size_t Store::living(std::string_view type) {
  const auto* found = table(type);
  return found == nullptr ? 0 : found->living;
}

std::string print(const Object& object) {
  std::string out = "{\"id\":";
  append_json_string(out, object.id);
  out += ",\"version\":" + std::to_string(object.version);
  out += ",\"created_at\":\"" + utc(object.created) + "\",\"updated_at\":\"" + utc(object.changed) + '"';
  if (object.deleted) out += ",\"deleted\":true";
  if (!object.external_id.empty()) {
    out += ",\"";
    out += external_id_field;
    out += "\":";
    append_json_string(out, object.external_id);
  }
  for (const auto& [name, value] : object.fields) {
    out.push_back(',');
    append_json_string(out, name);
    out.push_back(':');
    out += print(value);
  }
  out.push_back('}');
  return out;
}

}  // namespace second_crm
