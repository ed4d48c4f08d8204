#include "intake/haul_order.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace tandem {
namespace {

constexpr std::size_t fewest = 500;

bool keeps_its_place(const Haul& haul) {
  return std::ranges::any_of(haul.records, [](const store::Incoming& record) {
    return record.confirms.empty() && (record.remote_id.empty() || record.operation == "delete");
  });
}

}  // namespace

std::size_t put_in_front_what_goes_beside(const Haul& before, Haul& next) {
  if (next.records.size() < fewest || keeps_its_place(before) || keeps_its_place(next)) return 0;
  std::unordered_set<std::string_view> objects, ids;
  for (const store::Incoming& record : before.records) {
    objects.insert(record.remote_id);
    ids.insert(record.source_record_id);
  }
  // Two records with one source_record_id must not meet either: the first would wait for the second one's transaction.
  for (const store::Incoming& record : next.records)
    if (ids.contains(record.source_record_id)) objects.insert(record.remote_id);
  const auto goes_beside = [&](const store::Incoming& record) {
    return record.confirms.empty() && !objects.contains(record.remote_id);
  };
  std::vector<bool> beside;  // told apart before any is moved: the sets look into the records
  beside.reserve(next.records.size());
  for (const store::Incoming& record : next.records) beside.push_back(goes_beside(record));
  const auto records = static_cast<std::size_t>(std::ranges::count(beside, true));
  if (records < fewest || records < next.records.size() / 2) return 0;
  std::vector<store::Incoming> ordered;
  ordered.reserve(next.records.size());
  for (const bool first : {true, false})
    for (std::size_t i = 0; i < beside.size(); ++i)
      if (beside[i] == first) ordered.push_back(std::move(next.records[i]));
  next.records = std::move(ordered);
  return records;
}

}  // namespace tandem
