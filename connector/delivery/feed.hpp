#pragma once
#include <optional>
#include <span>
#include <vector>

#include "model/counter_range.hpp"
#include "model/record.hpp"

namespace tandem {

/// Which counters of the outbox have been read, for every target: the decisions of docs/protocol.md, without I/O,
/// threads or clock.
///
/// Most targets share one head, a position and the gaps below it, so that each row is read once. A target without room
/// is detached: it follows with a head of its own, in windows that never go beyond the shared position, and joins again
/// when it has caught up.
///
/// Always: a record that is committed or still open, unsettled and unparked, is in memory, or above its target's
/// position, or in its target's gaps.
class Feed {
 public:
  /// How far somebody has read.
  struct Head {
    Counter position;  ///< nothing above it has been asked for
    std::vector<CounterRange>
        gaps;  ///< counters <= position that no window has seen; ascending, disjoint, not adjacent
    bool operator==(const Head&) const = default;
  };
  struct Candidate {
    Counter position;
    Xid drawn;  ///< drawn after `position` was noted
    bool operator==(const Candidate&) const = default;
  };
  struct State {
    Head shared;
    Counter safe;  ///< no counter up to here can become visible any more
    std::optional<Candidate> candidate;
    std::vector<std::optional<Head>> detached;  ///< by target
  };
  /// What to ask of one window: rows of `gaps` and of (after, through], by counter, no more than `rows`.
  struct Window {
    std::optional<TargetIndex> target;  ///< of a detached target, which sees its own rows only; else all rows
    Counter after;
    std::optional<Counter> through;
    std::vector<CounterRange> gaps;
    std::size_t rows = 0;
  };

  /// At a start (rule 13). The shared head begins at the highest floor, since a floor is a promise about every counter
  /// below it; targets whose own floor is lower begin detached.
  explicit Feed(std::span<const Counter> floors);
  explicit Feed(State state) : state_(std::move(state)) {}

  [[nodiscard]] Window shared_window(std::size_t rows) const;
  /// What the shared head has read and this target has not, no more than `reach` counters at once: most of them are
  /// other targets'. All of it is named by `gaps`; `through` is how far the target has followed once they are read.
  [[nodiscard]] Window detached_window(TargetIndex target, std::size_t rows, std::size_t reach) const;
  /// A window has answered: `seen` are the counters of its rows, ascending; `xmin` is its snapshot's. Windows are
  /// answered in the order in which they were asked, one at a time.
  void answered(const Window& window, std::span<const Counter> seen, Xid xmin);

  /// Rule 4. `noted` is a position() that was read before the statement that drew `drawn` was sent. Ignored while an
  /// earlier candidate waits, and where it was never our position.
  void drawn(Counter noted, Xid drawn);
  /// True when only a new transaction id can raise `safe`.
  [[nodiscard]] bool wants_xid() const { return state_.shared.position > state_.safe && !state_.candidate; }

  void detach(TargetIndex target);
  /// Joins the shared head if the target has read exactly what it has read.
  bool attach(TargetIndex target);
  [[nodiscard]] bool attached(TargetIndex target) const { return !state_.detached[target]; }

  /// Rule 5: nobody needs to ring for this counter any more.
  [[nodiscard]] bool has_passed(Counter counter) const;
  [[nodiscard]] Counter position() const { return state_.shared.position; }
  /// How many counters a detached target is behind.
  [[nodiscard]] std::int64_t lag(TargetIndex target) const;
  /// For this target: its records up to here are in memory, settled, parked, or can never appear.
  [[nodiscard]] Counter safe(TargetIndex target) const;
  [[nodiscard]] std::size_t gap_ranges() const;
  [[nodiscard]] const State& state() const { return state_; }

 private:
  State state_;
};

}  // namespace tandem
