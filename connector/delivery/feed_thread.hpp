#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "config/settings.hpp"
#include "delivery/target_link.hpp"
#include "model/doorbell.hpp"

namespace tandem {

/// The thread `feed`: owns one SQL session; reads windows, bodies, parked lanes and pauses and hands them to the
/// targets' loops. docs/protocol.md says what it may do when; which counters to read is decided by `Feed`.
///
/// A lost session is a start: every loop is told to Drop, and only when all are Quiet and the database answers again
/// does reading begin anew, from the floors.
class FeedThread {
 public:
  struct Callbacks {
    std::function<void()> fenced;               ///< another connector has our name: stop the process
    std::function<void(const Error&)> refused;  ///< the database must not be read (rule 13): stop the process
  };
  /// `links` are by TargetIndex. `settings` must outlive this.
  FeedThread(const Settings& settings, Epoch epoch, bool unclean, std::vector<TargetLink> links, Callbacks callbacks);
  ~FeedThread();

  /// From loops (BodyRequest, Quiet), capture and settle. Pushing never waits.
  [[nodiscard]] BoundedQueue<ToFeed>& inbox();
  /// From capture. Never blocks; a ring that finds the inbox full is lost, which costs a poll interval.
  void ring(std::span<const Ring> rings);
  /// Rule 4: read this before sending a statement that draws a transaction id, and send XidDrawn after it.
  [[nodiscard]] Noted noted_position() const;

  /// How long every window has failed; 0 while reading works. From any thread.
  [[nodiscard]] std::chrono::seconds failing_for() const;

  /// Until stopped. Never throws.
  void run(const std::stop_token& stop);

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace tandem
