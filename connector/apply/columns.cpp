#include "apply/columns.hpp"

#include <algorithm>
#include <iterator>

#include "json/scan.hpp"
#include "json/text.hpp"
#include "json/writer.hpp"

namespace tandem {

namespace {

constexpr std::size_t few = 64;  // as long as each is compared with all before it

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

Columns::Columns(std::initializer_list<Column> columns) {
  for (const auto& [name, value] : columns) emplace(name, value);
}

Columns Columns::of(std::vector<Column> columns) {
  Columns out;
  if (columns.size() <= few) {
    out.reserve(columns.size());
    for (auto& [name, value] : columns) out.insert_or_assign(std::move(name), std::move(value));
    return out;
  }
  out.columns_ = std::move(columns);
  std::ranges::stable_sort(out.columns_, {}, &Column::first);
  const Column* const last = &out.columns_.back();
  out.keep_if([&](const Column& column) { return &column == last || std::next(&column)->first != column.first; });
  return out;
}

Columns::const_iterator Columns::find(std::string_view name) const {
  return std::ranges::find(columns_, name, &Column::first);
}

void Columns::emplace(std::string name, std::string value) {
  if (!contains(name)) columns_.emplace_back(std::move(name), std::move(value));
}

void Columns::insert_or_assign(std::string name, std::string value) {
  if (const auto found = std::ranges::find(columns_, name, &Column::first); found != columns_.end())
    found->second = std::move(value);
  else
    columns_.emplace_back(std::move(name), std::move(value));
}

void Columns::sort() {
  if (!std::ranges::is_sorted(columns_, {}, &Column::first)) std::ranges::sort(columns_, {}, &Column::first);
}

void Columns::erase(std::string_view name) {
  if (const auto found = std::as_const(*this).find(name); found != columns_.end()) columns_.erase(found);
}

void Columns::merge(Columns others) {
  for (auto& [name, value] : others) emplace(std::move(name), std::move(value));
}

bool same_value(std::string_view a, std::string_view b) {
  return a == b || json::equal(a, b);
}

Columns columns_of(std::string_view object) {
  std::vector<Columns::Column> out;
  const auto members = json::members(object);
  if (!members) return {};
  out.reserve(members->size());
  for (const auto& member : *members) {
    if (member.key.find('\\') == std::string_view::npos)
      out.emplace_back(member.key, member.value);
    else if (auto name = json::unquote('"' + std::string(member.key) + '"'))
      out.emplace_back(std::move(*name), member.value);
  }
  return Columns::of(std::move(out));
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
  out.reserve(before.size() + theirs.size());
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
