#include "delivery/attempt_plan.hpp"

#include <algorithm>

#include "delivery/body_difference.hpp"
#include "json/scan.hpp"
#include "store/parked_record.hpp"

namespace tandem {
namespace {

using std::chrono::milliseconds;
using Step = AttemptPlan::Move;

// A parent is looked for again now and then, although its identity wakes its children: a wake may be lost, a wait may
// not be endless.
constexpr milliseconds parent_recheck{60'000};
constexpr milliseconds block_recheck{3'600'000};

AttemptPlan settle(Outcome outcome, std::string description) {
  AttemptPlan plan;
  plan.move = Step::settle;
  plan.outcome = outcome;
  plan.description = std::move(description);
  return plan;
}

AttemptPlan failed(Outcome outcome, ErrorClass error, std::string description, bool need_retry) {
  AttemptPlan plan = settle(outcome, std::move(description));
  plan.error = error;
  plan.need_retry = need_retry;
  return plan;
}

AttemptPlan park(std::string reason, milliseconds due_in, std::string description) {
  AttemptPlan plan;
  plan.move = Step::park;
  plan.reason = std::move(reason);
  plan.due_in = due_in;
  plan.description = std::move(description);
  return plan;
}

/// Sending the create once more cannot make a second object there.
bool create_is_safe(const RouteSettings& route) {
  return route.rest.upsert || route.rest.idempotency_key;
}

AttemptPlan wait_for_parent(const RouteSettings& route, const Upcoming& record, const MappingFault& fault) {
  if (record.waited >= route.max_wait)
    return failed(Outcome::expired, ErrorClass::dependency,
                  fault.parent_type + " " + fault.parent_object_id + " has no identity there after the longest wait",
                  true);
  AttemptPlan plan = park("parent", std::min(route.max_wait - record.waited, parent_recheck),
                          "waits for " + fault.parent_type + " " + fault.parent_object_id);
  plan.parent_type = fault.parent_type;
  plan.parent_object_id = fault.parent_object_id;
  return plan;
}

tl::expected<std::string, MappingFault> render(const Mapping& mapping, const Upcoming& record) {
  static const Lookups nothing;
  if (record.found == nullptr) return mapping.render(record.body, nothing);
  if (!record.without_parents) return mapping.render(record.found->body, record.found->lookups);
  Lookups known = record.found->lookups;
  for (Lookups::Value& value : known.values)
    if (!value.found) value = {value.field, true, "null"};
  return mapping.render(record.found->body, known);
}

/// An object that is addressed by our key cannot follow when the key changes: the one with the old key is removed
/// there, then the one with the new key is written.
bool old_object_stands(const RouteSettings& route, const Upcoming& record) {
  if (record.found == nullptr || !record.found->old_key_is_free || record.old_removed) return false;
  return !route.needs_identity || !record.found->old_remote_id.empty();
}

/// Create or update there. An id that came with an acceptance is theirs only when that has been confirmed.
Operation operation_there(const RouteSettings& route, const Upcoming& record) {
  if (record.operation == Operation::remove || record.operation == Operation::call) return record.operation;
  if (!route.needs_identity || record.found == nullptr)
    return record.operation == Operation::create ? Operation::create : Operation::update;
  return record.found->remote_id.empty() || record.found->identity_pending ? Operation::create : Operation::update;
}

/// What a source has said of a record that has been sent, or that it is still to say it. `send` = neither.
AttemptPlan look_at_confirmation(const RouteSettings& route, const Mapping& mapping, const Upcoming& record) {
  using Confirmation = FoundBody::Confirmation;
  const FoundBody& found = *record.found;
  AttemptPlan plan;
  if (found.confirmation == Confirmation::failed) {
    plan = failed(Outcome::rejected, ErrorClass::rejected,
                  found.confirmed_with.empty() ? "refused by its confirmation" : found.confirmed_with, false);
    plan.spent = true;
    plan.forgets_identity = found.identity_pending && operation_there(route, record) == Operation::create;
    return plan;
  }
  if (found.confirmation == Confirmation::succeeded) {
    plan.move = Step::confirmed;
    plan.operation = operation_there(route, record);
    plan.replaces_old = old_object_stands(route, record);
    plan.remote_id = found.confirmed_remote_id.empty() ? found.remote_id : found.confirmed_remote_id;
    if (plan.operation == Operation::remove) return plan;
    auto body = render(mapping, record);
    // What it refers to is not there even now: it was sent without that, to break a cycle.
    plan.follow_with_latest = !body && body.error().waits_for_parent;
    // What was sent of a live row, of another object or of SQL is not known any more: they may have changed since.
    const bool of_image_alone = record.image && !route.needs_sql && !route.needs_refs;
    if (body && route.needs_agreed && of_image_alone) plan.agreed = std::move(*body);
    return plan;
  }
  if (!record.awaits) return plan;
  if (record.confirm_in > milliseconds(0))
    return park(std::string(park_reason_confirmation), record.confirm_in, std::string(waits_for_confirmation));
  plan.move = Step::unconfirmed;
  return plan;
}

/// What the row's own state decides before anything is mapped. `send` = nothing.
AttemptPlan look_at_row(const RouteSettings& route, const Mapping& mapping, const Upcoming& record) {
  AttemptPlan plan;
  if (const FoundBody* found = record.found; found != nullptr) {
    if (found->found == FoundBody::Found::not_visible) {
      plan.move = Step::ask_again;
      return plan;
    }
    if (found->found == FoundBody::Found::waits) {
      plan.move = Step::wait;
      return plan;
    }
    if (found->found != FoundBody::Found::pending) {
      plan.move = Step::drop;
      return plan;
    }
    if (route.settle_on == SettleOn::confirmed)
      if (AttemptPlan told = look_at_confirmation(route, mapping, record); told.move != Step::send) return told;
    const bool call = record.operation == Operation::call;  // says nothing about the object, nor does another of it
    if (found->overtaken && !call) {
      plan = settle(Outcome::superseded, "a newer record of the object exists");
      plan.follow_with_latest = !record.newer_pending && !found->image_pending;
      return plan;
    }
    if (!call && !record.image && (found->image_pending || record.newer_image_pending))
      return settle(Outcome::superseded, "a pending image of the object goes out instead");
    if (found->key_is_taken)
      return failed(Outcome::conflict, ErrorClass::conflict,
                    "the key has changed from " + found->old_object_id +
                        ", and the new key is still paired with another object there",
                    true);
    if (route.on_failure == OnFailure::block && found->behind_failed && !record.retried)
      return park("blocked", block_recheck, "an earlier record of the object has failed");
    if (found->unanswered >= most_unanswered)
      return failed(Outcome::internal, ErrorClass::internal,
                    "the connector ended three times during this record's attempt", true);
  }
  if (record.capture_error != ErrorClass::none)
    return failed(Outcome::rejected, record.capture_error, std::string(record.capture_words), false);
  return plan;
}

AttemptPlan remove_old(const RouteSettings& route, const FoundBody& found) {
  if (!route.sends_deletes())
    return failed(Outcome::rejected, ErrorClass::mapping,
                  "the key has changed from " + found.old_object_id +
                      "; the route addresses objects by key and has no request for deletes, so the object there "
                      "cannot follow",
                  true);
  AttemptPlan plan;
  plan.operation = Operation::remove;
  plan.removes_old = true;
  plan.remote_id = found.old_remote_id;
  return plan;
}

/// The object does not fulfil the route's condition: nothing is sent of it, save where what has left goes on being
/// sent.
bool leaves_alone(const RouteSettings& route, const FoundBody& found) {
  return route.on_leave != OnLeave::update || (route.needs_identity && found.remote_id.empty());
}

/// Create, update or delete there, and how sure we are. `send` unless nothing can be sent.
AttemptPlan choose_call(const RouteSettings& route, const TargetSettings& target, const Upcoming& record) {
  AttemptPlan plan;
  plan.operation = record.operation;
  const bool removes = record.operation == Operation::remove;
  if (record.operation == Operation::call) {
    if (record.found != nullptr && !record.found->identity_pending) plan.remote_id = record.found->remote_id;
    return plan;
  }
  if (!removes && record.operation != Operation::create) plan.operation = Operation::update;
  if (removes && !route.sends_deletes()) return settle(Outcome::filtered, "the route has no request for deletes");
  if (!route.needs_identity || record.found == nullptr) return plan;

  const FoundBody& found = *record.found;
  const bool known = operation_there(route, record) == Operation::update || (removes && !found.remote_id.empty());
  if (known) plan.remote_id = found.remote_id;
  const bool pending = found.identity_pending && !record.intended;
  if (!removes) plan.operation = known ? Operation::update : Operation::create;
  if (known) return plan;
  if (removes && !pending && record.doubt == Doubt::none && !route.rest.upsert)
    return settle(Outcome::unchanged, "the object was never created there");
  const bool unmarked = !removes && !found.identity_pending && !record.intended;
  if (create_is_safe(route)) {
    // Their notice of the new object may come before our settlement: apply must know that it can be ours.
    plan.intend = unmarked && route.apply.has_value();
    return plan;
  }
  if (pending || record.doubt != Doubt::none) {
    if (!route.rest.lookup)
      return failed(
          Outcome::outcome_unknown, ErrorClass::outcome_unknown,
          "a create was sent and not answered, and the route has no lookup that could tell whether it took effect",
          true);
    if (record.first_may_run && record.doubt != Doubt::missing_once)
      return park("outcome", target.timeout, "waits until the unanswered create must have ended");
    plan.doubt = record.doubt == Doubt::none ? Doubt::may_exist : record.doubt;
    return plan;
  }
  plan.intend = unmarked;
  return plan;
}

AttemptPlan fitting(const TargetSettings& target, AttemptPlan plan) {
  if (plan.body.size() <= target.max_body_bytes) return plan;
  return failed(Outcome::rejected, ErrorClass::too_large,
                "the body has " + std::to_string(plan.body.size()) + " bytes, the target takes " +
                    std::to_string(target.max_body_bytes),
                false);
}

}  // namespace

bool window_suffices(const RouteSettings& route) {
  return !(route.needs_identity || route.needs_agreed || route.needs_sql || route.needs_refs ||
           route.body == BodyKind::latest || route.on_failure == OnFailure::block);
}

AttemptPlan plan_attempt(const RouteSettings& route, const TargetSettings& target, const Mapping& mapping,
                         const Upcoming& record) {
  if (AttemptPlan early = look_at_row(route, mapping, record); early.move != Step::send) return early;
  AttemptPlan plan = choose_call(route, target, record);
  if (plan.move != Step::send || plan.operation == Operation::remove) return plan;

  const FoundBody* found = record.found;
  if (plan.operation == Operation::call && record.image) {  // it is theirs already
    plan.body = found != nullptr ? found->body : std::string(record.body);
    return fitting(target, std::move(plan));
  }
  if (found != nullptr && found->live_row_gone)
    return settle(Outcome::filtered, "the row is gone; where deletes are captured, one follows");
  if (found != nullptr && found->outside && plan.operation != Operation::call && leaves_alone(route, *found))
    return settle(Outcome::filtered, "the object is not in the route");
  if (found != nullptr && !found->sql_error.empty())
    return failed(Outcome::rejected, ErrorClass::mapping, found->sql_error, true);
  auto body = render(mapping, record);
  if (!body) {
    if (body.error().waits_for_parent) return wait_for_parent(route, record, body.error());
    return failed(Outcome::rejected, ErrorClass::mapping, body.error().description, false);
  }

  const bool known_there = found != nullptr && !found->agreed_image.empty() && !found->agreed_unsettled &&
                           plan.operation == Operation::update;
  const bool whole = record.attempted || record.retried || record.operation == Operation::snapshot ||
                     record.operation == Operation::canary;
  plan.body = std::move(*body);
  if (route.needs_agreed) plan.agreed = plan.body;
  if (known_there && !whole) {
    if (route.skip_unchanged && json::equal(found->agreed_image, plan.body))
      return settle(Outcome::unchanged, "they have this image");
    if (route.only_changed) {
      if (auto changed = body_difference(found->agreed_image, plan.body)) {
        if (*changed == "{}") return settle(Outcome::unchanged, "they have these values");
        plan.body = std::move(*changed);
      }
    }
  }
  plan = fitting(target, std::move(plan));
  if (plan.move != Step::send) return plan;
  if (old_object_stands(route, record)) return remove_old(route, *found);
  return plan;
}

}  // namespace tandem
