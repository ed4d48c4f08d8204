#include "store/route_table.hpp"

namespace tandem::store {

RouteTable::RouteTable(const Settings& settings) : routes_(settings.targets.size()) {
  for (const auto& target : settings.targets) targets_.push_back(target.name);
  for (RouteIndex index = 0; index < settings.routes.size(); ++index)
    if (const auto at = target(settings.routes[index].target))
      routes_[*at].emplace_back(settings.routes[index].request_type, index);
}

std::optional<TargetIndex> RouteTable::target(std::string_view name) const {
  for (TargetIndex index = 0; index < targets_.size(); ++index)
    if (targets_[index] == name) return index;
  return std::nullopt;
}

RouteIndex RouteTable::route(TargetIndex target, std::string_view request_type) const {
  for (const auto& [name, index] : routes_[target])
    if (name == request_type) return index;
  return no_route;
}

}  // namespace tandem::store
