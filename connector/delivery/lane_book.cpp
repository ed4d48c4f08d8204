#include "delivery/lane_book.hpp"

#include <utility>

namespace tandem {

Held* LaneBook::add(Record&& record, std::uint32_t slot, SteadyTime read_at) {
  const std::size_t known = held_.size();
  const auto place = held_.try_emplace(held_.end(), record.counter);
  if (held_.size() == known) return nullptr;
  Held& held = place->second;
  held.charged = footprint(record);
  held.slot = slot;
  held.read_at = read_at;
  held.as = record.operation;
  if (record.operation == Operation::remove) ++ready_[slot].removes;
  held.record = std::move(record);

  const auto [entry, created] = lanes_.try_emplace(held.record.lane);
  Lane& lane = entry->second;
  lane.hash = held.record.lane;
  if (created) lane.blocked = blocked_.erase(lane.hash);
  held.lane = &lane;
  Held* before = lane.last;
  while (before != nullptr && before->record.counter > held.record.counter) before = before->before;
  held.before = before;
  held.after = before != nullptr ? before->after : lane.first;
  (held.before != nullptr ? held.before->after : lane.first) = &held;
  (held.after != nullptr ? held.after->before : lane.last) = &held;
  ++lane.size;
  return &held;
}

Held* LaneBook::find(Counter counter) {
  const auto found = held_.find(counter);
  return found == held_.end() ? nullptr : &found->second;
}

Lane* LaneBook::find(LaneHash hash) {
  if (const auto found = lanes_.find(hash); found != lanes_.end()) return &found->second;
  if (!blocked_.erase(hash)) return nullptr;
  Lane& lane = lanes_[hash];
  lane.hash = hash;
  lane.blocked = true;
  return &lane;
}

std::size_t LaneBook::remove(Held& held) {
  Lane& lane = *held.lane;
  (held.before != nullptr ? held.before->after : lane.first) = held.after;
  (held.after != nullptr ? held.after->before : lane.last) = held.before;
  --lane.size;
  if (held.record.operation == Operation::remove) --ready_[held.slot].removes;
  const std::size_t charged = held.charged;
  held_.erase(held.record.counter);
  return charged;
}

Lane* LaneBook::take(std::uint32_t slot) {
  Ready& ready = ready_[slot];
  Lane* lane = ready.first;
  if (lane == nullptr) return nullptr;
  ready.first = lane->next_ready;
  if (ready.first == nullptr) ready.last = nullptr;
  lane->next_ready = nullptr;
  lane->listed = false;
  lane->in_hand = true;
  return lane;
}

void LaneBook::rearm(Lane& lane) {
  if (lane.listed || lane.in_hand || lane.blocked || lane.unsettled != 0) return;
  if (lane.first == nullptr) {
    lanes_.erase(lane.hash);
    return;
  }
  if (lane.waiting) return;
  Ready& ready = ready_[lane.first->slot];
  (ready.last != nullptr ? ready.last->next_ready : ready.first) = &lane;
  ready.last = &lane;
  lane.listed = true;
}

void LaneBook::wait_until(Lane& lane, SteadyTime due) {
  lane.waiting = true;
  lane.due = due;
  alarms_.push({due, lane.hash});
}

void LaneBook::wake(SteadyTime now) {
  while (!alarms_.empty() && alarms_.top().at <= now) {
    const auto found = lanes_.find(alarms_.top().lane);
    alarms_.pop();
    if (found == lanes_.end()) continue;
    Lane& lane = found->second;
    if (!lane.waiting || lane.due > now) continue;
    lane.waiting = false;
    rearm(lane);
  }
}

std::optional<SteadyTime> LaneBook::wakes() const {
  return alarms_.empty() ? std::nullopt : std::optional(alarms_.top().at);
}

void LaneBook::block(LaneHash hash) {
  if (const auto found = lanes_.find(hash); found != lanes_.end())
    found->second.blocked = true;
  else
    blocked_.insert(hash);
}

void LaneBook::rest(Lane& lane, SteadyTime now) {
  lane.parked_at = now;
  rests_.push_back({now, lane.hash});
}

void LaneBook::compact(SteadyTime read_at) {
  for (; !rests_.empty() && rests_.front().since < read_at; rests_.pop_front()) {
    const auto found = lanes_.find(rests_.front().lane);
    if (found == lanes_.end()) continue;
    const Lane& lane = found->second;
    if (lane.parked_at != rests_.front().since) continue;  // it has been back since then
    if (!lane.blocked || lane.first != nullptr || lane.in_hand || lane.listed || lane.unsettled != 0) continue;
    blocked_.insert(lane.hash);
    lanes_.erase(found);
  }
}

std::optional<Counter> LaneBook::lowest() const {
  return held_.empty() ? std::nullopt : std::optional(held_.begin()->first);
}

std::size_t LaneBook::clear() {
  std::size_t charged = 0;
  for (const auto& [counter, held] : held_) charged += held.charged;
  held_.clear();
  lanes_.clear();
  blocked_.clear();
  rests_.clear();
  alarms_ = {};
  for (Ready& ready : ready_) ready = {};
  return charged;
}

}  // namespace tandem
