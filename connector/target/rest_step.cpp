#include "target/rest_step.hpp"

namespace tandem {
namespace {

bool can_create(const RoutePlan& route) {
  return route.create || route.batches(Operation::create);
}
bool can_update(const RoutePlan& route) {
  return route.update || route.batches(Operation::update);
}
bool can_remove(const RoutePlan& route) {
  return route.remove || route.batches(Operation::remove);
}

/// Updates address the object by our own id.
bool updates_by_our_id(const RoutePlan& route) {
  if (route.update) return !route.update->needs_remote_id;
  return route.batch && route.batch->updates && !route.batch->call.needs_remote_id &&
         !(route.batch->each && route.batch->each->uses("remote_id"));
}
bool removes_by_our_id(const RoutePlan& route) {
  if (route.remove) return !route.remove->needs_remote_id;
  return route.batch && route.batch->removes && !route.batch->call.needs_remote_id &&
         !(route.batch->each && route.batch->each->uses("remote_id"));
}

Step update_known(const RoutePlan& route) {
  if (can_update(route)) return Step::update;
  return route.upsert ? Step::upsert : Step::impossible;
}

/// The row is new here, so there is nothing of it to be found there. An attempt for any object without a pair is a
/// create, whatever has happened here; the object may have been there before we were.
bool is_new_here(const Attempt& attempt) {
  return attempt.recorded.value_or(attempt.operation) == Operation::create;
}

Step first_write(const RoutePlan& route, const Attempt& attempt) {
  if (!attempt.remote_id.empty()) return update_known(route);
  if (route.upsert) return Step::upsert;
  if (route.batch && route.batch->upserts())
    return attempt.operation == Operation::create ? Step::create : Step::update;
  if (attempt.doubt != Doubt::none) {
    if (route.idempotency_key && can_create(route)) return Step::create;
    return route.lookup ? Step::lookup : Step::unknowable;
  }
  if (attempt.operation != Operation::create && updates_by_our_id(route)) return Step::update;
  if (!is_new_here(attempt) && route.lookup) return Step::lookup;
  if (can_create(route)) return Step::create;
  return updates_by_our_id(route) ? Step::update : Step::impossible;
}

Step first_remove(const RoutePlan& route, const Attempt& attempt) {
  if (!can_remove(route)) return Step::impossible;
  if (!attempt.remote_id.empty() || removes_by_our_id(route)) return Step::remove;
  if (route.lookup) return Step::lookup;
  return attempt.doubt == Doubt::none ? Step::nothing_there : Step::unknowable;
}

}  // namespace

Step first_step(const RoutePlan& route, const Attempt& attempt) {
  switch (attempt.operation) {
    case Operation::remove:
      return first_remove(route, attempt);
    case Operation::call:
      return route.call ? Step::call : Step::impossible;
    default:
      return first_write(route, attempt);
  }
}

Step step_after(Lookup lookup, const RoutePlan& route, const Attempt& attempt) {
  const bool removing = attempt.operation == Operation::remove;
  if (lookup == Lookup::found) {
    if (removing) return Step::remove;
    const Step step = update_known(route);
    return step == Step::impossible && attempt.operation == Operation::create ? Step::there : step;
  }
  if (attempt.doubt == Doubt::may_exist) return Step::look_again;
  if (removing) return Step::nothing_there;
  return can_create(route) ? Step::create : Step::impossible;
}

bool by_batch(const RoutePlan& route, Step step, const Attempt& attempt) {
  const bool upserts = route.batch && route.batch->upserts() && attempt.remote_id.empty();
  switch (step) {
    case Step::create:
      return route.batches(Operation::create) && (!route.create || upserts);
    case Step::update:
      return route.batches(Operation::update) && (!route.update || upserts);
    case Step::remove:
      return route.batches(Operation::remove) && !route.remove;
    default:
      return false;
  }
}

bool repeatable(const RoutePlan& route, Step step) {
  switch (step) {
    case Step::create:
      return route.idempotency_key || (route.batch && route.batch->upserts());
    case Step::call:
      return route.idempotency_key;
    default:
      return true;
  }
}

}  // namespace tandem
