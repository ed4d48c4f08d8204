#include "apply/follow_ups.hpp"

#include <array>
#include <string>
#include <vector>

#include "mapping/follow_up.hpp"
#include "store/queries.hpp"

namespace tandem {

void AppliedChanges::add(const Turn& turn) {
  if (turn.step.then != Step::Then::settle || turn.step.outcome != Outcome::applied) return;
  counters.push_back(turn.record->counter);
  operations.emplace_back(turn.deletes() ? "delete" : turn.pair.known ? "update" : "create");
}

Status write_follow_ups(postgres::Connection& session, const Settings& settings, const std::string& target,
                        const AppliedChanges& applied) {
  if (applied.counters.empty()) return {};
  std::vector<std::string> types, operations, bodies;
  for (const auto& route : settings.routes) {
    if (route.target != target) continue;
    for (const auto& call : route.then) {
      if (!call.on_applied) continue;
      for (const auto& operation : call.after) {
        types.push_back(route.request_type);
        operations.push_back(operation);
        bodies.push_back(body_of(call));
      }
    }
  }
  if (types.empty()) return {};
  using postgres::Param;
  const std::array params{Param(target),
                          Param::array(std::span<const std::int64_t>(applied.counters)),
                          Param::array(std::span<const std::string>(applied.operations)),
                          Param::array(std::span<const std::string>(types)),
                          Param::array(std::span<const std::string>(operations)),
                          Param::array(std::span<const std::string>(bodies))};
  auto written = session.run(store::queries::apply_call, params);
  if (!written) return tl::unexpected(std::move(written.error()));
  return {};
}

}  // namespace tandem
