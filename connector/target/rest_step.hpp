#pragma once
#include <cstdint>

#include "target/rest_plan.hpp"
#include "target/target.hpp"

/// Which request an attempt begins with, and which follows a lookup. Pure: the table of docs/rest-target.md in code.
namespace tandem {

enum class Step : std::uint8_t {
  create,  ///< must not be sent again while its outcome is unknown, unless `repeatable`
  update,
  upsert,
  remove,
  call,
  lookup,         ///< find their id by ours, then decide again
  nothing_there,  ///< a delete of what they never had: delivered
  there,          ///< the create that was in doubt has arrived: delivered
  look_again,     ///< in doubt and not found for the first time: search indexes lag, the first request may still run
  unknowable,     ///< in doubt, and no way to find out
  impossible,     ///< no request is configured for this
};

[[nodiscard]] Step first_step(const RoutePlan& route, const Attempt& attempt);
enum class Lookup : std::uint8_t { found, missing };
[[nodiscard]] Step step_after(Lookup lookup, const RoutePlan& route, const Attempt& attempt);

/// Whether a step of a record that travels alone is the batch's call nevertheless: there is no other, or the batch is
/// an upsert.
[[nodiscard]] bool by_batch(const RoutePlan& route, Step step, const Attempt& attempt);

/// Whether sending the same request twice has the effect of sending it once.
[[nodiscard]] bool repeatable(const RoutePlan& route, Step step);

}  // namespace tandem
