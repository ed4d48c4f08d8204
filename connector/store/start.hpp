#pragma once
#include <span>
#include <string>
#include <vector>

#include "postgres/connection.hpp"
#include "store/parked.hpp"
#include "store/route_table.hpp"
#include "store/settlement.hpp"

namespace tandem::store {

/// What a start finds (docs/protocol.md, rule 13).
struct StartFacts {
  Counter drawn;                ///< last counter that the sequence has given away
  Counter highest;              ///< of the outbox's rows
  std::vector<Counter> floors;  ///< by target
  std::string system_id, known_system_id;
  int timeline = 0, known_timeline = 0;
  Reader reader{};  ///< this session
};
/// `fenced` if another connector has taken over.
[[nodiscard]] Result<StartFacts> read_start(postgres::Connection& session, const RouteTable& table, const Fence& fence);

/// Pure: a sequence that is behind its own table, or behind a floor, would give counters away a second time. Then
/// nothing may be read.
[[nodiscard]] Status check_start(const StartFacts& facts, const RouteTable& table);
/// Pure: not the server, or not the line of its history, that we knew.
[[nodiscard]] bool other_server(const StartFacts& facts);
/// Notes the server, and after an `unclean` end that every counter given away so far may have been attempted. Answers
/// the highest counter of which that has ever been said.
[[nodiscard]] Result<Counter> know_server(postgres::Connection& session, const Fence& fence, const StartFacts& facts,
                                          bool unclean);

}  // namespace tandem::store
