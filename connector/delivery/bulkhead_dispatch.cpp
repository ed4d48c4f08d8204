#include <algorithm>

#include "delivery/bulkhead.hpp"
#include "delivery/coalesce.hpp"

namespace tandem {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds body_keeps{5};  // for an attempt (docs/delivery.md, bodies)
constexpr std::chrono::minutes careful_for{1};
constexpr milliseconds not_visible_recheck{50};
constexpr milliseconds shortest_rekey_wait{20}, longest_rekey_wait{1'000};
constexpr int most_rekey_asks = 12;  // about seven seconds
constexpr milliseconds rekey_recheck{2'000};
constexpr milliseconds children_recheck{50};
constexpr std::chrono::seconds children_wait{5};
constexpr std::size_t most_folded = 256;
constexpr int longest_chain = 64;
constexpr std::size_t most_waiting_known = 20'000;

bool carries_image(const Held& held) {
  return !held.record.body.empty() || held.record.body_left_out;
}

bool removes_or_call(Operation operation) {
  return operation == Operation::remove || operation == Operation::call;
}

}  // namespace

std::size_t Bulkhead::batch_limit(const Desk& desk, Operation operation) const {
  return std::max<std::size_t>(1, target_.batch_limit(desk.index, operation));
}

/// Brings lanes as far as their body is at hand, ahead of what can be sent, so that neither bodies nor the wire are
/// waited for.
void Bulkhead::raise(const Now& now) {
  const bool probing = breaker_.state(now.steady) == Breaker::State::half_open;
  if (breaker_.state(now.steady) == Breaker::State::open || gate_.resting(now.steady)) return;
  const bool by_probe = probing && !target_settings_.probe_path.empty();
  if (by_probe || (probing && !breaker_.wants_probe(now.steady))) return;
  bool any = true;
  while (any) {
    any = false;
    for (std::uint32_t slot = 0; slot < desks_.size(); ++slot) {
      const Desk& desk = desks_[slot];
      const std::size_t batch = desk.route == nullptr ? 1 : batch_limit(desk, Operation::update);
      const std::size_t ahead = probing ? 1 : 64 + 2 * static_cast<std::size_t>(gate_.limit()) * batch;
      if (raised_ + reading_ >= ahead && !desk.paused) continue;
      Lane* lane = book_.take(slot);
      if (lane == nullptr) continue;
      any = true;
      begin_turn(*lane, now);
    }
  }
}

void Bulkhead::begin_turn(Lane& lane, const Now& now) {
  Held& held = *lane.first;
  Desk& desk = desks_[held.slot];
  if (desk.route == nullptr) {
    Settlement unknown = about(held);
    unknown.outcome = Outcome::rejected;
    unknown.error = ErrorClass::mapping;
    unknown.need_retry = true;
    unknown.description = "the configuration has no route for this target and request_type";
    lane.in_hand = false;
    settle(held, std::move(unknown));
    return;
  }
  if (desk.paused && !held.awaits) {
    Settlement parked = about(held);
    parked.park_reason = "pause";
    parked.description = "the route is paused";
    park_lane(held, std::move(parked));
    return;
  }
  if (fold_lane(lane, desk)) return;
  if (held.as == Operation::remove && children_first(held, desk, now)) return;
  if (!at_hand(held, desk, now)) {
    ask(held);
    return;
  }
  desk.up.push_back(&held);
  ++raised_;
}

/// True: records before the one that stands for them are being superseded; the lane goes on when that has committed, so
/// that a crash never sends a create under two keys.
bool Bulkhead::fold_lane(Lane& lane, const Desk& desk) {
  if (!desk.route->coalesce || lane.size < 2 || lane.first->folded) return false;
  std::vector<Foldable> records;
  for (const Held* held = lane.first; held != nullptr && records.size() < most_folded; held = held->after)
    records.push_back({held->as,
                       held->untouched && held->record.capture_error == ErrorClass::none &&
                           held->record.object_id == lane.first->record.object_id,
                       carries_image(*held) || desk.route->body == BodyKind::latest});
  const Fold folded = fold(records);
  if (folded.records < 2) return false;
  Held* held = lane.first;
  for (std::size_t i = 1; i < folded.records; ++i, held = held->after) {
    Settlement settlement = about(*held);
    settlement.outcome = Outcome::superseded;
    settlement.description = "folded into a later record of its object";
    settle(*held, std::move(settlement));
  }
  held->folded = true;
  held->as = folded.operation;
  lane.in_hand = false;
  return true;
}

/// A delete waits a little for deletes of objects that may refer to it.
bool Bulkhead::children_first(Held& held, const Desk& desk, const Now& now) {
  if (held.postponed_at != SteadyTime{} && now.steady - held.postponed_at >= children_wait) return false;
  if (std::ranges::none_of(desk.children, [&](std::uint32_t slot) { return book_.removes(slot) > 0; })) return false;
  if (held.postponed_at == SteadyTime{}) held.postponed_at = now.steady;
  book_.wait_until(*held.lane, now.steady + children_recheck);
  book_.put_back(*held.lane);
  return true;
}

bool Bulkhead::careful(const Held& held, const Now& now) const {
  // What the other side changes is applied by another thread: it must see in the row that an attempt is under way.
  if (held.record.route != no_route && settings_.routes[held.record.route].apply) return true;
  return unclean_ && held.record.counter <= last_counter_ && now.steady - started_ < careful_for;
}

bool Bulkhead::at_hand(const Held& held, const Desk& desk, const Now& now) const {
  if (held.found) return now.steady - held.found_at < body_keeps;
  if (!held.untouched && desk.route->settle_on == SettleOn::confirmed) return false;  // it may have been confirmed
  return desk.window_suffices && carries_image(held) && !held.record.body_left_out && !held.retried &&
         held.record.operation != Operation::rekey && now.steady - held.read_at < body_keeps && !careful(held, now);
}

void Bulkhead::ask(Held& held) {
  held.asked = true;
  let_go(held);
  ++reading_;
  wanted_.wanted.push_back({held.record.counter, held.record.record_id, held.record.route, held.record.object_id,
                            held.record.xid, held.record.body.size()});
}

Bulkhead::Desk* Bulkhead::next_desk(const Now& now) {
  for (std::size_t i = 0; i < desks_.size(); ++i) {
    next_desk_ = (next_desk_ + 1) % desks_.size();
    Desk& desk = desks_[next_desk_];
    if (desk.up.empty()) continue;
    if (desk.route->rest.batch && desk.route->rest.batch->linger > milliseconds(0) &&
        desk.up.size() < batch_limit(desk, desk.up.front()->as)) {
      const SteadyTime until =
          std::max(desk.up.front()->read_at, desk.up.front()->found_at) + desk.route->rest.batch->linger;
      if (now.steady < until) {
        linger_until_ = linger_until_ ? std::min(*linger_until_, until) : until;
        continue;
      }
    }
    return &desk;
  }
  return nullptr;
}

void Bulkhead::ship(const Now& now) {
  while (raised_ > 0 && gate_.open(calls_ + lending_.out(), now.steady, now.wall)) {
    const auto state = breaker_.state(now.steady);
    if (state == Breaker::State::open) return;
    const bool probing = state == Breaker::State::half_open;
    if (probing && (!breaker_.wants_probe(now.steady) || !target_settings_.probe_path.empty())) return;
    Desk* desk = next_desk(now);
    if (desk == nullptr) return;
    Shipment shipment;
    shipment.route = desk->index;
    if (!fill(shipment, *desk, now)) continue;
    if (probing) {
      breaker_.probe_started();
      probe_ = shipment.attempts.front().counter;
    }
    gate_.take(now.steady, now.wall);
    ++calls_;
    ++last_shipment_;
    if (shipment.attempts.size() > 1) open_batches_[last_shipment_] = static_cast<int>(shipment.attempts.size());
    for (const Attempt& attempt : shipment.attempts) {
      Held& held = *book_.find(attempt.counter);
      held.flying = true;
      held.untouched = held.intended = false;
      held.shipment = last_shipment_;
      held.sent_at = now.steady;
      held.sent_wall = now.wall;
      takeoffs_.emplace_back(now.steady, attempt.counter);
    }
    flying_ += static_cast<int>(shipment.attempts.size());
    out.shipments.push_back(std::move(shipment));
  }
}

/// False: the records that were up came to something else than an attempt.
bool Bulkhead::fill(Shipment& shipment, Desk& desk, const Now& now) {
  const bool probing = breaker_.state(now.steady) == Breaker::State::half_open;
  std::size_t limit = 1;
  std::uint64_t bytes = 0;
  while (!desk.up.empty() && (shipment.attempts.empty() || shipment.attempts.size() < limit)) {
    Held& held = *desk.up.front();
    const std::size_t own_limit = probing ? 1 : batch_limit(desk, held.as);
    if (!shipment.attempts.empty() && (own_limit < 2 || bytes >= target_.batch_bytes(desk.index))) break;
    desk.up.pop_front();
    --raised_;
    auto attempt = prepare(held, desk, now);
    if (!attempt) continue;
    if (shipment.attempts.empty()) limit = probing ? 1 : batch_limit(desk, attempt->operation);
    bytes += attempt->body.size();
    shipment.attempts.push_back(std::move(*attempt));
  }
  return !shipment.attempts.empty();
}

bool Bulkhead::in_cycle(LaneHash child, LaneHash parent) const {
  for (int i = 0; i < longest_chain; ++i) {
    if (parent == child) return true;
    const auto next = waits_for_.find(parent);
    if (next == waits_for_.end()) return false;
    parent = next->second;
  }
  return false;
}

AttemptPlan Bulkhead::plan(Held& held, Desk& desk, const Now& now) {
  Upcoming upcoming;
  upcoming.operation = held.as;
  upcoming.object_id = held.record.object_id;
  upcoming.body = held.record.body;
  upcoming.found = held.found.get();
  upcoming.capture_error = held.record.capture_error;
  upcoming.capture_words = held.record.description;
  upcoming.image = carries_image(held);
  upcoming.retried = held.retried;
  upcoming.attempted = !held.untouched;
  for (const Held* newer = held.after; newer != nullptr && !upcoming.newer_image_pending; newer = newer->after) {
    if (newer->as == Operation::call) continue;
    upcoming.newer_pending = true;
    upcoming.newer_image_pending = carries_image(*newer);
  }
  upcoming.old_removed = held.old_removed;
  upcoming.without_parents = held.without_parents;
  upcoming.first_may_run = now.steady < held.may_run_until ||
                           (held.doubt == Doubt::none && now.steady - started_ < target_settings_.timeout);
  upcoming.doubt = held.doubt;
  upcoming.intended = held.intended;
  upcoming.waited = held.waited;
  upcoming.awaits = held.awaits;
  upcoming.confirm_in = std::chrono::ceil<milliseconds>(std::max(held.confirm_by - now.steady, SteadyTime::duration{}));
  AttemptPlan plan = plan_attempt(*desk.route, target_settings_, *desk.mapping, upcoming);
  if (plan.move != AttemptPlan::Move::park || plan.parent_type.empty()) return plan;

  const LaneHash parent = lane_hash(target_settings_.name, plan.parent_type, plan.parent_object_id);
  // An object that is theirs already keeps nobody waiting: who has waited for it is about to be woken.
  const bool paired = held.found && !held.found->remote_id.empty() && !held.found->identity_pending;
  if (!paired && in_cycle(held.record.lane, parent)) {
    held.without_parents = upcoming.without_parents = true;
    return plan_attempt(*desk.route, target_settings_, *desk.mapping, upcoming);
  }
  if (waits_for_.size() < most_waiting_known) waits_for_[held.record.lane] = parent;
  return plan;
}

/// What it waits for may be long in coming, and need the room that is used up here.
void Bulkhead::wait_for_rekey(Held& held, const Now& now) {
  Lane& lane = *held.lane;
  if (held.asks >= most_rekey_asks) {
    Settlement settlement = about(held);
    settlement.park_reason = "rekey";
    settlement.due_in = rekey_recheck;
    settlement.description = "waits for a changed key";
    park_lane(held, std::move(settlement));
    return;
  }
  held.found.reset();
  book_.wait_until(lane, now.steady + std::min(shortest_rekey_wait * (1 << held.asks), longest_rekey_wait));
  ++held.asks;
  book_.put_back(lane);
}

/// The attempt that a record's turn has come to, or nothing where it has come to something else.
std::optional<Attempt> Bulkhead::prepare(Held& held, Desk& desk, const Now& now) {
  Lane& lane = *held.lane;
  if (!at_hand(held, desk, now)) {
    ask(held);
    return std::nullopt;
  }
  AttemptPlan plan = this->plan(held, desk, now);
  switch (plan.move) {
    case AttemptPlan::Move::send:
      break;
    case AttemptPlan::Move::settle: {
      Settlement settlement = about(held);
      settlement.outcome = plan.outcome;
      settlement.error = plan.error;
      settlement.description = std::move(plan.description);
      settlement.need_retry = plan.need_retry;
      settlement.follow_with_latest = plan.follow_with_latest;
      settlement.confirmed = held.found && held.found->confirmation != FoundBody::Confirmation::none;
      if (plan.spent) ++settlement.attempts;
      if (plan.forgets_identity) settlement.identity = Settlement::IdentityWrite::removed;
      if (held.careful)
        settlement.attempt = {held.sent_wall, false, held.record.attempts + 1, Settlement::AttemptRow::Phase::closed};
      lane.in_hand = false;
      settle(held, std::move(settlement));
      return std::nullopt;
    }
    case AttemptPlan::Move::park: {
      Settlement settlement = about(held);
      settlement.park_reason = std::move(plan.reason);
      settlement.due_in = plan.due_in;
      settlement.description = std::move(plan.description);
      settlement.ensure_parent = !plan.parent_type.empty();
      settlement.parent_type = std::move(plan.parent_type);
      settlement.parent_object_id = std::move(plan.parent_object_id);
      park_lane(held, std::move(settlement));
      return std::nullopt;
    }
    case AttemptPlan::Move::drop:
      forget(held);
      book_.put_back(lane);
      return std::nullopt;
    case AttemptPlan::Move::ask_again:
      let_go(held);
      book_.wait_until(lane, now.steady + not_visible_recheck);
      book_.put_back(lane);
      return std::nullopt;
    case AttemptPlan::Move::wait:
      wait_for_rekey(held, now);
      return std::nullopt;
    case AttemptPlan::Move::confirmed:
      settle_confirmed(held, std::move(plan));
      return std::nullopt;
    case AttemptPlan::Move::unconfirmed:
      count_unconfirmed(held, desk, now);
      return std::nullopt;
  }
  held.asks = 0;
  held.agreed = std::move(plan.agreed);
  held.removes_old = plan.removes_old;
  if (removes_or_call(plan.operation) && !plan.removes_old) held.as = plan.operation;
  const bool opens = careful(held, now) && !held.careful;
  if (plan.intend || opens) {
    Settlement settlement = about(held);
    settlement.description = "about to be sent";
    if (plan.intend) settlement.identity = Settlement::IdentityWrite::pending;
    if (opens) settlement.attempt = {now.wall, false, held.record.attempts + 1, Settlement::AttemptRow::Phase::opened};
    held.intended |= plan.intend;
    held.pending |= plan.intend;
    held.careful |= opens;
    intend(held, std::move(settlement));
    return std::nullopt;
  }
  held.creates = plan.operation == Operation::create;
  Attempt attempt;
  attempt.counter = held.record.counter;
  attempt.record_id = held.record.record_id;
  attempt.operation = plan.operation;
  attempt.recorded = held.record.operation;
  attempt.doubt = plan.doubt;
  attempt.object_id = plan.removes_old ? held.found->old_object_id : held.record.object_id;
  attempt.remote_id = std::move(plan.remote_id);
  attempt.body = std::move(plan.body);
  attempt.trace_context = held.record.trace_context;
  return attempt;
}

}  // namespace tandem
