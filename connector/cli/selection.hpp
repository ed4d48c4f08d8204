#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.hpp"

namespace tandem::cli {

/// The queue of a selection, as SQL knows it.
struct QueueNames {
  std::string_view queue, table, peer;  ///< `peer`: the column that names the other system
};
[[nodiscard]] QueueNames queue_of(const Selection& selection);

/// A selection as SQL over its queue's table `o`: conditions and their parameters, in order. Values travel as
/// parameters only.
struct Condition {
  std::string sql;  ///< " and …" for each
  std::vector<postgres::Param> params;
};
[[nodiscard]] Condition condition_of(const Selection& selection);

}  // namespace tandem::cli
