#pragma once
#include <array>
#include <chrono>
#include <optional>
#include <vector>

#include "config/settings.hpp"
#include "model/record.hpp"

namespace tandem {

/// Decides whether a target is down.
///
///     closed ── enough lanes fail ──► open ── its time is over ──► half open ── a probe succeeds ──► closed
///                                      ▲                              │
///                                      └──── the probe fails; twice as long, up to open_longest ─────┘
///
/// A lane's failures count once in a window, so that one bad object cannot open it. The failures that opened it are the
/// target's: `opened_by` names them, so that their attempts can be given back.
class Breaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };
  enum class Change : std::uint8_t { none, opened, closed };

  explicit Breaker(const BreakerSettings& settings) : settings_(settings) {}

  void succeeded(SteadyTime now);
  /// `counter`: of the record whose attempt was spent, if it was.
  [[nodiscard]] Change failed(LaneHash lane, std::optional<Counter> counter, SteadyTime now);
  /// The answer to the probe that `probe_started` announced.
  [[nodiscard]] Change probe_ended(bool succeeded, SteadyTime now);

  /// Moves from open to half open when the time has come.
  [[nodiscard]] State state(SteadyTime now);
  /// Half open and no probe under way: one request may go.
  [[nodiscard]] bool wants_probe(SteadyTime now) { return state(now) == State::half_open && !probing_; }
  void probe_started() { probing_ = true; }
  /// The probe came to nothing (no record to send after all).
  void probe_dropped() { probing_ = false; }
  /// When `state` changes by itself.
  [[nodiscard]] std::optional<SteadyTime> wakes() const;

  /// Records whose spent attempts belong to the streak that has just opened it. Cleared by this.
  [[nodiscard]] std::vector<Counter> opened_by();

 private:
  struct LaneFailure {
    LaneHash lane;
    SteadyTime at;
    std::optional<Counter> counter;
    bool in_streak = false;  ///< nothing has succeeded since
  };
  static constexpr std::size_t slices = 10;
  struct Slice {
    std::int64_t number = -1;
    int succeeded = 0;
  };
  static constexpr std::size_t most_failures = 512;  ///< remembered; more would have opened it

  void open(SteadyTime now);
  void forget_old(SteadyTime now);
  [[nodiscard]] int successes(SteadyTime now) const;
  [[nodiscard]] std::int64_t slice_number(SteadyTime now) const;

  BreakerSettings settings_;
  State state_ = State::closed;
  bool probing_ = false;
  int consecutive_ = 0;  ///< different lanes that failed since the last success
  SteadyTime probe_at_{};
  std::chrono::milliseconds open_for_{0};
  std::vector<LaneFailure> failures_;  ///< at most one of a lane
  std::array<Slice, slices> slices_{};
  std::vector<Counter> opened_by_;
};

}  // namespace tandem
