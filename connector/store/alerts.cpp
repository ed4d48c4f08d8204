#include "store/alerts.hpp"

#include <array>

#include "store/queries.hpp"

namespace tandem::store {

Status raise_alert(postgres::Connection& session, const Fence& fence, const std::string& description) {
  using postgres::Param;
  const std::array params{Param(fence.name), Param("changes are not read: " + description)};
  if (auto raised = session.run(queries::raise_alert, params); !raised) return tl::unexpected(raised.error());
  return {};
}

Status end_alert(postgres::Connection& session, const Fence& fence) {
  const std::array params{postgres::Param(fence.name)};
  if (auto ended = session.run(queries::end_alert, params); !ended) return tl::unexpected(ended.error());
  return {};
}

}  // namespace tandem::store
