#pragma once
#include <chrono>
#include <deque>
#include <optional>
#include <vector>

#include "model/record.hpp"
#include "store/settlement.hpp"

namespace tandem {

/// What waits for the next flush, and when that is due: at once when a lane or an attempt waits for it or 1,000 rows
/// are there, else 50 ms after the first. What has come while the flush before was being written goes out with the
/// next, up to 4,000 rows: each flush waits for the disk once, whatever its size. A record stands in one flush once: a
/// note that only tells gives way to any later write about its record, every other later write waits for the flush
/// after. What has been set aside keeps its place before later writes about its record. Pure; the clock is given.
class SettleBatch {
 public:
  static constexpr std::size_t enough_rows = 1'000, most_rows = 4'000;
  static constexpr std::chrono::milliseconds longest_wait{50};

  void add(Settlement settlement, SteadyTime now);
  /// Not before `at`: a write that failed and is to be tried again.
  void add_later(Settlement settlement, SteadyTime at);
  /// Nothing is due before; nullopt = nothing is waiting at all.
  [[nodiscard]] std::optional<SteadyTime> due() const;
  /// What the flush that is due now writes; at most so many, in the order of arrival.
  [[nodiscard]] std::vector<Settlement> take(SteadyTime now, std::size_t most = most_rows);
  [[nodiscard]] std::size_t size() const { return waiting_.size() + later_.size(); }

 private:
  struct Waiting {
    Settlement settlement;
    SteadyTime since;
  };
  struct Later {
    Settlement settlement;
    SteadyTime at;
  };

  std::deque<Waiting> waiting_;
  std::vector<Later> later_;
  std::size_t urgent_ = 0;  ///< of waiting_
};

}  // namespace tandem
