#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "config/settings.hpp"
#include "delivery/target_link.hpp"

namespace tandem {

/// The thread `settle`: the only one that writes what became of records. Collects settlements from all loops into
/// flushes, at most one in flight: at once when a lane waits, else after 50 ms or 1,000 rows. Every write is fenced by
/// the epoch.
///
/// Nothing is reported as Settled before it has committed. After a lost session the outcome of the flush is unknown: it
/// is written again (settling is idempotent), however long the database stays away.
class SettleThread {
 public:
  struct Callbacks {
    std::function<void()> fenced;                  ///< another connector has our name: stop the process
    std::function<Noted()> noted_position;         ///< FeedThread::noted_position
    std::function<void(XidDrawn)> xid_drawn;       ///< to the feed's inbox
    std::function<void(TargetIndex)> woke_parked;  ///< a parent got its identity: parked lanes of the target may be due
  };
  SettleThread(const Settings& settings, Epoch epoch, std::vector<TargetLink> links, Callbacks callbacks);
  ~SettleThread();

  /// Bounded; loops use push_unbounded, since what they settle is bounded by their room.
  [[nodiscard]] BoundedQueue<ToSettle>& inbox();

  /// Until stopped: then what has been collected is flushed, for at most `last_flush`. Never throws.
  void run(const std::stop_token& stop, std::chrono::milliseconds last_flush = std::chrono::seconds{10});
  /// After run: everything that was collected has committed. Without that the stop is not a clean one.
  [[nodiscard]] bool wrote_everything() const;

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace tandem
