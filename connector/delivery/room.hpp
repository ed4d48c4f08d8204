#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace tandem {

/// Memory that one target's records may take, in bytes (`footprint`). The feed takes room before a window's records go
/// out, the target's loop gives it back when a record has been settled or parked or was dropped; both without waiting.
/// The feed may overdraw it by one window.
class Room {
 public:
  /// `freed` is called, from the loop's thread, when the feed has found no room and there is some again.
  explicit Room(std::size_t bytes, std::function<void()> freed = {})
      : bytes_(static_cast<std::int64_t>(bytes)), free_(bytes_), freed_(std::move(freed)) {}

  void take(std::size_t bytes) { free_.fetch_sub(static_cast<std::int64_t>(bytes)); }
  void give(std::size_t bytes) {
    const auto now = free_.fetch_add(static_cast<std::int64_t>(bytes)) + static_cast<std::int64_t>(bytes);
    if (now >= bytes_ / 4 && awaited_.load(std::memory_order_relaxed) && awaited_.exchange(false) && freed_) freed_();
  }
  /// The same for bodies that are read again for an attempt. They may take half of the room, whatever records take, and
  /// one body always, so that a room full of records does not keep them from being sent.
  void take_bodies(std::size_t bytes) {
    bodies_.fetch_add(static_cast<std::int64_t>(bytes));
    take(bytes);
  }
  void give_bodies(std::size_t bytes) {
    if (bytes == 0) return;
    bodies_.fetch_sub(static_cast<std::int64_t>(bytes));
    give(bytes);
    if (bodies_awaited_.load() && bodies_may_come() && bodies_awaited_.exchange(false) && freed_) freed_();
  }
  [[nodiscard]] std::int64_t left_for_bodies() const { return bytes_ / 2 - bodies_.load(); }
  /// False, and `freed` will be called, if no body may come now.
  [[nodiscard]] bool admits_bodies() {
    if (bodies_may_come()) return true;
    bodies_awaited_.store(true);
    return bodies_may_come();
  }
  /// May be negative.
  [[nodiscard]] std::int64_t free() const { return free_.load(); }
  [[nodiscard]] std::int64_t bytes() const { return bytes_; }
  /// True, and `freed` will be called, if a quarter is not free.
  [[nodiscard]] bool scarce() {
    if (free() >= bytes_ / 4) return false;
    awaited_.store(true);
    return free() < bytes_ / 4;
  }

 private:
  [[nodiscard]] bool bodies_may_come() const { return left_for_bodies() > 0 || bodies_.load() == 0; }

  const std::int64_t bytes_;
  std::atomic<std::int64_t> free_;
  std::atomic<std::int64_t> bodies_{0};
  std::atomic<bool> awaited_{false}, bodies_awaited_{false};
  const std::function<void()> freed_;
};

}  // namespace tandem
