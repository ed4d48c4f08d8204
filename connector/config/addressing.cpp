#include "config/addressing.hpp"

#include <algorithm>

#include "config/template_check.hpp"

namespace tandem {

bool batched(const RouteSettings& route, std::string_view operation) {
  return route.rest.batch &&
         std::ranges::find(route.rest.batch->operations, operation) != route.rest.batch->operations.end();
}

bool uses_remote_id(const CallSettings& call) {
  if (uses(call.path, "remote_id") || uses(call.wrap, "remote_id")) return true;
  return std::ranges::any_of(call.headers, [](const auto& header) { return uses(header.second, "remote_id"); });
}

bool addresses_by_key(const RouteSettings& route) {
  if (route.kafka) return true;
  const RestSettings& rest = route.rest;
  if (rest.update) return !uses_remote_id(*rest.update);
  if (batched(route, "update")) return !uses(rest.batch->each, "remote_id") && !uses_remote_id(rest.batch->call);
  return rest.upsert && !uses_remote_id(*rest.upsert);
}

}  // namespace tandem
