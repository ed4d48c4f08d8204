#include "support/port.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "support/files.hpp"

namespace tandem::test_support {
namespace {

constexpr std::uint16_t first_port = 20'000, last_port = 30'000;

bool free_to_bind(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return bound;
}

}  // namespace

Port::Port() {
  static std::uint16_t next = static_cast<std::uint16_t>(first_port + (::getpid() * 37) % (last_port - first_port));
  for (int tried = 0; tried < last_port - first_port; ++tried) {
    const std::uint16_t port = next;
    next = next + 1 == last_port ? first_port : static_cast<std::uint16_t>(next + 1);
    const auto path = scratch_folder() / ("port-" + std::to_string(port));
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) continue;
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0 || !free_to_bind(port)) {
      ::close(fd);
      continue;
    }
    number_ = port;
    lock_ = std::shared_ptr<const int>(new int(fd), [](const int* held) {
      ::close(*held);
      delete held;
    });
    return;
  }
  throw std::runtime_error("no free port between 20000 and 30000");
}

}  // namespace tandem::test_support
