#include "support/second_crm/journal.hpp"

#include <algorithm>

#include "support/second_crm/json.hpp"

namespace second_crm {

std::string_view word(Operation operation) {
  switch (operation) {
    case Operation::create:
      return "create";
    case Operation::update:
      return "update";
    case Operation::replace:
      return "replace";
    case Operation::upsert:
      return "upsert";
    case Operation::remove:
      return "delete";
    case Operation::read:
      return "read";
    case Operation::lookup:
      return "lookup";
    case Operation::list:
      return "list";
    case Operation::token:
      return "token";
    case Operation::unknown:
      return "unknown";
  }
  return "unknown";
}

void Journal::add(Entry entry) {
  entry.number = ++last_;
  entries_.push_back(std::move(entry));
  if (entries_.size() > limit_) entries_.pop_front();
}

std::vector<Entry> Journal::after(std::uint64_t number, std::size_t limit) const {
  const auto first = std::ranges::upper_bound(entries_, number, {}, &Entry::number);
  const auto left = static_cast<std::size_t>(entries_.end() - first);
  return {first, first + static_cast<std::ptrdiff_t>(std::min(left, limit))};
}

std::vector<Entry> Journal::writes_of(std::string_view type, std::string_view external_id) const {
  std::vector<Entry> found;
  std::ranges::copy_if(entries_, std::back_inserter(found), [&](const Entry& entry) {
    return entry.operation <= Operation::remove && entry.type == type && entry.external_id == external_id;
  });
  return found;
}

std::string print(const Entry& entry) {
  return print(Json::object({
      {"number", Json::number(entry.number)},
      {"at_us", Json::number(static_cast<std::uint64_t>(
                    std::chrono::duration_cast<std::chrono::microseconds>(entry.at.time_since_epoch()).count()))},
      {"operation", Json::string(word(entry.operation))},
      {"method", Json::string(entry.method)},
      {"path", Json::string(entry.path)},
      {"type", Json::string(entry.type)},
      {"id", Json::string(entry.id)},
      {"external_id", Json::string(entry.external_id)},
      {"idempotency_key", Json::string(entry.idempotency_key)},
      {"traceparent", Json::string(entry.traceparent)},
      {"body", Json::string(entry.body)},
      {"status", Json::number(static_cast<std::uint64_t>(entry.status))},
      {"in_effect", Json::boolean(entry.in_effect)},
      {"changed", Json::boolean(entry.changed)},
      {"repeated", Json::boolean(entry.repeated)},
      {"version", Json::number(entry.version)},
  }));
}

}  // namespace second_crm
