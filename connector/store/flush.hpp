#pragma once
#include <span>
#include <string>
#include <vector>

#include "postgres/connection.hpp"
#include "store/parked.hpp"
#include "store/settlement.hpp"

namespace tandem::store {

/// What became of one flush. `settled` and `missing` are indices into the settlements given.
struct Flushed {
  Xid drawn;  ///< W of docs/protocol.md, rule 4
  std::vector<std::size_t> settled, missing;
  std::vector<std::string> woken;  ///< targets with parked rows that have become due
};
/// Writes settlements in one transaction, ordered by counter; `fenced` if our epoch is over, and then nothing was
/// written. A record may stand in it once.
[[nodiscard]] Result<Flushed> write_flush(postgres::Connection& session, const Fence& fence,
                                          std::span<const Settlement> settlements);

/// Why records of a flush were missing (invariant 11). `pending`: try again; `running`: its transaction has not ended,
/// try again later.
enum class Verdict : std::uint8_t { pending, settled, running, lost };
[[nodiscard]] Result<std::vector<Verdict>> judge_missing(postgres::Connection& session,
                                                         std::span<const Settlement> missing);

/// Which of these records somebody else holds locked.
[[nodiscard]] Result<std::vector<Counter>> held_by_others(postgres::Connection& session,
                                                          std::span<const Counter> counters);

/// Raises floors whose reader lives; one for each target. Returns the xid that it drew.
[[nodiscard]] Result<Xid> write_floors(postgres::Connection& session, const Fence& fence,
                                       const std::vector<std::string>& targets, std::span<const Floor> floors);

/// A transaction id of our own, where nothing else is written.
[[nodiscard]] Result<Xid> draw_xid(postgres::Connection& session);

}  // namespace tandem::store
