#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "apply/beside.hpp"
#include "apply/inbox_record.hpp"
#include "apply/lane_line.hpp"

namespace tandem {

/// Which records of the inbox are applied next, by which session, and which transaction may commit: they commit in the
/// inbox's order, whatever the order in which they end. A batch whose transaction could have met another one's doings
/// is taken back with all behind it, and is applied alone when those before it have committed. Pure.
///
///     begin ─► working ─► ready ─► committing ─► gone
///                 │         └─► leaving ─┐
///                 └──────────────────────┴─► gone, and its records wait again
///
/// A batch that is applied alone goes from working to gone: nothing else is open, so its session commits as it likes.
class OpenBatches {
 public:
  enum class Way : std::uint8_t { alone, beside };
  struct Batch {
    std::size_t session = 0;
    Way way = Way::alone;
    std::vector<InboxRecord> records{};  ///< stay where they are until the session has answered
    ToldBefore before{};
  };
  struct Verdict {
    std::size_t session;
    bool commits;  ///< else it is taken back
  };
  /// May it be applied while others are?
  using IsOrdinary = std::function<bool(const InboxRecord&)>;

  OpenBatches(std::size_t sessions, IsOrdinary is_ordinary);

  /// Records behind all that are there. Those that stand behind a parked one are passed over.
  void add(std::vector<InboxRecord> records);
  /// The next batch, now working; null: nothing may begin. `more`: records will be added soon.
  [[nodiscard]] const Batch* begin(bool more);

  // What a session has done. `taken`: how many of the records; the others wait again. `took`: as long.
  void is_ready(std::size_t session, std::size_t taken, std::chrono::milliseconds took, RowMarks rows);
  void has_committed(std::size_t session);
  /// Also by itself, since something was met that may not be met beside others.
  void is_taken_back(std::size_t session);
  void was_applied(std::size_t session, LaneLine line);

  /// What a session that is ready is to do now. To be asked until there is none.
  [[nodiscard]] std::optional<Verdict> next_verdict();

  /// Takes back whatever is open, and begins nothing more.
  void give_up();
  /// Forgets all records, and behind which objects others must wait.
  void clear();

  [[nodiscard]] bool idle() const { return open_.empty(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] bool has_parked() const { return !line_.empty(); }
  [[nodiscard]] const LaneLine& line() const { return line_; }
  /// Of the records that are open or wait.
  [[nodiscard]] std::vector<std::int64_t> counters() const;

 private:
  enum class State : std::uint8_t { working, ready, committing, leaving, gone };
  struct Open {
    Batch batch;
    State state = State::working;
    bool unwanted = false;
    std::size_t taken = 0;  ///< of its records; the others wait again
    RowMarks rows{};
    std::vector<RowMarks> rows_before{};  ///< of those that were open when it began
    std::shared_ptr<const ToldObjects> told{};
  };

  [[nodiscard]] std::size_t at(std::size_t session) const;
  [[nodiscard]] std::size_t free_session() const;
  [[nodiscard]] std::size_t count_alone() const;
  [[nodiscard]] std::size_t count_beside() const;
  [[nodiscard]] bool may_stand_beside(const InboxRecord& record) const;
  [[nodiscard]] const Batch* open(Way way, std::size_t count);
  void pass_over_held();
  void take_back_from(std::size_t place);
  void put_back();

  const std::size_t sessions_;
  const IsOrdinary is_ordinary_;
  std::deque<InboxRecord> waiting_;
  std::deque<std::unique_ptr<Open>> open_;  ///< in the inbox's order
  LaneLine line_;
  std::size_t most_;            ///< records of a batch that is to end in one transaction
  std::size_t alone_ = 0;       ///< so many batches are applied one at a time, since some were taken back
  std::size_t patience_ = 0;    ///< how many that will be the next time
  bool waits_for_all_ = false;  ///< nothing begins before all that is open has ended
};

}  // namespace tandem
