#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tandem {

/// `request_state` of an outbox or inbox row. The numbers are the SQL contract's.
enum class State : std::uint8_t { created = 1, received = 2, done = 3, failed = 4 };

/// How a record was settled: `outcome`, null exactly in states created and received.
enum class Outcome : std::uint8_t {
  delivered,
  unchanged,
  superseded,
  filtered,
  discarded,
  applied,
  stale,  // state done
  rejected,
  exhausted,
  expired,
  outcome_unknown,
  conflict,
  internal,  // state failed
};

/// What happened here. Create or update at the other system is decided at delivery, by the identity.
enum class Operation : std::uint8_t { create, update, remove, rekey, snapshot, call, canary };

/// How one attempt failed: `error_code`. What each class does to the record and its target is one table:
/// delivery/retry_plan.hpp.
enum class ErrorClass : std::uint8_t {
  none,
  network,
  timeout,
  unavailable,
  throttled,
  auth,
  rejected,
  not_found,
  conflict,
  lock,
  mapping,
  dependency,
  too_large,
  outcome_unknown,
  internal,
};

/// One permitted move of `request_state`. docs/states.md and the SQL constraint are tested against this table.
struct Move {
  State from, to;
  std::string_view sentence;  ///< for logs and pages
};
[[nodiscard]] std::span<const Move> moves();
[[nodiscard]] bool may_move(State from, State to);
[[nodiscard]] State state_of(Outcome outcome);

/// The words of the SQL contract ("delete" for Operation::remove).
[[nodiscard]] std::string_view word(State state);
[[nodiscard]] std::string_view word(Outcome outcome);
[[nodiscard]] std::string_view word(Operation operation);
[[nodiscard]] std::string_view word(ErrorClass error);
[[nodiscard]] std::optional<State> parse_state(std::string_view text);
[[nodiscard]] std::optional<Outcome> parse_outcome(std::string_view text);
[[nodiscard]] std::optional<Operation> parse_operation(std::string_view text);
[[nodiscard]] std::optional<ErrorClass> parse_error_class(std::string_view text);

}  // namespace tandem
