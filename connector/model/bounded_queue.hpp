#pragma once
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace tandem {

/// The one kind of queue that joins threads: many writers, one reader, bounded in whatever unit the writer weighs its
/// items in (bytes, records). `push` waits for room; `try_push` and `push_unbounded` never wait. An item heavier than
/// the whole bound passes when the queue is empty. After `close` nothing goes in, and `pop` hands out what is left.
template <class T>
class BoundedQueue {
 public:
  /// `wake` is called after each push, outside the lock: for a reader that sleeps elsewhere (epoll, curl).
  explicit BoundedQueue(std::size_t bound, std::function<void()> wake = {}) : bound_(bound), wake_(std::move(wake)) {}

  /// False when closed.
  bool push(T item, std::size_t weight = 1) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return closed_ || fits(weight); });
    return put(lock, std::move(item), weight);
  }
  /// False when closed or full.
  bool try_push(T item, std::size_t weight = 1) {
    std::unique_lock lock(mutex_);
    if (!fits(weight)) return false;
    return put(lock, std::move(item), weight);
  }
  /// For items whose number is bounded by something else (answers to our own requests). False when closed.
  bool push_unbounded(T item, std::size_t weight = 0) {
    std::unique_lock lock(mutex_);
    return put(lock, std::move(item), weight);
  }

  /// Everything that is there, without waiting.
  [[nodiscard]] std::vector<T> drain() {
    std::unique_lock lock(mutex_);
    return take(lock);
  }
  /// Everything that is there; waits up to `timeout` for the first. Empty on time-out and when closed and empty.
  template <class Duration>
  [[nodiscard]] std::vector<T> drain_for(Duration timeout) {
    std::unique_lock lock(mutex_);
    filled_.wait_for(lock, timeout, [&] { return closed_ || !items_.empty(); });
    return take(lock);
  }

  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    filled_.notify_all();
    room_.notify_all();
    if (wake_) wake_();
  }
  [[nodiscard]] bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }
  [[nodiscard]] std::size_t weight() const {
    const std::lock_guard lock(mutex_);
    return weight_;
  }

 private:
  bool fits(std::size_t weight) const { return weight_ + weight <= bound_ || items_.empty(); }
  bool put(std::unique_lock<std::mutex>& lock, T&& item, std::size_t weight) {
    if (closed_) return false;
    items_.push_back(std::move(item));
    weight_ += weight;
    lock.unlock();
    filled_.notify_one();
    if (wake_) wake_();
    return true;
  }
  std::vector<T> take(std::unique_lock<std::mutex>& lock) {
    std::vector<T> out;
    out.swap(items_);
    weight_ = 0;
    lock.unlock();
    room_.notify_all();
    return out;
  }

  const std::size_t bound_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable filled_, room_;
  std::vector<T> items_;
  std::size_t weight_ = 0;
  bool closed_ = false;
};

}  // namespace tandem
