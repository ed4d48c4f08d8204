#include "store/flush.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_set>

#include "store/printable.hpp"
#include "store/queries.hpp"

namespace tandem::store {
namespace {

using postgres::Param;
using Numbers = std::vector<std::optional<std::int64_t>>;
using Texts = std::vector<std::string>;

enum class Way : std::uint8_t { delivered, full, park };

Way way_of(const Settlement& s) {
  if (s.kind == Settlement::Kind::park) return Way::park;
  const bool plain = s.kind == Settlement::Kind::outcome && s.outcome == Outcome::delivered && s.attempts == 1 &&
                     s.error == ErrorClass::none && s.description.empty() && !s.attempt &&
                     s.identity == Settlement::IdentityWrite::none && s.agreed == Settlement::AgreedWrite::none &&
                     !s.follow_with_latest && !s.supersedes_failed && s.calls.empty();
  return plain ? Way::delivered : Way::full;
}

std::string word(Settlement::IdentityWrite write) {
  switch (write) {
    case Settlement::IdentityWrite::none:
      return {};
    case Settlement::IdentityWrite::pending:
      return "pending";
    case Settlement::IdentityWrite::paired:
      return "paired";
    case Settlement::IdentityWrite::replaced:
      return "replaced";
    case Settlement::IdentityWrite::removed:
      return "removed";
  }
  return {};
}

std::string word(Settlement::AgreedWrite write) {
  switch (write) {
    case Settlement::AgreedWrite::none:
      return {};
    case Settlement::AgreedWrite::image:
      return "image";
    case Settlement::AgreedWrite::unsettled:
      return "unsettled";
    case Settlement::AgreedWrite::removed:
      return "removed";
  }
  return {};
}

std::string word(Settlement::AttemptRow::Phase phase) {
  using Phase = Settlement::AttemptRow::Phase;
  return phase == Phase::opened ? "opened" : phase == Phase::closed ? "closed" : "whole";
}

std::string word_or_null(ErrorClass error) {
  return error == ErrorClass::none ? std::string() : std::string(tandem::word(error));
}

/// The columns that every write has.
struct Columns {
  std::vector<Counter> counters;
  std::vector<RecordId> ids;
  std::vector<std::int32_t> attempts, statuses;
  std::vector<std::int64_t> durations;
  Texts errors, descriptions, phases;
  Numbers attempt, started;
  std::vector<bool> counted;

