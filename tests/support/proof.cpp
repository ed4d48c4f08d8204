#include "support/proof.hpp"

#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <variant>

namespace tandem::test_support {
namespace {

using second_crm::Entry;
using second_crm::Json;

constexpr std::size_t enough = 10;  // faults to tell of one kind

Json parsed(const std::string& text) {
  auto document = second_crm::parse_json(text);
  return std::holds_alternative<Json>(document) ? std::move(std::get<Json>(document)) : Json{};
}

/// The same members in whatever order; a null is an absent field.
bool same_fields(const Json& here, const Json& there) {
  std::size_t fields = 0;
  for (const auto& [name, value] : here.members) {
    if (value.kind == Json::Kind::null) continue;
    ++fields;
    const auto* found = there.find(name);
    if (found == nullptr || !(*found == value)) return false;
  }
  return fields == there.members.size();
}

void compare_rows(Stand& stand, const std::string& table, const std::string& type, std::vector<std::string>& broken) {
  std::map<std::string, Json> there;
  for (auto& [id, fields] : stand.crm().ask([&](second_crm::Api& api) {
         std::vector<std::pair<std::string, Json>> living;
         for (const auto* object : api.store().changed_after(type, 0, ~std::size_t{0}))
           if (!object->deleted) living.emplace_back(object->external_id, Json::object(object->fields));
         return living;
       })) {
    if (!there.emplace(id, std::move(fields)).second) broken.push_back(type + " " + id + " exists twice");
  }
  std::size_t told = 0;
  for (const auto& row : stand.sql().rows("select nr::text, to_jsonb(t)::text from " + table + " t")) {
    const auto& id = row[0].value_or("");
    const auto found = there.find(id);
    if (found == there.end()) {
      if (++told <= enough) broken.push_back(type + " " + id + " is missing there");
      continue;
    }
    if (!same_fields(parsed(row[1].value_or("")), found->second) && ++told <= enough)
      broken.push_back(type + " " + id + " differs: here " + row[1].value_or("") + " there " +
                       second_crm::print(found->second));
    there.erase(found);
  }
  for (const auto& [id, fields] : there)
    if (++told <= enough) broken.push_back(type + " " + id + " is there and not here");
}

void check_order(Stand& stand, const std::string& type, std::vector<std::string>& broken) {
  std::unordered_map<std::string, long long> counters;
  for (const auto& row :
       stand.sql().rows("select record_id::text, counter::text from tandem.outbox where request_type = '" + type + "'"))
    counters[row[0].value_or("")] = std::stoll(row[1].value_or("0"));
  const auto entries = stand.crm().ask([&](second_crm::Api& api) {
    std::vector<Entry> writes;
    for (const auto& entry : api.journal().entries())
      if (entry.type == type && !entry.idempotency_key.empty()) writes.push_back(entry);
    return writes;
  });
  std::unordered_map<std::string, std::pair<long long, std::string>> newest;  // by object: counter in effect
  std::unordered_map<std::string, std::string> bodies;                        // by record
  std::size_t told = 0;
  for (const auto& entry : entries) {
    const auto counter = counters.find(entry.idempotency_key.substr(0, entry.idempotency_key.find(':')));
    if (counter == counters.end()) {
      if (++told <= enough) broken.push_back("a request carries the unknown key " + entry.idempotency_key);
      continue;
    }
    const auto [body, first] = bodies.emplace(entry.idempotency_key, entry.body);
    if (!first && body->second != entry.body && ++told <= enough)
      broken.push_back("record " + std::to_string(counter->second) + " was sent with two bodies: " + body->second +
                       " and " + entry.body);
    if (!entry.in_effect) continue;
    auto& [last, key] = newest[entry.id];
    if (counter->second < last && ++told <= enough)
      broken.push_back(type + " " + entry.external_id + ": record " + std::to_string(counter->second) +
                       " took effect after " + std::to_string(last));
    last = std::max(last, counter->second);
  }
}

}  // namespace

std::vector<std::string> broken_promises(Stand& stand, const std::string& table, const std::string& type) {
  std::vector<std::string> broken;
  if (const auto pending = stand.pending(); pending != 0)
    broken.push_back(std::to_string(pending) + " records are pending");
  for (const auto& row : stand.sql().rows("select counter::text, outcome, error_code, description from tandem.outbox "
                                          "where request_state = 4 and request_type = '" +
                                          type + "' order by counter limit 5"))
    broken.push_back("record " + row[0].value_or("") + " failed: " + row[1].value_or("") + " " + row[2].value_or("") +
                     " " + row[3].value_or(""));
  compare_rows(stand, table, type, broken);
  check_order(stand, type, broken);
  return broken;
}

}  // namespace tandem::test_support
