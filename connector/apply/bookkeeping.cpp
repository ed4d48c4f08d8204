#include "apply/bookkeeping.hpp"

#include <array>
#include <cstdint>
#include <span>

#include "store/queries.hpp"

namespace tandem {
namespace {

using postgres::Param;
using postgres::Statement;
using Then = Step::Then;
using Texts = std::vector<std::string>;
namespace queries = store::queries;

std::string_view word_of(ConflictPolicy policy) {
  constexpr std::array<std::string_view, 5> words{"ours", "theirs", "newest", "merge", "manual"};
  return words.at(static_cast<std::size_t>(policy));
}

Param array(const Texts& texts) {
  return Param::array(std::span<const std::string>(texts));
}
Param nullable(const Texts& texts) {
  return Param::nullable_array(std::span<const std::string>(texts));
}
Param array(const std::vector<std::int64_t>& numbers) {
  return Param::array(std::span<const std::int64_t>(numbers));
}
Param array(const std::vector<RecordId>& ids) {
  return Param::array(std::span<const RecordId>(ids));
}
Param or_null(const std::string& text) {
  return text.empty() ? Param() : Param(text);
}

Statement conflict_of(const std::string& target, const Turn& turn) {
  const Step::Conflict& conflict = *turn.step.conflict;
  const auto policy = word_of(conflict.policy);
  return {queries::apply_conflict,
          {Param(target), Param(turn.record->request_type), Param(turn.object_id), or_null(turn.remote_id),
           or_null(conflict.agreed), or_null(conflict.ours), or_null(conflict.theirs),
           Param::array(std::span<const std::string>(conflict.fields)), Param(policy),
           conflict.policy == ConflictPolicy::manual ? Param() : Param(policy)}};
}

/// Objects in one order, with whatever else a statement says of each.
struct Objects {
  Texts types, object_ids, remote_ids;
  void add(const Turn& turn) {
    types.push_back(turn.record->request_type);
    object_ids.push_back(turn.object_id);
    remote_ids.push_back(turn.remote_id);
  }
};

struct Agreements {
  Objects objects;
  Texts images, versions;
  std::vector<bool> unsettled;
  std::vector<std::int64_t> agreed_ids;
  void add(const Turn& turn) {
    objects.add(turn);
    agreed_ids.push_back(turn.lane.agreed_id);
    images.push_back(turn.step.agree->image.empty() ? "{}" : turn.step.agree->image);
    versions.push_back(turn.record->version);
    unsettled.push_back(turn.step.agree->unsettled);
  }
};

bool is_paired_already(const Turn& turn) {
  return turn.lane.paired && turn.pair.paired_with == turn.remote_id;
}

std::vector<Param> pairings(const std::string& target, const Objects& objects) {
  return {Param(target), array(objects.types), array(objects.object_ids), array(objects.remote_ids)};
}
std::vector<Param> agreements(const std::string& target, const Agreements& of) {
  return {Param(target),    array(of.objects.types), array(of.objects.object_ids),
          array(of.images), nullable(of.versions),   Param::array(of.unsettled)};
}

}  // namespace

std::vector<Statement> pairs_of(const std::string& target, std::span<const Turn> turns, KeysUsed used) {
  std::vector<Statement> out;
  std::vector<std::int64_t> superseded;
  Objects unpaired, paired, paired_fresh, followed;
  std::vector<bool> answers;
  Texts ended_at;  // versions
  Agreements agreed, agreed_fresh, again;
  for (const Turn& turn : turns) {
    const Step& step = turn.step;
    const bool fresh = turn.fresh && used == KeysUsed::once;
    if (step.conflict) out.push_back(conflict_of(target, turn));
    if (step.supersede) superseded.insert(superseded.end(), turn.waiting.begin(), turn.waiting.end());
    if (step.unpair) {
      unpaired.add(turn);
      ended_at.push_back(turn.record->version);
    }
    if (step.pair && !turn.remote_id.empty() && !is_paired_already(turn)) (fresh ? paired_fresh : paired).add(turn);
    if (step.agree) (turn.lane.agreed_id != 0 ? again : fresh ? agreed_fresh : agreed).add(turn);
    if (step.follow) {
      followed.add(turn);
      answers.push_back(step.answers);
    }
    if (step.resolved)
      out.push_back(
          {queries::apply_resolved, {Param(target), Param(turn.record->request_type), Param(turn.object_id)}});
  }
  if (!superseded.empty()) out.push_back({queries::apply_supersede, {array(superseded)}});
  if (!unpaired.types.empty())
    out.push_back({queries::apply_unpair,
                   {Param(target), array(unpaired.types), nullable(unpaired.object_ids), nullable(unpaired.remote_ids),
                    nullable(ended_at)}});
  if (!paired.types.empty()) out.push_back({queries::apply_pair, pairings(target, paired)});
  if (!paired_fresh.types.empty()) out.push_back({queries::apply_pair_fresh, pairings(target, paired_fresh)});
  if (!agreed.images.empty()) out.push_back({queries::apply_agree, agreements(target, agreed)});
  if (!agreed_fresh.images.empty()) out.push_back({queries::apply_agree_fresh, agreements(target, agreed_fresh)});
  if (!again.images.empty())
    out.push_back(
        {queries::apply_agree_again,
         {array(again.agreed_ids), array(again.images), nullable(again.versions), Param::array(again.unsettled)}});
  if (!followed.types.empty())
    out.push_back({queries::apply_follow,
                   {Param(target), array(followed.types), array(followed.object_ids), Param::array(answers)}});
  return out;
}

bool tells_of_a_used_key(const Error& error) {
  return error.sqlstate == "23505" && (error.message.find("identity_object_is_paired_once") != std::string::npos ||
                                       error.message.find("agreed_is_one_per_object") != std::string::npos);
}

namespace {

Statement settlement(const store::Fence& fence, std::span<const Turn> turns) {
  std::vector<std::int64_t> counters, states, attempts, parked;
  std::vector<RecordId> record_ids;
  Texts outcomes, codes, descriptions, object_ids;
  for (const Turn& turn : turns) {
    if (turn.step.then == Then::park) continue;
    counters.push_back(turn.record->counter);
    record_ids.push_back(turn.record->record_id);
    states.push_back(static_cast<std::int64_t>(state_of(turn.step.outcome)));
    outcomes.emplace_back(word(turn.step.outcome));
    codes.push_back(turn.step.error_code);
    descriptions.push_back(turn.step.description);
    object_ids.push_back(turn.object_id);
    attempts.push_back(turn.record->attempts + 1);
    if (turn.record->parked) parked.push_back(turn.record->counter);
  }
  if (counters.empty()) return {};
  return {queries::apply_settle,
          {Param(fence.name), Param(fence.epoch), array(counters), array(record_ids), array(states), array(outcomes),
           nullable(codes), nullable(descriptions), nullable(object_ids), array(attempts), array(parked)}};
}

Statement parking(const store::Fence& fence, std::span<const Turn> turns) {
  std::vector<std::int64_t> counters, waits, attempts;
  std::vector<RecordId> record_ids;
  Texts reasons, codes, descriptions, places, hashes;
  for (const Turn& turn : turns) {
    if (turn.step.then != Then::park) continue;
    counters.push_back(turn.record->counter);
    record_ids.push_back(turn.record->record_id);
    waits.push_back(turn.step.wait.count());
    reasons.emplace_back(word(turn.step.reason));
    codes.push_back(turn.step.error_code);
    descriptions.push_back(turn.step.description);
    attempts.push_back(turn.step.attempts);
    places.push_back(turn.step.seen.place);
    hashes.push_back(turn.step.seen.hash);
  }
  if (counters.empty()) return {};
  return {queries::apply_park,
          {Param(fence.name), Param(fence.epoch), array(counters), array(record_ids), array(waits), array(reasons),
           nullable(codes), nullable(descriptions), array(attempts), nullable(places), nullable(hashes)}};
}

}  // namespace

std::vector<Statement> ends_of(const store::Fence& fence, std::span<const Turn> turns) {
  std::vector<Statement> out;
  for (auto make : {settlement, parking})
    if (auto statement = make(fence, turns); !statement.params.empty()) out.push_back(std::move(statement));
  return out;
}

void ChangedRows::add(const Turn& turn) {
  types_.push_back(turn.record->request_type);
  object_ids_.push_back(turn.object_id);
  snapshots_.push_back(turn.snapshot);
}

Statement ChangedRows::sent_once_more(const std::string& target) const {
  return {queries::apply_late, {Param(target), array(types_), array(object_ids_), array(snapshots_)}};
}

}  // namespace tandem
