#pragma once
#include <vector>

#include "postgres/connection.hpp"
#include "store/route_table.hpp"

namespace tandem::store {

/// What people have paused: whole targets, and single routes. By index.
struct Pauses {
  std::vector<bool> targets, routes;
  bool operator==(const Pauses&) const = default;
};
[[nodiscard]] Result<Pauses> read_pauses(postgres::Connection& session, const RouteTable& table, std::size_t routes);

}  // namespace tandem::store
