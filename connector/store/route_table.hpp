#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.hpp"
#include "model/record.hpp"

namespace tandem::store {

/// Names of the running configuration's targets and routes, and their indices.
class RouteTable {
 public:
  explicit RouteTable(const Settings& settings);
  [[nodiscard]] const std::vector<std::string>& targets() const { return targets_; }
  [[nodiscard]] std::optional<TargetIndex> target(std::string_view name) const;
  /// no_route: not configured.
  [[nodiscard]] RouteIndex route(TargetIndex target, std::string_view request_type) const;

 private:
  std::vector<std::string> targets_;
  std::vector<std::vector<std::pair<std::string, RouteIndex>>> routes_;  ///< by target
};

}  // namespace tandem::store
