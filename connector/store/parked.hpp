#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "postgres/connection.hpp"
#include "store/parked_record.hpp"
#include "store/route_table.hpp"

namespace tandem::store {

struct Fence {
  std::string name;  ///< of the connector
  Epoch epoch;
};

struct NamedLane {
  TargetIndex target = 0;
  LaneHash lane;
};
/// At a start: makes due what an earlier start had taken up, then names every lane that must begin blocked; one with
/// several parked rows more than once.
[[nodiscard]] Result<std::vector<NamedLane>> release_parked(postgres::Connection& session, const RouteTable& table,
                                                            const Fence& fence);
/// Makes due what the pause of a route that runs again has parked, at most `most` rows of each route. Returns how many.
[[nodiscard]] Result<std::size_t> wake_resumed(postgres::Connection& session, const RouteTable& table,
                                               const Fence& fence, std::size_t most);
/// Makes due what a source has confirmed, or refused. Returns how many.
[[nodiscard]] Result<std::size_t> wake_confirmed(postgres::Connection& session, const RouteTable& table,
                                                 const Fence& fence);
/// Now and then: makes due what waits for something that is over already, because it ended while the row was parked.
[[nodiscard]] Status release_orphans(postgres::Connection& session, const RouteTable& table, const Fence& fence);
/// Lanes that have failed records.
[[nodiscard]] Result<std::vector<NamedLane>> failed_lanes(postgres::Connection& session, const RouteTable& table);

struct TakenLane {
  TargetIndex target = 0;
  LaneHash lane;
  std::vector<ParkedRecord>
      records;  ///< by counter; bodies are always left out, since the row must be read again anyway
};
/// So many due rows of each target are looked at by one take_up (take_up.sql).
constexpr std::size_t most_taken_up = 200;
/// Takes up the lanes that are due at targets with room. Rows of a lane that are already taken up do not come again.
[[nodiscard]] Result<std::vector<TakenLane>> take_up(postgres::Connection& session, const RouteTable& table,
                                                     const Fence& fence, const std::vector<bool>& wanted);

/// Sends records again that the target's faults had exhausted, while they are younger than `age`; they come back
/// through take_up. Returns how many, at most `most`.
[[nodiscard]] Result<std::size_t> recover(postgres::Connection& session, const Fence& fence, const std::string& target,
                                          std::chrono::seconds age, std::size_t most);

}  // namespace tandem::store
