#pragma once
#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

namespace tandem {

/// What is ready of the descriptors that somebody waits for, and a bell that other threads ring: epoll.
class EventPoll {
 public:
  EventPoll();
  ~EventPoll();
  EventPoll(const EventPoll&) = delete;
  EventPoll& operator=(const EventPoll&) = delete;

  /// Waits for these epoll events of `fd` from now on, where `before` were waited for until now; 0 = none. False where
  /// the kernel refuses.
  bool want(int fd, std::uint32_t events, std::uint32_t before);
  /// What is ready, after up to `longest`; the bell is answered here. Valid until the next call.
  [[nodiscard]] std::span<const epoll_event> wait(std::chrono::milliseconds longest);
  /// Ends the current or next wait. From any thread.
  void ring() noexcept;

 private:
  int epoll_, bell_;
  std::array<epoll_event, 256> events_{};
};

}  // namespace tandem
