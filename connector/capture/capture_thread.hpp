#pragma once
#include <functional>
#include <memory>
#include <stop_token>

#include "capture/standing.hpp"
#include "config/settings.hpp"
#include "model/doorbell.hpp"

namespace tandem {

/// The thread `capture`: owns the replication session. Decodes the stream as far as target and counter of each new
/// record and rings. Confirms whatever it received at once: the table is the truth, so a lost slot costs a poll
/// interval and nothing else. Holds everything that can go wrong with a stream (no privilege, no publication, slot
/// lost, WAL over budget, server gone) behind one word: whether it streams.
class CaptureThread {
 public:
  /// All are called from the capture thread and must not block.
  struct Callbacks {
    RingBell ring;
    std::function<void(bool up)> streaming;  ///< at each change: while false, windows poll at capture.poll_interval
    std::function<void(const ServerIdentity& before, const ServerIdentity& now)>
        server_changed;  ///< docs/protocol.md, rule 13: a start
  };
  /// `settings` must outlive this.
  CaptureThread(const Settings& settings, Callbacks callbacks);
  ~CaptureThread();

  /// Until stopped. Never throws; answers a stop within a second.
  void run(const std::stop_token& stop);

  /// From any thread.
  [[nodiscard]] CaptureStanding standing() const;
  [[nodiscard]] bool streaming() const;

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace tandem
