#include "delivery/bulkhead.hpp"
#include "log/log.hpp"

namespace tandem {

Settlement Bulkhead::about(const Held& held) const {
  Settlement settlement;
  settlement.target = index_;
  settlement.counter = held.record.counter;
  settlement.record_id = held.record.record_id;
  settlement.xid = held.record.xid;
  settlement.lane = held.record.lane;
  settlement.route = held.record.route;
  settlement.object_id = held.record.object_id;
  settlement.attempts = held.record.attempts;
  return settlement;
}

Settlement Bulkhead::about(const Held& held, const Answer& answer) const {
  Settlement settlement = about(held);
  settlement.error = answer.error;
  settlement.description = answer.description;
  settlement.answer_status = answer.status;
  settlement.duration = answer.duration;
  settlement.version = answer.version;
  return settlement;
}

void Bulkhead::settle(Held& held, Settlement&& settlement) {
  Lane& lane = *held.lane;
  settlement.kind = Settlement::Kind::outcome;
  settlement.lane_waits = lane.size > lane.unsettled + 1;
  const RouteSettings* route = desks_[held.slot].route;
  settlement.write_back = route != nullptr && route->writes_back() && settlement.outcome != Outcome::superseded;
  if (state_of(settlement.outcome) == State::failed) {
    failed_lanes_.insert(lane.hash);
    const log::Fields fields{{field::target, target_settings_.name},     {field::object_id, settlement.object_id},
                             {field::counter, settlement.counter},       {field::record_id, settlement.record_id},
                             {field::outcome, word(settlement.outcome)}, {field::error_code, word(settlement.error)},
                             {field::error, settlement.description}};
    log::error("a record failed", fields);
  }
  held.write = Held::Write::outcome;
  held.delivered = settlement.outcome == Outcome::delivered;
  held.found.reset();  // what it was charged stands for the agreed image, until that is written
  ++lane.unsettled;
  ++unsettled_;
  out.settle.emplace_back(std::move(settlement));
}

void Bulkhead::park_one(Held& held, Settlement&& settlement) {
  settlement.kind = Settlement::Kind::park;
  settlement.may_have_been_sent = !held.untouched;
  stats_.parked(settlement.park_reason);
  held.write = Held::Write::park;
  let_go(held);
  ++held.lane->unsettled;
  ++unsettled_;
  out.settle.emplace_back(std::move(settlement));
}

/// The record in hand and everything else of its lane. It need not be the lowest: older records, sent back by a person
/// or late, join a lane while a newer one is in flight.
void Bulkhead::park_lane(Held& head, Settlement&& settlement) {
  Lane& lane = *head.lane;
  lane.blocked = true;
  lane.in_hand = false;
  head.blocks = true;
  park_one(head, std::move(settlement));  // first, so that nothing waits for a record that is not parked yet
  for (Held* held = lane.first; held != nullptr; held = held->after)
    if (held->write == Held::Write::none) park_behind(*held);
}

void Bulkhead::park_behind(Held& held) {
  Settlement follower = about(held);
  follower.park_reason = park_reason_lane;
  follower.description = "waits for another record of its object";
  park_one(held, std::move(follower));
}

void Bulkhead::intend(Held& held, Settlement&& settlement) {
  settlement.kind = Settlement::Kind::intent;
  settlement.lane_waits = true;
  held.write = Held::Write::intent;
  ++held.lane->unsettled;
  ++unsettled_;
  ++announcing_;
  out.settle.emplace_back(std::move(settlement));
}

/// An attempt has been announced and is not on its way.
bool Bulkhead::announced(const Held& held) {
  return held.intended || held.careful;
}

/// The announced attempt is not made: nobody needs to look for what it would have created, nor to count it.
Settlement Bulkhead::taken_back(Held& held) const {
  Settlement settlement = about(held);
  settlement.description = "was about to be sent when the connector let go of it";
  if (held.intended) settlement.identity = Settlement::IdentityWrite::removed;
  close_attempt(held, settlement);
  held.intended = false;
  return settlement;
}

void Bulkhead::note(Settlement&& settlement) {
  settlement.kind = Settlement::Kind::note;
  out.settle.emplace_back(std::move(settlement));
}

}  // namespace tandem
