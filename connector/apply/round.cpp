#include "apply/round.hpp"

#include <algorithm>
#include <set>
#include <unordered_set>
#include <utility>

namespace tandem {
namespace {

constexpr std::size_t fewest = 50, full = 500;

}  // namespace

Round::Round(std::span<const InboxRecord> records, const LaneLine& line, std::size_t most, const ToldBefore& before)
    : before_(before) {
  std::unordered_set<std::string> lanes;
  while (taken_ < records.size() && turns.size() < most) {
    const InboxRecord& record = records[taken_];
    if (!line.holds(record)) {
      if (!lanes.insert(lane_of(record)).second) break;
      Turn& turn = turns.emplace_back();
      turn.record = &record;
      turn.position = taken_;
      if (turn.deletes()) deletes_.emplace_back(taken_, &record);
    }
    ++taken_;
  }
}

void Round::cut(std::size_t turn) {
  taken_ = turns[turn].position;
  turns.resize(turn);
  was_cut_ = true;
}

bool Round::told_before(std::size_t turn, const std::string& request_type, const std::string& remote_id) const {
  const auto earlier = std::span(turns).first(turn);
  return std::ranges::any_of(earlier,
                             [&](const Turn& other) {
                               return other.record->remote_id == remote_id &&
                                      other.record->request_type == request_type;
                             }) ||
         std::ranges::any_of(before_, [&](const auto& told) {
           return told->tell_of(turns[turn].record->source->target, request_type, remote_id);
         });
}

bool Round::ended_before(std::size_t turn, const std::string& request_type, const std::string& remote_id,
                         const std::string& object_id) const {
  const auto ends = [&](const auto& deletion) {
    const InboxRecord& record = *deletion.second;
    return deletion.first < turns[turn].position && record.request_type == request_type &&
           (record.remote_id.empty() ? record.object_id == object_id : record.remote_id == remote_id);
  };
  return std::ranges::any_of(deletes_, ends) || std::ranges::any_of(before_, [&](const auto& told) {
           return told->tell_the_end_of(turns[turn].record->source->target, request_type, remote_id, object_id);
         });
}

/// What the natural key finds is a row that an earlier record might write, or take for its own.
void Round::cut_at_uncertain_partner() {
  std::set<std::pair<std::string_view, const ApplyRoute*>> written;
  const auto by_another_route = [&](const Turn& turn) {
    return std::ranges::any_of(written, [&](const auto& earlier) {
      return earlier.first == turn.table->relation() && earlier.second != turn.route;
    });
  };
  std::set<std::string_view> freed;  // tables in which an object ends: its row or key may be another's then
  for (std::size_t at = 0; at < turns.size(); ++at) {
    const Turn& turn = turns[at];
    if (turn.table == nullptr) continue;
    const bool is_taken = !turn.undecided() && state_of(turn.step.outcome) == State::failed;
    const bool uncertain = turn.partners > 1 || (turn.partners >= 0 && by_another_route(turn)) ||
                           ((turn.partners >= 0 || is_taken) && freed.contains(turn.table->relation()));
    if (at > 0 && uncertain) return cut(at);
    written.emplace(turn.table->relation(), turn.route);
    if (turn.deletes()) freed.insert(turn.table->relation());
  }
}

void Round::cut_at_second_of_a_row() {
  std::set<std::pair<std::string_view, std::string_view>> rows;
  for (std::size_t at = 0; at < turns.size(); ++at) {
    const Turn& turn = turns[at];
    if (turn.table == nullptr || turn.object_id.empty()) continue;
    if (!rows.emplace(turn.table->relation(), turn.object_id).second) return cut(at);
  }
}

void RoundSize::cut_to(std::size_t taken) {
  most_ = std::clamp(2 * taken, fewest, full);
}

void RoundSize::ended(bool slow) {
  most_ = slow ? std::max<std::size_t>(most_ / 2, 1) : std::min(2 * most_, full);
}

}  // namespace tandem
