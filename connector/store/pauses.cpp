#include "store/pauses.hpp"

#include "store/queries.hpp"

namespace tandem::store {

Result<Pauses> read_pauses(postgres::Connection& session, const RouteTable& table, std::size_t routes) {
  auto rows = session.run(queries::pauses);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  Pauses pauses{std::vector<bool>(table.targets().size()), std::vector<bool>(routes)};
  for (int row = 0; row < rows->size(); ++row) {
    const auto target = table.target(rows->text(row, 0));
    if (!target) continue;
    if (rows->null(row, 1)) {
      pauses.targets[*target] = true;
    } else if (const auto route = table.route(*target, rows->text(row, 1)); route != no_route) {
      pauses.routes[route] = true;
    }
  }
  return pauses;
}

}  // namespace tandem::store
