#include "intake/table_plan.hpp"

#include <algorithm>
#include <utility>

#include "json/scan.hpp"
#include "json/text.hpp"
#include "json/writer.hpp"

namespace tandem {
namespace {

constexpr std::size_t most_marks = 1'000;  // while one transaction stays open, every round adds one

std::string text_at(std::string_view json, std::string_view pointer) {
  const auto found = json::at(json, pointer);
  if (!found || !*found || **found == "null") return {};
  return json::scalar_text(**found).value_or("");
}

std::string list(const std::vector<std::string>& names, std::string_view before) {
  std::string out;
  for (const std::string& name : names) out.append(out.empty() ? "" : ", ").append(before).append(name);
  return out;
}

}  // namespace

Result<TablePositions> parse_tables(std::string_view position) {
  TablePositions out;
  if (position.empty()) return out;
  const auto tables = json::members(position);
  if (!tables)
    return fail(ErrorKind::protocol,
                "the stored position is no position of tables: " + std::string(position.substr(0, 200)),
                "write null into tandem.source.position to read everything again");
  for (const auto& table : *tables) {
    auto name = json::unquote('"' + std::string(table.key) + '"');
    if (!name) return tl::unexpected(std::move(name.error()));
    TablePosition& one = out[*name];
    one = {text_at(table.value, "/through"),
           text_at(table.value, "/at"),
           {},
           text_at(table.value, "/safe"),
           text_at(table.value, "/newest")};
    const auto key = json::at(table.value, "/key");
    if (!key || !*key) continue;
    const auto values = json::elements(**key);
    if (!values) return tl::unexpected(values.error());
    for (const auto value : *values) one.key.push_back(json::scalar_text(value).value_or(""));
  }
  return out;
}

std::string text_of(const TablePositions& positions) {
  json::Writer w;
  w.open_object();
  for (const auto& [name, position] : positions) {
    w.key(name).open_object();
    for (const auto& [key, value] : {std::pair("through", &position.through), std::pair("at", &position.at),
                                     std::pair("safe", &position.safe), std::pair("newest", &position.newest)})
      if (!value->empty()) w.key(key).string(*value);
    if (!position.key.empty()) {
      w.key("key").open_array();
      for (const std::string& value : position.key) w.string(value);
      w.close_array();
    }
    w.close_object();
  }
  w.close_object();
  return w.take();
}

std::string page_query(const QuotedTable& table, const TablePosition& position) {
  std::string out = "select to_jsonb(t.*)::text, t." + table.updated + "::text, t.xmin::text";
  for (const std::string& name : table.key) out += ", t." + name + "::text";
  out += " from " + table.relation + " t where t." + table.updated + " is not null";
  if (!position.at.empty()) {
    out += " and (t." + table.updated + ", " + list(table.key, "t.") + ") > ($1::" + table.updated_type;
    for (std::size_t i = 0; i < table.key.size(); ++i)
      out += ", $" + std::to_string(i + 2) + "::" + table.key_types.at(i);
    out += ")";
  } else if (!position.through.empty()) {
    out += " and t." + table.updated + " > $1::" + table.updated_type;
  }
  return out + " order by t." + table.updated + ", " + list(table.key, "t.") + " limit " +
         std::to_string(rows_of_a_page);
}

void SafeTime::mark(std::string time, std::int64_t oldest, std::int64_t next) {
  marks_.push_back({std::move(time), next});
  if (marks_.size() > most_marks) marks_.erase(marks_.begin() + 1);
  const auto open = std::ranges::find_if(marks_, [oldest](const Mark& mark) { return mark.next > oldest; });
  if (open != marks_.begin()) over_ = std::prev(open)->time;
  marks_.erase(marks_.begin(), open);
}

}  // namespace tandem
