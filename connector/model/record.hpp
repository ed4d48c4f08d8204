#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "model/identifiers.hpp"
#include "model/state.hpp"

namespace tandem {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

/// Index of a target in `Settings::targets`, of a route in `Settings::routes`, of the running configuration.
using TargetIndex = std::uint32_t;
using RouteIndex = std::uint32_t;
constexpr RouteIndex no_route = ~RouteIndex{0};

/// A record as a window read it: one row of the outbox, one change for one target.
struct Record {
  Counter counter;
  RecordId record_id;
  Xid xid;  ///< transaction that wrote it: decides what a missing row means (invariant 11)
  LaneHash lane;
  RouteIndex route = no_route;  ///< no_route: the configuration does not know this (target, request_type)
  Operation operation = Operation::update;
  State state = State::created;
  ErrorClass capture_error = ErrorClass::none;  ///< `mapping` where the trigger could not compute the body
  std::int32_t attempts = 0;                    ///< attempts that counted, from the row
  WallTime created;                             ///< date_time
  std::string object_id;
  std::string body;  ///< JSON text exactly as the database printed it; empty = null (read at delivery) or left out
  bool body_left_out =
      false;                ///< there is an image, too large to travel with the window: ask for it when the lane is up
  std::string description;  ///< the trigger's words for capture_error
  std::string trace_context;  ///< W3C traceparent of the transaction, or empty
};

/// Bytes of memory that a record counts against its target's room.
[[nodiscard]] inline std::size_t footprint(const Record& record) {
  return sizeof(Record) + record.object_id.capacity() + record.body.capacity() + record.description.capacity() +
         record.trace_context.capacity();
}

}  // namespace tandem
