#include "apply/follow_ups.hpp"

#include <array>
#include <string>
#include <vector>

#include "mapping/follow_up.hpp"
#include "store/queries.hpp"

namespace tandem {

Status write_follow_ups(postgres::Connection& session, const Settings& settings, std::span<const InboxRecord> records) {
  if (records.empty()) return {};
  const std::string& target = records.front().source->target;
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
  std::vector<std::int64_t> counters;
  for (const auto& record : records) counters.push_back(record.counter);
  using postgres::Param;
  const std::array params{Param(target), Param::array(counters), Param::array(std::span<const std::string>(types)),
                          Param::array(std::span<const std::string>(operations)),
                          Param::array(std::span<const std::string>(bodies))};
  auto written = session.run(store::queries::apply_call, params);
  if (!written) return tl::unexpected(std::move(written.error()));
  return {};
}

}  // namespace tandem
