#pragma once
#include <string>
#include <vector>

#include "cli/commands.hpp"

namespace tandem::cli {

/// A selection as SQL over tandem.outbox `o`: conditions and their parameters, in order. Values travel as parameters
/// only.
struct Condition {
  std::string sql;  ///< " and …" for each
  std::vector<postgres::Param> params;
};
[[nodiscard]] Condition condition_of(const Selection& selection);

}  // namespace tandem::cli
