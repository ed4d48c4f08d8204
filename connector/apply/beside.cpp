#include "apply/beside.hpp"

#include <algorithm>
#include <string_view>

namespace tandem {
namespace {

std::string object_name(const std::string& target, const std::string& request_type, const std::string& id) {
  return target + '\n' + request_type + '\n' + id;
}

std::string told_in(const InboxRecord& record) {
  return object_name(record.source->target, record.request_type,
                     record.remote_id.empty() ? record.object_id : record.remote_id);
}

}  // namespace

void ToldObjects::add(const InboxRecord& record) {
  if (record.operation == "delete") ended_.insert(told_in(record));
  objects_.insert(told_in(record));
}

bool ToldObjects::tell_of(const InboxRecord& record) const {
  return objects_.contains(told_in(record));
}

bool ToldObjects::tell_of(const std::string& target, const std::string& request_type,
                          const std::string& remote_id) const {
  return objects_.contains(object_name(target, request_type, remote_id));
}

bool ToldObjects::tell_the_end_of(const std::string& target, const std::string& request_type,
                                  const std::string& remote_id, const std::string& object_id) const {
  return !ended_.empty() && (ended_.contains(object_name(target, request_type, remote_id)) ||
                             ended_.contains(object_name(target, request_type, object_id)));
}

std::size_t row_mark(const Turn& turn) {
  const auto table = std::hash<std::string_view>()(turn.table->relation());
  return table * 31 + std::hash<std::string_view>()(turn.object_id);
}

bool share_a_row(const RowMarks& a, const RowMarks& b) {
  auto left = a.begin(), right = b.begin();
  while (left != a.end() && right != b.end()) {
    if (*left == *right) return true;
    ++(*left < *right ? left : right);
  }
  return false;
}

bool is_plain(const Turn& turn) {
  if (turn.step.then == Step::Then::park) return false;
  return turn.step.then != Step::Then::settle || state_of(turn.step.outcome) == State::done;
}

void OrdinaryRecords::learn(const postgres::Rows& rows) {
  std::map<std::string, int, std::less<>> row_of;  // by watch
  for (int row = 0; row < rows.size(); ++row) row_of.emplace(std::string(rows.text(row, 0)), row);
  std::vector<std::pair<const RouteSettings*, int>> applying;
  std::map<std::string_view, int> routes;  // by table
  for (const auto& route : settings_.routes) {
    const auto found = row_of.find(route.watch);
    if (!route.apply || found == row_of.end()) continue;
    applying.emplace_back(&route, found->second);
    ++routes[rows.text(found->second, 1)];
  }
  kinds_.clear();
  for (const auto& [route, row] : applying) {
    const bool is_alone_there = route->apply->natural_key.empty() || routes[rows.text(row, 1)] == 1;
    const bool frees_a_row = !route->apply->natural_key.empty();  // which a later record finds
    kinds_.insert_or_assign({route->target, route->request_type},
                            Kind{rows.flag(row, 6) && is_alone_there, rows.flag(row, 7) || frees_a_row});
  }
}

bool OrdinaryRecords::contain(const InboxRecord& record) const {
  const auto kind = kinds_.find({record.source->target, record.request_type});
  if (kind == kinds_.end() || !kind->second.ordinary) return false;
  return record.operation != "delete" || !kind->second.deletes_reach_further;
}

}  // namespace tandem
