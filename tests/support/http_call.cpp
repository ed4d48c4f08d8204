#include "support/http_call.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>

namespace tandem::test_support {
namespace {

/// Connected socket or -1; closed at the end.
class Socket {
 public:
  explicit Socket(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] bool send_all(std::string_view bytes) const {
    while (connected_ && !bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return connected_;
  }
  [[nodiscard]] std::string read_all() const {
    std::string text;
    char buffer[16'384];
    for (ssize_t got = 0; (got = ::recv(fd_, buffer, sizeof buffer, 0)) > 0;)
      text.append(buffer, static_cast<std::size_t>(got));
    return text;
  }

 private:
  int fd_;
  bool connected_ = false;
};

std::string without_chunks(std::string_view body) {
  std::string out;
  while (true) {
    const auto end = body.find("\r\n");
    if (end == std::string_view::npos) return out;
    const auto size = std::strtoul(std::string(body.substr(0, end)).c_str(), nullptr, 16);
    if (size == 0 || body.size() < end + 2 + size + 2) return out;
    out.append(body.substr(end + 2, size));
    body.remove_prefix(end + 2 + size + 2);
  }
}

}  // namespace

HttpReply http_call(std::uint16_t port, std::string_view method, std::string_view path, std::string_view body,
                    const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string request =
      std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n";
  for (const auto& [name, value] : headers) request += name + ": " + value + "\r\n";
  if (!body.empty()) request += "Content-Type: application/json\r\n";
  request += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  request += body;

  const Socket socket(port);
  HttpReply reply;
  if (!socket.send_all(request)) return reply;
  const auto text = socket.read_all();
  const auto head_end = text.find("\r\n\r\n");
  if (head_end == std::string::npos || text.size() < 12) return reply;
  reply.status = std::atoi(text.c_str() + 9);
  reply.head = text.substr(0, head_end);
  reply.body = text.substr(head_end + 4);
  if (reply.head.find("ransfer-") != std::string::npos && reply.head.find("chunked") != std::string::npos)
    reply.body = without_chunks(reply.body);
  return reply;
}

}  // namespace tandem::test_support
