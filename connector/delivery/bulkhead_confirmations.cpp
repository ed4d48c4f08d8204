#include "config/quantity.hpp"
#include "delivery/bulkhead.hpp"

namespace tandem {

using std::chrono::milliseconds;

/// Accepted, and no more: what it does there is told by a source. The lane waits with it, parked.
void Bulkhead::await_confirmation(Held& held, const Answer& answer, const Now& now) {
  const RouteSettings& route = *desks_[held.slot].route;
  Settlement settlement = about(held, answer);
  settlement.error = ErrorClass::none;
  settlement.description = "accepted; " + std::string(waits_for_confirmation);
  close_attempt(held, settlement);
  if (route.needs_agreed) settlement.agreed = Settlement::AgreedWrite::unsettled;
  if (route.needs_identity && held.as != Operation::remove && !answer.remote_id.empty()) {
    settlement.identity = Settlement::IdentityWrite::pending;
    settlement.remote_id = answer.remote_id;
  }
  park_unconfirmed(held, std::move(settlement), now);
}

/// Nothing has answered its last attempt, which may be in effect there all the same.
bool Bulkhead::may_be_confirmed(const Held& held, const Answer& answer) const {
  const RouteSettings& route = *desks_[held.slot].route;
  if (route.settle_on != SettleOn::confirmed || held.as == Operation::call || held.removes_old) return false;
  if (!answer.maybe_in_effect) return false;
  // Without an identity nothing would keep a create that cannot be repeated from being sent again afterwards.
  const bool unknown = answer.error == ErrorClass::outcome_unknown && route.needs_identity;
  return unknown || rule_of(answer.error).retried;
}

/// Instead of giving it up: that is done when the time for its confirmation is over, which counts as this attempt.
void Bulkhead::await_unanswered(Held& held, const Answer& answer, Settlement&& settlement, const Now& now) {
  held.careful = held.intended = false;
  settlement.attempt->counted = false;
  settlement.description = std::string(waits_for_confirmation) + ": " + answer.description;
  park_unconfirmed(held, std::move(settlement), now);
}

void Bulkhead::park_unconfirmed(Held& held, Settlement&& settlement, const Now& now) {
  const milliseconds within = desks_[held.slot].route->confirm_within;
  held.awaits = true;  // where it is taken up before its parking is answered, it stays in memory
  held.confirm_by = now.steady + within;
  settlement.park_reason = park_reason_confirmation;
  settlement.due_in = within;
  park_lane(held, std::move(settlement));
}

void Bulkhead::settle_confirmed(Held& held, AttemptPlan&& plan) {
  const RouteSettings& route = *desks_[held.slot].route;
  Settlement settlement = about(held);
  settlement.confirmed = true;
  settlement.attempts = held.record.attempts + 1;
  const bool removed = plan.operation == Operation::remove;
  held.as = plan.operation;
  held.creates = plan.operation == Operation::create;
  held.without_parents |= plan.follow_with_latest;
  if (removed) {
    settlement.identity = Settlement::IdentityWrite::removed;
  } else if (!plan.remote_id.empty()) {
    settlement.identity = plan.replaces_old ? Settlement::IdentityWrite::replaced : Settlement::IdentityWrite::paired;
    settlement.remote_id = std::move(plan.remote_id);
  }
  if (route.needs_agreed) {
    settlement.agreed = removed               ? Settlement::AgreedWrite::removed
                        : plan.agreed.empty() ? Settlement::AgreedWrite::unsettled
                                              : Settlement::AgreedWrite::image;
    settlement.agreed_image = std::move(plan.agreed);
  }
  settle_delivered(held, std::move(settlement));
}

/// The time is up: that was an attempt, and the record is sent again, the same as before.
void Bulkhead::count_unconfirmed(Held& held, const Desk& desk, const Now& now) {
  Lane& lane = *held.lane;
  if (desk.paused) {
    Settlement parked = about(held);
    parked.park_reason = "pause";
    parked.description = "the route is paused";
    park_lane(held, std::move(parked));
    return;
  }
  const auto age =
      held.retried ? milliseconds(0) : std::chrono::duration_cast<milliseconds>(now.wall - held.record.created);
  const Retry retry = plan_retry(target_settings_.retry, target_settings_.breaker,
                                 Failure{ErrorClass::timeout, true, false, held.record.attempts, 1, age}, 0.5);
  Settlement settlement = about(held);
  settlement.error = ErrorClass::timeout;
  settlement.description = "not confirmed within " + format_duration(desk.route->confirm_within);
  settlement.attempt = {now.wall - desk.route->confirm_within, retry.counted, held.record.attempts + 1,
                        Settlement::AttemptRow::Phase::whole};
  settlement.attempts = ++held.record.attempts;
  held.awaits = false;
  if (retry.move == Retry::Move::give_up) {
    settlement.outcome = retry.outcome;
    settlement.need_retry = retry.need_retry;
    lane.in_hand = false;
    settle(held, std::move(settlement));
    return;
  }
  note(std::move(settlement));
  book_.wait_until(lane, now.steady + milliseconds(1));  // its next turn, which the loop must wake for
  book_.put_back(lane);
}

}  // namespace tandem
