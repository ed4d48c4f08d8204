#include "apply/decision.hpp"

#include <algorithm>

#include "apply/merge.hpp"

namespace tandem {
namespace {

using std::chrono::milliseconds;
using Then = Step::Then;

constexpr milliseconds lane_recheck{30}, create_recheck{100}, first_wait{250}, longest_wait{10'000};
constexpr milliseconds first_row_wait{30}, longest_row_wait{2'000};
constexpr milliseconds create_may_come{3'000};

Step settle(Outcome outcome, std::string description = {}, std::string error_code = {}) {
  Step step;
  step.then = Then::settle;
  step.outcome = outcome;
  step.description = std::move(description);
  step.error_code = std::move(error_code);
  return step;
}

Step park(const InboxRecord& record, Waits reason, milliseconds wait, std::string description,
          std::string error_code = {}) {
  Step step;
  step.then = Then::park;
  step.reason = reason;
  step.wait = wait;
  step.attempts = record.attempts;
  step.description = std::move(description);
  step.error_code = std::move(error_code);
  return step;
}

struct Patience {
  milliseconds first, longest;
};

Step wait_or_expire(const RouteSettings& route, const InboxRecord& record, Waits reason, std::string error_code,
                    std::string description, Patience patience = {first_wait, longest_wait}) {
  if (record.age >= route.max_wait) return settle(Outcome::expired, std::move(description), std::move(error_code));
  return park(record, reason, std::clamp(record.age / 4, patience.first, patience.longest), std::move(description),
              std::move(error_code));
}

/// However old the record is, it has not waited for this before it has waited at all.
Step wait_for_lock(const RouteSettings& route, const InboxRecord& record, std::string description) {
  if (!record.parked) return park(record, Waits::lane, first_row_wait, std::move(description), "lock");
  return wait_or_expire(route, record, Waits::lane, "lock", std::move(description), {first_row_wait, longest_row_wait});
}

/// Their record says that the object is there already.
bool tells_of_an_update(const InboxRecord& record) {
  return record.operation == "update" && !record.source->notification.operation.empty();
}

Step insertion(const RouteSettings& route, const InboxRecord& record) {
  Step step;
  step.then = Then::insert;
  step.pair = true;
  step.agree = {overlay(route, {}, record.body), false};
  return step;
}

/// Deleted here, changed there.
Step write_deleted(const Meeting& m) {
  if (age_of(m.record.version, m.lane.version, {}) == Age::stale) return settle(Outcome::stale);
  const auto policy = m.route.apply->conflict;
  Step step;
  if (policy == ConflictPolicy::theirs || m.lane.forced) {
    step = insertion(m.route, m.record);
    step.supersede = true;
  } else if (policy == ConflictPolicy::manual) {
    step = settle(Outcome::conflict, "changed there and deleted here", "conflict");
  } else {
    step = settle(Outcome::superseded, "deleted here");
  }
  if (!m.lane.forced) step.conflict = {m.lane.image, {}, object_of(*m.theirs), {}, policy};
  return step;
}

std::vector<FieldImages> fields_of(const Meeting& m) {
  std::vector<FieldImages> fields;
  fields.reserve(m.theirs->size());
  for (const auto& [name, value] : *m.theirs) {
    const auto ours = m.row->find(name);
    if (ours == m.row->end() || std::ranges::find(*m.key, name) != m.key->end()) continue;
    FieldImages field{name, ours->second, value, std::nullopt, std::nullopt};
    if (const auto before = m.agreed->find(name); before != m.agreed->end()) field.agreed = before->second;
    const auto& own = m.route.apply->by_field;
    if (const auto policy = own.find(name); policy != own.end() && !m.lane.forced) field.policy = policy->second;
    fields.push_back(std::move(field));
  }
  return fields;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

Step write_row(const Meeting& m) {
  const Age age = age_of(m.record.version, m.lane.version, m.lane.written);
  if (age == Age::stale && !m.lane.forced) return settle(Outcome::stale, "a newer version has been applied");
  const bool blind = age == Age::blind;
  const auto policy = m.lane.forced ? ConflictPolicy::theirs : m.route.apply->conflict;
  Merge merged = merge(policy, fields_of(m), blind, m.theirs_newer);

  Step step;
  if (merged.undecided)
    step = settle(Outcome::conflict, "changed on both sides: " + joined(merged.conflicts), "conflict");
  if (!merged.conflicts.empty() && !m.lane.forced)
    step.conflict = {object_of(*m.agreed), object_of(*m.row), object_of(*m.theirs), merged.conflicts,
                     merged.undecided ? ConflictPolicy::manual : policy};
  step.supersede = step.pair = true;
  if (merged.undecided) return step;

  step.then = merged.take.empty() ? Then::settle : Then::update;
  step.outcome = merged.take.empty() ? Outcome::unchanged : Outcome::applied;
  // Without versions nobody can tell whether they had seen what we have just written.
  const bool unsure = age == Age::unknown && m.lane.just_written;
  step.follow = merged.ours_stays || m.lane.waiting || m.lane.unsettled || (unsure && !merged.take.empty());
  step.agree = {blind ? m.lane.image : overlay(m.route, m.lane.image, m.record.body), blind || (unsure && step.follow)};
  step.resolved = m.lane.forced;
  step.take = std::move(merged.take);
  return step;
}

}  // namespace

std::string_view word(Waits reason) {
  switch (reason) {
    case Waits::lane:
      return "lane";
    case Waits::outcome:
      return "outcome";
    case Waits::parent:
      return "parent";
    case Waits::object:
      return "object";
    case Waits::fetch:
      return "fetch";
    case Waits::log:
      return "log";
    case Waits::retry:
      break;
  }
  return "retry";
}

namespace {

/// Under the id that it had: it has been fetched, or they say so after they had deleted it. A webhook's order is not
/// theirs; there a version must tell.
bool lives_again(const RouteSettings& route, const InboxRecord& record, const PairFacts& pair) {
  if (record.operation == "delete" || !pair.deleted_there || route.apply->on_delete == OnTheirDelete::ignore)
    return false;
  if (record.fetched) return true;
  const auto& source = *record.source;
  const bool in_their_order = source.topics || source.poll || source.foreign;
  return in_their_order ||
         (!pair.deleted_version.empty() && age_of(record.version, pair.deleted_version, {}) == Age::newer);
}

}  // namespace

Step meet(const RouteSettings& route, const InboxRecord& record, const PairFacts& pair) {
  const auto& operations = route.apply->operations;
  if (std::ranges::find(operations, record.operation) == operations.end())
    return settle(Outcome::filtered, "the route does not apply this operation");
  if (pair.known && !pair.paired_with.empty() && !record.remote_id.empty() && pair.paired_with != record.remote_id)
    return settle(Outcome::conflict, "the object is paired with another one of theirs, " + pair.paired_with,
                  "conflict");
  if (!pair.known && pair.deleted && !lives_again(route, record, pair))
    return settle(Outcome::stale, "the object has been deleted");
  if (!pair.known && pair.creating && record.age < route.max_wait)
    return park(record, Waits::outcome, std::clamp(record.age / 4, create_recheck, longest_wait),
                "a create of ours may have made it");
  if (record.operation != "delete" && record.body.empty())
    return settle(Outcome::rejected, "the record carries an id alone; objects cannot be fetched", "mapping");
  return {};
}

Step place(const RouteSettings& route, const InboxRecord& record, bool object_known) {
  if (object_known) return {};
  if (record.operation == "delete") {
    Step step = settle(Outcome::unchanged, "it was never known here");
    step.unpair = true;
    return step;
  }
  const bool fetches = route.rest.fetch.has_value();
  if (tells_of_an_update(record) && !record.fetched && fetches &&
      record.age >= std::min(create_may_come, route.max_wait))
    return park(record, Waits::fetch, milliseconds(0),
                "is fetched, since the object that it updates is not known here");
  if (tells_of_an_update(record) && !record.fetched)
    return wait_or_expire(route, record, Waits::object, "not_found", "the object that it updates is not known here");
  return insertion(route, record);
}

bool is_softly_deleted(const ApplySettings& apply, const Columns& row) {
  return !apply.soft_delete.empty() && std::ranges::all_of(apply.soft_delete, [&](const auto& mark) {
    const auto found = row.find(mark.first);
    return found != row.end() && same_value(found->second, mark.second);
  });
}

void revive(const ApplySettings& apply, const Columns& row, Columns& theirs, Step& step) {
  const bool written = step.then == Then::update || (step.then == Then::settle && step.outcome == Outcome::unchanged);
  if (!written || !is_softly_deleted(apply, row)) return;
  step.then = Then::update;
  step.outcome = Outcome::applied;
  for (const auto& [column, mark] : apply.soft_delete) {
    if (std::ranges::find(step.take, column) == step.take.end()) step.take.push_back(column);
    theirs.emplace(column, mark == "true" ? "false" : "null");
  }
}

Step wait_for_parent(const RouteSettings& route, const InboxRecord& record, const std::string& type,
                     const std::string& id) {
  return wait_or_expire(route, record, Waits::parent, "dependency", "waits for " + type + " " + id);
}

Step wait_for_lane(const InboxRecord& record) {
  return park(record, Waits::lane, std::clamp(record.age / 4, lane_recheck, longest_wait),
              "waits for an attempt of the other direction");
}

Step wait_for_row(const RouteSettings& route, const InboxRecord& record) {
  return wait_for_lock(route, record, "waits for a session of the CRM that holds the row");
}

/// As a lock is waited for, so that delivery, too, holds the object back a moment: ours is merged before it goes out.
Step wait_for_log(const RouteSettings& route, const InboxRecord& record, milliseconds waited, Step::Seen seen) {
  constexpr const char* description = "waits until the log has told what has happened to the row";
  if (waited >= route.max_wait) return settle(Outcome::expired, description, "lock");
  Step step = park(record, Waits::log, std::clamp(waited / 4, first_row_wait, longest_row_wait), description, "lock");
  step.seen = std::move(seen);
  return step;
}

Step not_routed() {
  return settle(Outcome::filtered, "no route takes it");
}

Step unreadable(std::string description) {
  return settle(Outcome::rejected, std::move(description), "mapping");
}

Step paired_otherwise(const std::string& object_id) {
  return settle(Outcome::rejected, "the object " + object_id + " is paired with another one of theirs", "rejected");
}

Step not_let_in() {
  return settle(Outcome::filtered, "a trigger of the CRM has not let it in");
}

Step write_over(const Meeting& m) {
  if (m.lane.in_flight) return wait_for_lane(m.record);
  if (m.row != nullptr) return write_row(m);
  return m.known ? write_deleted(m) : place(m.route, m.record, false);
}

Step remove(const Meeting& m) {
  if (m.lane.in_flight) return wait_for_lane(m.record);
  if (is_older(m.record.version, m.lane.version) && !m.lane.forced)
    return settle(Outcome::stale, "a newer version has been applied");
  const auto& apply = *m.route.apply;
  const bool changed_here = m.row != nullptr && m.lane.waiting;
  Step step;
  if (changed_here && apply.conflict == ConflictPolicy::manual && !m.lane.forced) {
    step = settle(Outcome::conflict, "deleted there and changed here", "conflict");
    step.conflict = {m.lane.image, object_of(*m.row), {}, {}, apply.conflict};
    return step;
  }
  if (m.row == nullptr) {
    step = settle(Outcome::unchanged, "it was deleted here as well");
  } else if (changed_here && apply.conflict == ConflictPolicy::ours) {
    step = settle(Outcome::superseded, "changed here");
    step.follow = true;  // creates it there anew
  } else if (apply.on_delete == OnTheirDelete::ignore) {
    step = settle(Outcome::filtered, "deletes are ignored");
  } else {
    step.then = apply.on_delete == OnTheirDelete::soft ? Then::soft_delete : Then::erase;
  }
  if (changed_here && !m.lane.forced) step.conflict = {m.lane.image, object_of(*m.row), {}, {}, apply.conflict};
  step.supersede = step.unpair = true;
  return step;
}

Step end_write(Step step, const RouteSettings& route, const Columns& before, const Columns& now,
               const Columns& theirs) {
  const bool inserted = step.then == Then::insert;
  const auto taken = [&](const std::string& name) { return std::ranges::find(step.take, name) != step.take.end(); };
  const auto kept = [&](const std::string& name, const std::string& value) {
    const auto found = now.find(name);
    return found == now.end() ? !inserted : same_value(found->second, value);
  };
  bool normalised = false;
  for (const auto& [name, value] : theirs)
    if (inserted || taken(name)) normalised |= !kept(name, value);
  // A column that travels and was not written: a trigger of the CRM's has.
  for (const auto& [name, value] : before) {
    const auto found = now.find(name);
    const bool travels = theirs.contains(name) || std::ranges::count(route.fields, name, &FieldSettings::column) > 0;
    normalised |= travels && !taken(name) && found != now.end() && !same_value(found->second, value);
  }
  if (normalised && !now.empty() && !step.follow) {
    step.follow = step.answers = true;
    step.description = Step::changed_by_the_crm;
  }
  step.then = Then::settle;
  return step;
}

bool is_collision(const Error& error) {
  return error.sqlstate == "40P01" || error.sqlstate == "40001";
}

tl::unexpected<Error> collision(std::string message) {
  auto error = fail(ErrorKind::refused, std::move(message));
  error.value().sqlstate = "40001";
  return error;
}

tl::unexpected<Error> another_has_taken_over() {
  return fail(ErrorKind::fenced, "another connector of our name has taken over");
}

Step after_error(const RetrySettings& retry, const RouteSettings* route, const InboxRecord& record,
                 const Error& error) {
  const std::string_view state = error.sqlstate;
  if (state.starts_with("22") || state.starts_with("23") || state.starts_with("P0"))
    return settle(Outcome::rejected, error.message, "rejected");
  // The CRM holds what the write needs: that says nothing against the record.
  if (route != nullptr && (state == "55P03" || is_collision(error)))
    return wait_for_lock(*route, record, error.message);
  const int attempts = record.attempts + 1;
  std::string code = state == "55P03" || state.starts_with("40") ? "lock" : "unavailable";
  if (attempts > retry.count) return settle(Outcome::exhausted, error.message, std::move(code));
  auto wait = static_cast<double>(retry.first.count());
  for (int i = 1; i < attempts; ++i) wait *= retry.factor;
  Step step = park(record, Waits::retry, milliseconds(static_cast<std::int64_t>(wait)), error.message, std::move(code));
  step.attempts = attempts;
  return step;
}

}  // namespace tandem
