#include "model/state.hpp"

#include <array>

namespace tandem {
namespace {

constexpr std::array state_moves{
    Move{State::created, State::received, "the connector holds it: in flight or waiting"},
    Move{State::created, State::done, "settled at the first try"},
    Move{State::created, State::failed, "failed at the first try"},
    Move{State::received, State::done, "settled"},
    Move{State::received, State::failed, "gave up; a person or a recovery decides"},
    Move{State::failed, State::created, "sent again by retry"},
    Move{State::failed, State::done, "discarded, or overtaken by a newer record"},
};

constexpr std::array<std::string_view, 4> states{"created", "received", "done", "failed"};
constexpr std::array<std::string_view, 13> outcomes{
    "delivered", "unchanged", "superseded", "filtered",        "discarded", "applied", "stale",
    "rejected",  "exhausted", "expired",    "outcome_unknown", "conflict",  "internal"};
constexpr std::array<std::string_view, 7> operations{"create",   "update", "delete", "rekey",
                                                     "snapshot", "call",   "canary"};
constexpr std::array<std::string_view, 15> errors{"none",    "network",    "timeout",   "unavailable",     "throttled",
                                                  "auth",    "rejected",   "not_found", "conflict",        "lock",
                                                  "mapping", "dependency", "too_large", "outcome_unknown", "internal"};

template <class Enum, std::size_t N>
std::optional<Enum> find(const std::array<std::string_view, N>& words, std::string_view text, std::size_t first = 0) {
  for (std::size_t i = 0; i < N; ++i)
    if (words[i] == text) return static_cast<Enum>(i + first);
  return std::nullopt;
}

}  // namespace

std::span<const Move> moves() {
  return state_moves;
}

bool may_move(State from, State to) {
  for (const Move& move : state_moves)
    if (move.from == from && move.to == to) return true;
  return false;
}

State state_of(Outcome outcome) {
  return outcome <= Outcome::stale ? State::done : State::failed;
}

std::string_view word(State state) {
  return states[static_cast<std::size_t>(state) - 1];
}
std::string_view word(Outcome outcome) {
  return outcomes[static_cast<std::size_t>(outcome)];
}
std::string_view word(Operation operation) {
  return operations[static_cast<std::size_t>(operation)];
}
std::string_view word(ErrorClass error) {
  return errors[static_cast<std::size_t>(error)];
}

std::optional<State> parse_state(std::string_view text) {
  return find<State>(states, text, 1);
}
std::optional<Outcome> parse_outcome(std::string_view text) {
  return find<Outcome>(outcomes, text);
}
std::optional<Operation> parse_operation(std::string_view text) {
  return find<Operation>(operations, text);
}
std::optional<ErrorClass> parse_error_class(std::string_view text) {
  return find<ErrorClass>(errors, text);
}

}  // namespace tandem
