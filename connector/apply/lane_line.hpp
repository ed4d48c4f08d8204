#pragma once
#include <map>
#include <string>

#include "apply/decision.hpp"

namespace tandem {

/// Names the object that a record is about, as far as the record itself tells. Pure.
[[nodiscard]] inline std::string lane_of(const InboxRecord& record) {
  return record.source->name + '\n' + record.request_type + '\n' +
         (record.remote_id.empty() ? record.object_id : record.remote_id);
}

/// Objects of which a record has been parked in this turn: what follows waits with it, so that an object's records keep
/// their order. Only one that waits for its object lets the create of that object pass. Pure.
class LaneLine {
 public:
  [[nodiscard]] bool holds(const InboxRecord& record) const {
    const auto parked = parked_.find(lane_of(record));
    return parked != parked_.end() && !(parked->second == Waits::object && record.operation == "create");
  }
  void parked(const InboxRecord& record, Waits reason) { parked_.insert_or_assign(lane_of(record), reason); }
  [[nodiscard]] bool empty() const { return parked_.empty(); }

 private:
  std::map<std::string, Waits, std::less<>> parked_;
};

}  // namespace tandem
