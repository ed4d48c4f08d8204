#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace tandem {

/// Starts threads by name and notices when one ends that nobody asked to: that is a failure of the process, since each
/// thread owns something that no other may do. `ended` is called, from the dying thread, at each such end.
class Supervisor {
 public:
  explicit Supervisor(std::function<void()> ended) : ended_(std::move(ended)) {}

  /// `body` returns when its token is stopped; an exception counts as a death.
  void start(std::string name, std::function<void(const std::stop_token&)> body);
  /// Asks one thread to stop and waits for it.
  void stop(const std::string& name);
  /// Asks only.
  void request_stop(const std::string& name);
  /// Has it returned?
  [[nodiscard]] bool finished(const std::string& name) const;
  /// Name of a thread that died, or empty.
  [[nodiscard]] std::string died() const;

 private:
  struct Thread {
    std::string name;
    std::atomic<bool> finished{false};
    std::jthread thread;
  };
  [[nodiscard]] Thread* find(const std::string& name) const;

  const std::function<void()> ended_;
  mutable std::mutex mutex_;  ///< guards died_, which any thread may write as its last act
  std::string died_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace tandem
