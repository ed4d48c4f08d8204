#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apply/beside.hpp"
#include "apply/lane_line.hpp"
#include "apply/turn.hpp"

namespace tandem {

/// Records that are read, decided and written together: a run of the inbox in which no record can depend on what an
/// earlier one of it does. Where that cannot be seen at once, the round is cut later; what is cut off stands in the
/// next round, so the order of the inbox is kept. Pure.
class Round {
 public:
  /// From the front of `records`, at most `most`, of distinct objects. What `line` holds is passed over. `before`: what
  /// is told of in transactions that are still open.
  Round(std::span<const InboxRecord> records, const LaneLine& line, std::size_t most, const ToldBefore& before = {});

  std::vector<Turn> turns;

  /// How many of the records have been taken or passed over.
  [[nodiscard]] std::size_t taken() const { return taken_; }
  [[nodiscard]] bool was_cut() const { return was_cut_; }
  /// Puts off this turn and all behind it.
  void cut(std::size_t turn);
  /// Does an earlier turn tell of this object of theirs, or a transaction that is open?
  [[nodiscard]] bool told_before(std::size_t turn, const std::string& request_type, const std::string& remote_id) const;
  /// Does one of them delete this object, whose pair stands as yet?
  [[nodiscard]] bool ended_before(std::size_t turn, const std::string& request_type, const std::string& remote_id,
                                  const std::string& object_id) const;
  /// Cuts where the natural key has been asked for a row that an earlier record might change.
  void cut_at_uncertain_partner();
  /// Cuts where a second record is about one row.
  void cut_at_second_of_a_row();

 private:
  const ToldBefore before_;
  std::vector<std::pair<std::size_t, const InboxRecord*>> deletes_{};  ///< with their positions
  std::size_t taken_ = 0;
  bool was_cut_ = false;
};

/// How many records a round may have: fewer after one that was cut or that held its rows for long.
class RoundSize {
 public:
  [[nodiscard]] std::size_t most() const { return most_; }
  void cut_to(std::size_t taken);
  /// A transaction has ended; `slow`: it has held its rows for longer than it should.
  void ended(bool slow);

 private:
  std::size_t most_ = 64;
};

}  // namespace tandem
