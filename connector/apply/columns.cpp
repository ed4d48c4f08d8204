#include "apply/columns.hpp"

#include <algorithm>

#include "json/scan.hpp"
#include "json/text.hpp"
#include "json/writer.hpp"

namespace tandem {

namespace {

std::vector<json::Member> members_of(std::string_view object) {
  auto members = json::members(object);
  return members ? std::move(*members) : std::vector<json::Member>{};
}

/// `key`: between its quotes, as written.
bool carries(const RouteSettings& route, std::string_view key) {
  std::string name(key);
  if (name.find('\\') != std::string::npos) name = json::unquote('"' + name + '"').value_or(name);
  return route.all_columns || std::ranges::any_of(route.fields, [&](const FieldSettings& field) {
           const std::string_view to = field.to;
           return to.starts_with(name) && (to.size() == name.size() || to[name.size()] == '.');
         });
}

}  // namespace

bool same_value(std::string_view a, std::string_view b) {
  return a == b || json::equal(a, b);
}

Columns columns_of(std::string_view object) {
  Columns out;
  const auto members = json::members(object);
  if (!members) return out;
  for (const auto& member : *members) {
    if (member.key.find('\\') == std::string_view::npos)
      out.insert_or_assign(std::string(member.key), std::string(member.value));
    else if (auto name = json::unquote('"' + std::string(member.key) + '"'))
      out.insert_or_assign(std::move(*name), std::string(member.value));
  }
  return out;
}

std::string object_of(const Columns& columns) {
  json::Writer w;
  w.open_object();
  for (const auto& [name, value] : columns) w.key(name).raw(value);
  w.close_object();
  return w.take();
}

std::string overlay(const RouteSettings& route, const std::string& before, const std::string& theirs) {
  auto told = members_of(theirs);
  std::erase_if(told, [&](const auto& member) { return !carries(route, member.key); });
  auto image = members_of(before);
  std::erase_if(
      image, [&](const auto& member) { return std::ranges::find(told, member.key, &json::Member::key) != told.end(); });
  image.insert(image.end(), told.begin(), told.end());
  std::string out = "{";
  for (const auto& member : image)
    out.append(out.size() > 1 ? ",\"" : "\"").append(member.key).append("\":").append(member.value);
  return out + "}";
}

std::string key_of(const std::vector<std::string>& key, const Columns& row) {
  if (key.size() == 1) {
    const auto found = row.find(key.front());
    return found == row.end() ? std::string() : json::scalar_text(found->second).value_or(found->second);
  }
  std::string out = "[";
  for (const auto& name : key) {
    const auto found = row.find(name);
    out += (out.size() > 1 ? ", " : "") + (found == row.end() ? std::string("null") : found->second);
  }
  return out + "]";
}

std::string key_object(const std::vector<std::string>& key, const std::string& object_id) {
  json::Writer w;
  w.open_object();
  if (key.size() == 1) {
    w.key(key.front()).string(object_id);
  } else {
    const auto elements = json::elements(object_id);
    for (std::size_t place = 0; place < key.size(); ++place) {
      w.key(key[place]);
      if (elements && place < elements->size())
        w.raw((*elements)[place]);
      else
        w.null();
    }
  }
  w.close_object();
  return w.take();
}

}  // namespace tandem
