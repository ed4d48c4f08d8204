#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "model/record.hpp"

namespace tandem {

/// Reason of a row that is parked only because its lane is blocked: it is taken up with the row that it waits behind.
constexpr std::string_view park_reason_lane = "lane";
/// Reason of a record that the target has accepted, until a source confirms it.
constexpr std::string_view park_reason_confirmation = "confirmation";
/// Reason of rows that a loop holds again. They stay parked until they are settled.
constexpr std::string_view park_reason_taken_up = "taken up";

/// A parked row with its record, taken up (docs/protocol.md, rule 10).
struct ParkedRecord {
  Record record;           ///< without its body
  bool retried = false;    ///< sent back by a person: rule 11
  bool attempted = false;  ///< possibly
  bool overtaken = false;  ///< and a newer row of its lane is visible
  std::string reason;
  std::chrono::milliseconds waited{0};  ///< for the parent that it waits for
  std::chrono::milliseconds early{0};   ///< taken up so long before it was due, with its lane
};

}  // namespace tandem
