#pragma once
#include <optional>
#include <span>
#include <vector>

#include "model/counter_range.hpp"
#include "model/record.hpp"
#include "postgres/connection.hpp"
#include "store/route_table.hpp"

namespace tandem::store {

struct WindowQuestion {
  std::vector<bool> wanted;  ///< by target: whose records come along
  Counter after;
  std::optional<Counter> through;
  std::span<const CounterRange> gaps;
  std::size_t rows = 0;
  std::size_t body_bytes = 16'384;        ///< a longer image is left out
  std::optional<TargetIndex> alone = {};  ///< rows of others are not even seen
};
struct WindowAnswer {
  Xid xmin;                                  ///< of the window's snapshot
  std::vector<Counter> seen;                 ///< of every row, ascending, whoever it belongs to where nobody is alone
  std::vector<std::vector<Record>> records;  ///< by target: pending, unparked, by counter
};

/// The one statement that lets records enter memory (docs/protocol.md, rule 2).
[[nodiscard]] Result<WindowAnswer> read_window(postgres::Connection& session, const RouteTable& table,
                                               const WindowQuestion& question);

}  // namespace tandem::store
