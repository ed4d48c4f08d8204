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
  objects_.insert(told_in(record));
}

bool ToldObjects::tell_of(const InboxRecord& record) const {
  return objects_.contains(told_in(record));
}

bool ToldObjects::tell_of(const std::string& target, const std::string& request_type,
                          const std::string& remote_id) const {
  return objects_.contains(object_name(target, request_type, remote_id));
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
  std::map<std::string, Table, std::less<>> by_watch;
  for (int row = 0; row < rows.size(); ++row)
    by_watch.emplace(std::string(rows.text(row, 0)), Table{rows.flag(row, 6), rows.flag(row, 7)});
  tables_.clear();
  for (const auto& route : settings_.routes)
    if (const auto table = by_watch.find(route.watch); route.apply && table != by_watch.end())
      tables_.insert_or_assign({route.target, route.request_type}, table->second);
}

bool OrdinaryRecords::contain(const InboxRecord& record) const {
  const auto table = tables_.find({record.source->target, record.request_type});
  if (table == tables_.end() || !table->second.in_sets) return false;
  return record.operation != "delete" || !table->second.deletes_reach_further;
}

}  // namespace tandem
