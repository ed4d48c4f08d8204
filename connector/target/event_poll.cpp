#include "target/event_poll.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace tandem {

EventPoll::EventPoll() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (epoll_ >= 0 && bell_ >= 0 && want(bell_, EPOLLIN, 0)) return;
  if (epoll_ >= 0) ::close(epoll_);
  if (bell_ >= 0) ::close(bell_);
  throw std::runtime_error("no descriptor left for the HTTP client");
}

EventPoll::~EventPoll() {
  ::close(bell_);
  ::close(epoll_);
}

bool EventPoll::want(int fd, std::uint32_t events, std::uint32_t before) {
  if (events == before) return true;
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  const int operation = events == 0 ? EPOLL_CTL_DEL : before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  return ::epoll_ctl(epoll_, operation, fd, &event) == 0;
}

std::span<const epoll_event> EventPoll::wait(std::chrono::milliseconds longest) {
  const auto bounded = static_cast<int>(std::clamp<std::int64_t>(longest.count(), 0, 3'600'000));
  const int ready = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), bounded);
  const std::span<epoll_event> all(events_.data(), static_cast<std::size_t>(std::max(ready, 0)));
  const auto bell = std::ranges::find(all, bell_, [](const epoll_event& event) { return event.data.fd; });
  if (bell == all.end()) return all;
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = ::read(bell_, &count, sizeof count);
  *bell = all.back();
  return all.first(all.size() - 1);
}

void EventPoll::ring() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(bell_, &one, sizeof one);
}

}  // namespace tandem
