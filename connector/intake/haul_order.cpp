#include "intake/haul_order.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace tandem {

std::size_t put_in_front_what_need_not_wait(const Haul* before, Haul& next) {
  std::unordered_set<std::string_view> ids;
  if (before != nullptr)
    for (const store::Incoming& record : before->records) ids.insert(record.source_record_id);
  const auto rest = std::stable_partition(next.records.begin(), next.records.end(), [&](const store::Incoming& record) {
    return record.confirms.empty() && !ids.contains(record.source_record_id);
  });
  return static_cast<std::size_t>(rest - next.records.begin());
}

void forget_counters(Haul& haul) {
  std::ranges::stable_sort(haul.records, {}, &store::Incoming::counter);
  for (store::Incoming& record : haul.records) record.counter = {};
}

}  // namespace tandem
