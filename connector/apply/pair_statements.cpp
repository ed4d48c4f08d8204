#include "apply/pair_statements.hpp"

#include <array>
#include <span>

#include "store/queries.hpp"

namespace tandem {
namespace {

using postgres::Param;
using postgres::Statement;
namespace queries = store::queries;

std::string_view word_of(ConflictPolicy policy) {
  constexpr std::array<std::string_view, 5> words{"ours", "theirs", "newest", "merge", "manual"};
  return words.at(static_cast<std::size_t>(policy));
}

Statement conflict_of(const ApplyPair& pair, const Step::Conflict& conflict) {
  const auto policy = word_of(conflict.policy);
  return {queries::apply_conflict,
          {Param(pair.route.target), Param(pair.route.request_type), Param(pair.object_id), or_null(pair.remote_id),
           or_null(conflict.agreed), or_null(conflict.ours), or_null(conflict.theirs),
           Param::array(std::span<const std::string>(conflict.fields)), Param(policy),
           conflict.policy == ConflictPolicy::manual ? Param() : Param(policy)}};
}

}  // namespace

Param or_null(const std::string& text) {
  return text.empty() ? Param() : Param(text);
}

std::vector<Statement> statements_of(const ApplyPair& pair, const Step& step, const std::string& waiting) {
  const Param target(pair.route.target), type(pair.route.request_type), object(pair.object_id);
  std::vector<Statement> out;
  if (step.conflict) out.push_back(conflict_of(pair, *step.conflict));
  if (step.supersede && !waiting.empty()) out.push_back({queries::apply_supersede, {Param(waiting)}});
  if (step.unpair)
    out.push_back({queries::apply_unpair, {target, type, or_null(pair.object_id), or_null(pair.remote_id)}});
  if (step.pair && !pair.remote_id.empty())
    out.push_back({queries::apply_pair, {target, type, object, Param(pair.remote_id)}});
  if (step.agree)
    out.push_back({queries::apply_agree,
                   {target, type, object, Param(step.agree->image.empty() ? "{}" : step.agree->image),
                    or_null(pair.version), Param(step.agree->unsettled)}});
  if (step.follow) out.push_back({queries::apply_follow, {target, type, object}});
  if (step.resolved) out.push_back({queries::apply_resolved, {target, type, object}});
  return out;
}

Statement settlement(const store::Fence& fence, const InboxRecord& record, const Step& step,
                     const std::string& object_id) {
  return {queries::apply_settle,
          {Param(fence.name), Param(fence.epoch), Param(record.counter), Param(record.record_id),
           Param(static_cast<std::int32_t>(state_of(step.outcome))), Param(word(step.outcome)),
           or_null(step.error_code), or_null(step.description), or_null(object_id), Param(record.attempts + 1)}};
}

Statement parking(const store::Fence& fence, const InboxRecord& record, const Step& step) {
  return {queries::apply_park,
          {Param(fence.name), Param(fence.epoch), Param(record.counter), Param(record.record_id),
           Param(static_cast<std::int64_t>(step.wait.count())), Param(word(step.reason)), or_null(step.error_code),
           or_null(step.description), Param(step.attempts)}};
}

}  // namespace tandem
