#include <algorithm>

#include "delivery/bulkhead.hpp"
#include "log/log.hpp"
#include "mapping/follow_up.hpp"

namespace tandem {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds short_wait{1'000};  // waits up to this long are spent in memory
constexpr std::chrono::seconds long_flight{1};
constexpr std::size_t most_spent = 1'024;

milliseconds age_of(const Held& held, const Now& now) {
  if (held.retried) return milliseconds(0);  // a person has asked for it: however old it is
  return std::chrono::duration_cast<milliseconds>(now.wall - held.record.created);
}

/// No answer, or only a gateway's: the request itself may still be at work there.
bool may_still_run(const Answer& answer) {
  return answer.maybe_in_effect && (answer.status == 0 || answer.status == 502 || answer.status == 504);
}

}  // namespace

void Bulkhead::answered(std::span<const Answer> answers, const Now& now) {
  for (const Answer& answer : answers) {
    Held* held = book_.find(answer.counter);
    if (held == nullptr || !held->flying) continue;
    landed(*held);
    stats_.attempted(answer.error, answer.duration);
    judge(*held, answer, now);
  }
}

void Bulkhead::landed(Held& held) {
  held.flying = false;
  --flying_;
  const auto batch = open_batches_.find(held.shipment);
  if (batch == open_batches_.end()) {
    --calls_;
  } else if (--batch->second == 0) {
    open_batches_.erase(batch);
    --calls_;
  }
}

void Bulkhead::probe_answered(const Answer& answer, const Now& now) {
  breaker_changed(breaker_.probe_ended(!rule_of(answer.error).breaker, now.steady), Counter{}, now);
}

void Bulkhead::judge(Held& held, const Answer& answer, const Now& now) {
  if (held.removes_old && (answer.error == ErrorClass::none || answer.not_there)) {
    judge_removed_old(held, now);
    return;
  }
  const bool gone_anyway = held.as == Operation::remove && answer.not_there;
  if (answer.error == ErrorClass::none || gone_anyway) {
    judge_success(held, answer, now);
    return;
  }
  judge_failure(held, answer, now);
}

/// The object with the old key is gone there; the one with the new key follows in the same turn.
void Bulkhead::judge_removed_old(Held& held, const Now& now) {
  probe_ended(true, held.record.counter, now);
  breaker_.succeeded(now.steady);
  gate_.succeeded(calls_);
  held.removes_old = false;
  held.old_removed = true;
  book_.put_back(*held.lane);
}

void Bulkhead::judge_success(Held& held, const Answer& answer, const Now& now) {
  const Desk& desk = desks_[held.slot];
  const RouteSettings& route = *desk.route;
  probe_ended(true, held.record.counter, now);
  breaker_.succeeded(now.steady);
  gate_.succeeded(calls_);

  const bool done_there = held.as == Operation::call || answer.not_there;  // what is gone needs no confirmation
  if (route.settle_on == SettleOn::confirmed && !done_there) return await_confirmation(held, answer, now);

  Settlement settlement = about(held, answer);
  settlement.outcome = Outcome::delivered;
  settlement.error = ErrorClass::none;
  if (answer.error != ErrorClass::none) settlement.description = "it was not there any more";
  settlement.attempts = held.record.attempts + 1;
  if (settlement.attempts > 1 || held.tries > 0 || held.careful)
    settlement.attempt = {held.sent_wall, true, settlement.attempts,
                          held.careful ? Settlement::AttemptRow::Phase::closed : Settlement::AttemptRow::Phase::whole};
  const bool removed = held.as == Operation::remove;
  if (route.needs_identity && held.as != Operation::call) {
    settlement.remote_id = answer.remote_id;
    if (removed)
      settlement.identity = Settlement::IdentityWrite::removed;
    else if (!answer.remote_id.empty())
      settlement.identity = held.old_removed ? Settlement::IdentityWrite::replaced : Settlement::IdentityWrite::paired;
    else if (!answer.version.empty() && held.found && !held.found->remote_id.empty()) {
      settlement.remote_id = held.found->remote_id;  // the pair is told what version our write got
      settlement.identity = Settlement::IdentityWrite::paired;
    }
  }
  if (route.needs_agreed && held.as != Operation::call) {
    settlement.agreed = removed ? Settlement::AgreedWrite::removed : Settlement::AgreedWrite::image;
    settlement.agreed_image = std::move(held.agreed);
  }
  settle_delivered(held, std::move(settlement));
}

/// What every delivery brings with it.
void Bulkhead::settle_delivered(Held& held, Settlement&& settlement) {
  const RouteSettings& route = *desks_[held.slot].route;
  if (held.as != Operation::call && held.as != Operation::canary)
    settlement.calls = calls_after_delivery(route, held.as == Operation::remove ? Operation::remove
                                                   : held.creates               ? Operation::create
                                                                                : Operation::update);
  settlement.follow_with_latest = held.without_parents;
  const bool whole = held.as != Operation::call && held.as != Operation::canary;
  settlement.supersedes_failed =
      whole && route.on_failure == OnFailure::supersede && failed_lanes_.erase(held.record.lane) > 0;
  held.lane->in_hand = false;
  settle(held, std::move(settlement));
}

/// What a lookup has not found for the first time, and an object that is missing there, are no failures.
bool Bulkhead::resolved_by_doubt(Held& held, const Answer& answer) {
  const RouteSettings& route = *desks_[held.slot].route;
  if (answer.doubt == Doubt::missing_once && held.doubt != Doubt::missing_once) {
    held.doubt = Doubt::missing_once;
    Settlement settlement = about(held, answer);
    settlement.park_reason = "missing";
    settlement.due_in = std::max(target_settings_.retry.first, short_wait);
    settlement.description = "a lookup has not found the object; it is looked for once more before it is created again";
    close_attempt(held, settlement);
    park_lane(held, std::move(settlement));
    return true;
  }
  if (answer.not_there && !held.creates && route.on_missing == OnMissing::recreate && route.needs_identity &&
      !held.recreated) {
    held.recreated = true;
    let_go(held);
    Settlement settlement = about(held, answer);
    settlement.description = "the object is missing there and is created again";
    close_attempt(held, settlement);
    settlement.identity = Settlement::IdentityWrite::removed;
    intend(held, std::move(settlement));
    return true;
  }
  return false;
}

void Bulkhead::judge_failure(Held& held, const Answer& answer, const Now& now) {
  const RouteSettings& route = *desks_[held.slot].route;
  if (stopping_) {
    // Whether it counts is decided by who comes after us; that it was tried must not be forgotten.
    Settlement settlement = about(held, answer);
    settlement.description = "sent, but not settled, when the connector stopped";
    if (route.needs_agreed && answer.maybe_in_effect) settlement.agreed = Settlement::AgreedWrite::unsettled;
    if (held.creates && held.pending && answer.doubt == Doubt::none)
      settlement.identity = Settlement::IdentityWrite::removed;
    close_attempt(held, settlement);
    note(std::move(settlement));
    return;
  }
  target_failed(held, answer, now);
  if (resolved_by_doubt(held, answer)) return;
  if (held.creates) {
    held.doubt = answer.doubt;
    // The identity that is `pending` for this create belongs to no request: the next attempt may use it.
    held.intended = held.pending && answer.doubt == Doubt::none;
    // From its own beginning, which in a shipment of several may be later than `sent_at`.
    if (may_still_run(answer))
      held.may_run_until = std::max(held.sent_at, now.steady - answer.duration) + target_settings_.timeout;
  }
  const Retry retry = plan_retry(target_settings_.retry, target_settings_.breaker,
                                 Failure{answer.error, answer.maybe_in_effect || answer.status != 0,
                                         breaker_.state(now.steady) != Breaker::State::closed, held.record.attempts,
                                         held.tries + 1, age_of(held, now)},
                                 std::uniform_real_distribution<double>(0.0, 1.0)(random_));
  Settlement settlement = about(held, answer);
  settlement.attempt = {held.sent_wall, retry.counted, held.record.attempts + 1,
                        held.careful ? Settlement::AttemptRow::Phase::closed : Settlement::AttemptRow::Phase::whole};
  if (route.needs_agreed && answer.maybe_in_effect) settlement.agreed = Settlement::AgreedWrite::unsettled;
  if (retry.move == Retry::Move::give_up && may_be_confirmed(held, answer))
    return await_unanswered(held, answer, std::move(settlement), now);
  apply_retry(held, answer, retry, std::move(settlement), now);
}

void Bulkhead::apply_retry(Held& held, const Answer& answer, const Retry& retry, Settlement&& settlement,
                           const Now& now) {
  Lane& lane = *held.lane;
  held.careful = false;
  let_go(held);
  if (retry.counted) {
    settlement.attempts = ++held.record.attempts;
    held.tries = 0;
  } else {
    ++held.tries;
  }
  const bool forget_pending = held.intended;
  if (retry.move == Retry::Move::give_up) {
    if (forget_pending) settlement.identity = Settlement::IdentityWrite::removed;
    settlement.outcome = retry.outcome;
    settlement.need_retry = retry.need_retry;
    lane.in_hand = false;
    settle(held, std::move(settlement));
    return;
  }
  if (retry.counted && rule_of(answer.error).fault == Fault::target) {
    Settlement refund = about(held, answer);
    refund.attempts = held.record.attempts - 1;
    refund.description = "waits for its target, which is down; the attempt is given back";
    spent_.push_back({held.record.counter, std::move(refund)});
    if (spent_.size() > most_spent) spent_.pop_front();
  }
  if (retry.move == Retry::Move::with_target) {
    settlement.description = "waits for its target: " + answer.description;
    note(std::move(settlement));
    book_.put_back(lane);
  } else if (retry.delay <= short_wait && held.may_run_until <= now.steady) {
    settlement.description = "is tried again: " + answer.description;
    note(std::move(settlement));
    book_.wait_until(lane, now.steady + retry.delay);
    book_.put_back(lane);
  } else {
    if (forget_pending) settlement.identity = Settlement::IdentityWrite::removed;
    settlement.park_reason = "retry";
    settlement.due_in = std::max(retry.delay, std::chrono::ceil<milliseconds>(held.may_run_until - now.steady));
    park_lane(held, std::move(settlement));
  }
}

/// A careful attempt whose answer counts for nothing.
void Bulkhead::close_attempt(Held& held, Settlement& settlement) {
  if (held.careful)
    settlement.attempt = {held.sent_wall, false, held.record.attempts + 1, Settlement::AttemptRow::Phase::closed};
  held.careful = false;
}

/// What a failure says about the target as a whole.
void Bulkhead::target_failed(const Held& held, const Answer& answer, const Now& now) {
  const ErrorRule& rule = rule_of(answer.error);
  if (rule.rests) {
    gate_.throttled(answer.retry_after, now.steady);
    stats_.throttled.add();
  } else if (answer.retry_after) {
    gate_.rest(*answer.retry_after, now.steady);
  }
  probe_ended(!rule.breaker, held.record.counter, now);
  if (!rule.breaker) {
    if (!rule.rests) breaker_.succeeded(now.steady);  // it answers: a refusal of one record is no outage
    return;
  }
  const bool reached = answer.maybe_in_effect || answer.status != 0;
  const auto spent = rule.counts && reached ? std::optional(held.record.counter) : std::nullopt;
  breaker_changed(breaker_.failed(held.record.lane, spent, now.steady), held.record.counter, now);
}

/// An answer while the breaker is not closed: any sign of life closes it, only the probe's own failure keeps it open.
void Bulkhead::probe_ended(bool alive, Counter counter, const Now& now) {
  const bool own = probe_ == counter;
  if (own) probe_.reset();
  if (breaker_.state(now.steady) != Breaker::State::half_open || (!own && !alive)) return;
  breaker_changed(breaker_.probe_ended(alive, now.steady), counter, now);
}

void Bulkhead::breaker_changed(Breaker::Change change, Counter without, const Now& now) {
  if (change == Breaker::Change::none) return;
  const bool opened = change == Breaker::Change::opened;
  stats_.breaker_open.set(opened ? 1 : 0);
  if (!opened) {
    log::info("the target is back; its records go on", {{field::target, target_settings_.name}});
    out.feed.emplace_back(Recover{index_});
    recover_at_ = now.steady + std::chrono::hours(1);
    return;
  }
  log::warn("the target is down; its records wait", {{field::target, target_settings_.name}});
  for (const Counter counter : breaker_.opened_by())
    if (counter != without) give_back(counter);
}

/// The attempt of a record that failed with its target is not the record's.
void Bulkhead::give_back(Counter counter) {
  Held* held = book_.find(counter);
  if (held != nullptr && held->write == Held::Write::park) {
    to_give_back_.insert(counter);  // after its parking has committed
    return;
  }
  const auto spent = std::ranges::find(spent_, counter, &Spent::counter);
  if (spent == spent_.end()) return;
  if (held != nullptr) {
    if (held->write == Held::Write::outcome) return;
    held->record.attempts = std::max(0, held->record.attempts - 1);
    if (held->found) held->found->attempts = held->record.attempts;
  }
  note(std::move(spent->note));
  spent_.erase(spent);
}

/// State 2 for what is in flight for longer than a moment.
void Bulkhead::note_long_flights(const Now& now) {
  while (!takeoffs_.empty() && now.steady - takeoffs_.front().first >= long_flight) {
    const auto [at, counter] = takeoffs_.front();
    takeoffs_.pop_front();
    Held* held = book_.find(counter);
    if (held == nullptr || !held->flying || held->sent_at != at) continue;
    Settlement settlement = about(*held);
    settlement.description = "in flight";
    note(std::move(settlement));
  }
}

}  // namespace tandem
