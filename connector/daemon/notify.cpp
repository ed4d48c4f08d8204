#include "daemon/notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include "config/quantity.hpp"

namespace tandem {

Notify Notify::from_environment() {
  const char* path = std::getenv("NOTIFY_SOCKET");
  const char* limit = std::getenv("WATCHDOG_USEC");
  std::optional<std::chrono::milliseconds> watchdog;
  if (limit != nullptr)
    if (const auto microseconds = parse_integer(limit); microseconds && *microseconds > 1000)
      watchdog = std::chrono::milliseconds(*microseconds / 1000);
  return Notify(path == nullptr ? "" : path, watchdog);
}

Notify::Notify(std::string socket_path, std::optional<std::chrono::milliseconds> watchdog)
    : socket_path_(std::move(socket_path)), watchdog_(watchdog) {}

void Notify::status(std::string_view sentence) const {
  std::string line = "STATUS=" + std::string(sentence);
  std::ranges::replace(line, '\n', ' ');
  send(line);
}

void Notify::send(std::string_view message) const {
  sockaddr_un address{};
  if (socket_path_.empty() || socket_path_.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::ranges::copy(socket_path_, address.sun_path);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // an abstract socket
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_path_.size());
  // Nothing can be done where nobody listens.
  [[maybe_unused]] const auto sent = ::sendto(fd, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                                              reinterpret_cast<const sockaddr*>(&address), length);
  ::close(fd);
}

}  // namespace tandem
