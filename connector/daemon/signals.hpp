#pragma once
#include <chrono>
#include <optional>

namespace tandem {

/// SIGINT and SIGTERM as events of the main thread. Made before any other thread, so that all of them inherit the mask;
/// from then on no signal interrupts anything. SIGPIPE is ignored.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// Waits for a signal or for `wake`: the signal's number, or nullopt.
  [[nodiscard]] std::optional<int> wait_for(std::chrono::milliseconds timeout);
  /// From any thread: ends a wait.
  void wake();

 private:
  int signal_fd_ = -1, wake_fd_ = -1;
};

}  // namespace tandem