  void add(const Settlement& s) {
    counters.push_back(s.counter);
    ids.push_back(s.record_id);
    statuses.push_back(s.answer_status);
    durations.push_back(s.duration.count());
  }
  void add_tried(const Settlement& s) {
    add(s);
    attempts.push_back(s.attempts);
    errors.push_back(word_or_null(s.error));
    descriptions.push_back(printable(s.description));
    attempt.push_back(s.attempt ? std::optional<std::int64_t>(s.attempt->attempt) : std::nullopt);
    started.push_back(
        s.attempt
            ? std::optional<std::int64_t>(
                  std::chrono::duration_cast<std::chrono::microseconds>(s.attempt->started.time_since_epoch()).count())
            : std::nullopt);
    counted.push_back(!s.attempt || s.attempt->counted);
    phases.push_back(s.attempt ? word(s.attempt->phase) : "whole");
  }
};

postgres::Statement delivered_statement(const Fence& fence, const std::vector<const Settlement*>& given) {
  Columns c;
  for (const auto* s : given) c.add(*s);
  return {queries::settle_delivered,
          {Param(fence.name), Param(fence.epoch), Param::array(std::span<const Counter>(c.counters)),
           Param::array(std::span<const RecordId>(c.ids)), Param::array(c.statuses), Param::array(c.durations)},
          postgres::Format::binary};
}

postgres::Statement full_statement(const Fence& fence, const std::vector<const Settlement*>& given) {
  Columns c;
  std::vector<std::int16_t> states;
  Texts outcomes, identities, remote_ids, versions, agreed, images, calls;
  std::vector<bool> need_retry, follow, supersedes;
  for (const auto* s : given) {
    c.add_tried(*s);
    const bool note = s->kind != Settlement::Kind::outcome;
    states.push_back(note ? std::int16_t{2} : static_cast<std::int16_t>(state_of(s->outcome)));
    outcomes.push_back(note ? std::string() : std::string(tandem::word(s->outcome)));
    need_retry.push_back(s->need_retry);
    identities.push_back(word(s->identity));
    remote_ids.push_back(s->remote_id);
    versions.push_back(s->version);
    agreed.push_back(word(s->agreed));
    images.push_back(s->agreed_image);
    follow.push_back(s->follow_with_latest);
    supersedes.push_back(s->supersedes_failed);
    calls.push_back(s->calls);
  }
  return {queries::settle,
          {Param(fence.name),
           Param(fence.epoch),
           Param::array(std::span<const Counter>(c.counters)),
           Param::array(std::span<const RecordId>(c.ids)),
           Param::array(states),
           Param::nullable_array(std::span<const std::string>(outcomes)),
           Param::nullable_array(std::span<const std::string>(c.errors)),
           Param::nullable_array(std::span<const std::string>(c.descriptions)),
           Param::array(need_retry),
           Param::array(c.attempts),
           Param::array(c.statuses),
           Param::array(c.durations),
           Param::nullable_array(std::span<const std::optional<std::int64_t>>(c.attempt)),
           Param::nullable_array(std::span<const std::optional<std::int64_t>>(c.started)),
           Param::array(c.counted),
           Param::nullable_array(std::span<const std::string>(identities)),
           Param::nullable_array(std::span<const std::string>(remote_ids)),
           Param::nullable_array(std::span<const std::string>(versions)),
           Param::nullable_array(std::span<const std::string>(agreed)),
           Param::nullable_array(std::span<const std::string>(images)),
           Param::array(follow),
           Param::array(std::span<const std::string>(c.phases)),
           Param::array(supersedes),
           Param::nullable_array(std::span<const std::string>(calls))},
          postgres::Format::binary};
}

postgres::Statement park_statement(const Fence& fence, const std::vector<const Settlement*>& given) {
  Columns c;
  Numbers due;
  Texts reasons, parent_types, parents;
  std::vector<bool> unsettled, ensure_parent, attempted;
  for (const auto* s : given) {
    c.add_tried(*s);
    due.push_back(s->due_in ? std::optional<std::int64_t>(s->due_in->count()) : std::nullopt);
    reasons.push_back(s->park_reason);
    parent_types.push_back(s->parent_type);
    parents.push_back(s->parent_object_id);
    unsettled.push_back(s->agreed == Settlement::AgreedWrite::unsettled);
    ensure_parent.push_back(s->ensure_parent);
    attempted.push_back(s->may_have_been_sent);
  }
  return {queries::park,
          {Param(fence.name),
           Param(fence.epoch),
           Param::array(std::span<const Counter>(c.counters)),
           Param::array(std::span<const RecordId>(c.ids)),
           Param::nullable_array(std::span<const std::optional<std::int64_t>>(due)),
           Param::array(std::span<const std::string>(reasons)),
           Param::nullable_array(std::span<const std::string>(parent_types)),
           Param::nullable_array(std::span<const std::string>(parents)),
           Param::nullable_array(std::span<const std::string>(c.errors)),
           Param::nullable_array(std::span<const std::string>(c.descriptions)),
           Param::array(c.attempts),
           Param::array(c.statuses),
           Param::array(c.durations),
           Param::nullable_array(std::span<const std::optional<std::int64_t>>(c.attempt)),
           Param::nullable_array(std::span<const std::optional<std::int64_t>>(c.started)),
           Param::array(c.counted),
           Param::array(unsettled),
           Param::array(std::span<const std::string>(c.phases)),
           Param::array(ensure_parent),
           Param::array(attempted)},
          postgres::Format::binary};
}

/// What goes behind the settlements, in their transaction, for those that ask for it: a record that is sent again by a
/// person waits for a new confirmation, and the CRM's own row is told.
void add_what_follows(std::span<const Settlement> given, std::vector<postgres::Statement>& statements) {
  const auto add = [&](const postgres::Query& query, bool Settlement::*wants) {
    std::vector<Counter> counters;
    for (const auto& s : given)
      if (s.kind == Settlement::Kind::outcome && s.*wants) counters.push_back(s.counter);
    if (counters.empty()) return;
    std::ranges::sort(counters);
    statements.push_back({query, {Param::array(std::span<const Counter>(counters))}});
  };
  add(queries::forget_confirmations, &Settlement::confirmed);
  add(queries::queue_write_back, &Settlement::write_back);
}

tl::unexpected<Error> fenced(const Fence& fence) {
  return fail(ErrorKind::fenced, "another connector named " + fence.name + " has taken over");
}

}  // namespace

Result<Flushed> write_flush(postgres::Connection& session, const Fence& fence,
                            std::span<const Settlement> settlements) {
  // An identity is the full statement's; what else a park says is the park statement's.
  std::vector<Settlement> identities;
  for (const auto& s : settlements) {
    if (s.kind != Settlement::Kind::park || s.identity == Settlement::IdentityWrite::none) continue;
    identities.push_back(s);
    identities.back().kind = Settlement::Kind::note;
    identities.back().attempt.reset();
    identities.back().agreed = Settlement::AgreedWrite::none;
  }
  std::array<std::vector<const Settlement*>, 3> ways;
  for (const auto& s : identities) ways[1].push_back(&s);
  for (const auto& s : settlements) ways[static_cast<std::size_t>(way_of(s))].push_back(&s);
  // By counter, as everybody else who updates several rows: locks that are taken in one order cannot deadlock.
  for (auto& way : ways)
    std::sort(way.begin(), way.end(), [](const auto* a, const auto* b) { return a->counter < b->counter; });

  std::vector<postgres::Statement> statements;
  if (!ways[0].empty()) statements.push_back(delivered_statement(fence, ways[0]));
  if (!ways[1].empty()) statements.push_back(full_statement(fence, ways[1]));
  if (!ways[2].empty()) statements.push_back(park_statement(fence, ways[2]));
  if (statements.empty()) return Flushed{};
  const auto ours = statements.size();
  add_what_follows(settlements, statements);
  auto answers = session.run(std::span<const postgres::Statement>(statements));
  if (!answers) return tl::unexpected(std::move(answers.error()));

  Flushed flushed;
  std::unordered_set<std::int64_t> written;
  for (const auto& answer : std::span(*answers).first(ours)) {
    if (answer.size() == 0 || answer.number(0, 1) == 0) return fenced(fence);
    flushed.drawn = Xid{answer.number(0, 0)};
    for (const auto counter : answer.numbers(0, 2)) written.insert(counter);
    if (answer.columns() > 3) flushed.woken = answer.texts(0, 3);
  }
  for (std::size_t place = 0; place < settlements.size(); ++place)
    (written.contains(settlements[place].counter.value) ? flushed.settled : flushed.missing).push_back(place);
  return flushed;
}

Result<std::vector<Verdict>> judge_missing(postgres::Connection& session, std::span<const Settlement> missing) {
  std::vector<Counter> counters;
  std::vector<RecordId> ids;
  std::vector<std::int64_t> xids;
  for (const auto& s : missing) {
    counters.push_back(s.counter);
    ids.push_back(s.record_id);
    xids.push_back(s.xid.value);
  }
  const std::array params{Param::array(std::span<const Counter>(counters)),
                          Param::array(std::span<const RecordId>(ids)), Param::array(xids)};
  auto rows = session.run(queries::missing, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  std::vector<Verdict> verdicts;
  for (int row = 0; row < rows->size(); ++row) {
    const auto text = rows->text(row, 0);
    verdicts.push_back(text == "pending"   ? Verdict::pending
                       : text == "settled" ? Verdict::settled
                       : text == "running" ? Verdict::running
                                           : Verdict::lost);
  }
  return verdicts;
}

Result<std::vector<Counter>> held_by_others(postgres::Connection& session, std::span<const Counter> counters) {
  const std::array params{Param::array(counters)};
  auto rows = session.run(queries::held, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  std::vector<Counter> held;
  for (int row = 0; row < rows->size(); ++row) held.push_back(Counter{rows->number(row, 0)});
  return held;
}

Result<Xid> write_floors(postgres::Connection& session, const Fence& fence, const std::vector<std::string>& targets,
                         std::span<const Floor> floors) {
  std::vector<std::string> names;
  std::vector<Counter> counters;
  std::vector<std::int64_t> pids, since;
  for (const auto& floor : floors) {
    names.push_back(targets[floor.target]);
    counters.push_back(floor.counter);
    pids.push_back(floor.reader.pid);
    since.push_back(floor.reader.since);
  }
  const std::array params{Param(fence.name),
                          Param(fence.epoch),
                          Param::array(std::span<const std::string>(names)),
                          Param::array(std::span<const Counter>(counters)),
                          Param::array(pids),
                          Param::array(since)};
  auto rows = session.run(queries::floor, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->size() == 0 || rows->number(0, 1) == 0) return fenced(fence);
  return Xid{rows->number(0, 0)};
}

Result<Xid> draw_xid(postgres::Connection& session) {
  auto rows = session.run(queries::draw_xid);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  return Xid{rows->number(0, 0)};
}

}  // namespace tandem::store
