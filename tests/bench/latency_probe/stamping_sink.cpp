#include "stamping_sink.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tandem::bench {
namespace {

constexpr std::string_view answer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"id\":\"r-1\"}";

std::size_t content_length(std::string_view head) {
  for (std::size_t at = 0; (at = head.find('\n', at)) != std::string_view::npos; ++at) {
    constexpr std::string_view name = "content-length:";
    const auto line = head.substr(at + 1, name.size());
    bool same = line.size() == name.size();
    for (std::size_t i = 0; same && i < name.size(); ++i) same = (line[i] | 0x20) == (name[i] | 0x20);
    if (same) return std::strtoul(head.data() + at + 1 + name.size(), nullptr, 10);
  }
  return 0;
}

std::string_view last_segment(std::string_view head) {
  const auto begin = head.find(' ') + 1;
  const auto path = head.substr(begin, head.find(' ', begin) - begin);
  return path.substr(path.rfind('/') + 1);
}

/// Takes whole requests from the front of what came; how many there were.
std::size_t take_requests(std::string& input, Arrivals& arrivals, std::int64_t now) {
  std::size_t requests = 0, begin = 0;
  while (true) {
    const std::string_view rest = std::string_view(input).substr(begin);
    const auto end = rest.find("\r\n\r\n");
    if (end == std::string_view::npos) break;
    const auto head = rest.substr(0, end);
    const auto size = end + 4 + content_length(head);
    if (rest.size() < size) break;
    arrivals.note(last_segment(head), now);
    begin += size;
    ++requests;
  }
  input.erase(0, begin);
  return requests;
}

}  // namespace

StampingSink::StampingSink(std::uint16_t port, Arrivals& arrivals)
    : arrivals_(arrivals),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      poll_(::epoll_create1(EPOLL_CLOEXEC)) {
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_, 256) != 0)
    throw std::runtime_error("cannot listen on port " + std::to_string(port));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener_;
  ::epoll_ctl(poll_, EPOLL_CTL_ADD, listener_, &event);
  thread_ = std::thread([this] { serve(); });
}

StampingSink::~StampingSink() {
  stop_ = true;
  thread_.join();
  ::close(poll_);
  ::close(listener_);
}

void StampingSink::serve() {
  constexpr int longest_wait_ms = 100;
  std::unordered_map<int, std::string> inputs;
  std::array<epoll_event, 64> events{};
  std::array<char, 65'536> buffer{};
  while (!stop_) {
    const int count = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), longest_wait_ms);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener_) {
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const int on = 1;
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = client;
        ::epoll_ctl(poll_, EPOLL_CTL_ADD, client, &event);
        continue;
      }
      const auto got = ::recv(fd, buffer.data(), buffer.size(), 0);
      const auto now = monotonic_ns();
      if (got <= 0) {
        inputs.erase(fd);
        ::close(fd);
        continue;
      }
      auto& input = inputs[fd];
      input.append(buffer.data(), static_cast<std::size_t>(got));
      for (auto requests = take_requests(input, arrivals_, now); requests > 0; --requests)
        if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) break;
    }
  }
  for (const auto& [fd, input] : inputs) ::close(fd);
}

}  // namespace tandem::bench
