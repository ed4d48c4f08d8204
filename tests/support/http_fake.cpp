#include "support/http_fake.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace tandem::test_support {
namespace {

std::string header_in(const std::string& head, std::string_view name) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  std::size_t at = 0;
  while (at < head.size()) {
    const std::size_t end = std::min(head.find("\r\n", at), head.size());
    const std::string line = head.substr(at, end - at);
    const std::size_t colon = line.find(':');
    const bool same = colon == name.size() && std::equal(name.begin(), name.end(), line.begin(),
                                                         [&](char a, char b) { return lower(a) == lower(b); });
    if (same) {
      const std::size_t first = line.find_first_not_of(' ', colon + 1);
      return first == std::string::npos ? std::string() : line.substr(first);
    }
    at = end + 2;
  }
  return {};
}

}  // namespace

struct HttpFake::Server {
  std::function<FakeAnswer(const FakeRequest&)> otherwise;
  std::vector<FakeAnswer> script;
  int listener = -1;
  std::uint16_t port = 0;

  mutable std::mutex mutex;
  std::condition_variable ended;
  bool stopping = false;
  std::vector<FakeRequest> requests;
  std::vector<int> sockets;
  std::vector<std::thread> threads;
  int accepted = 0;
  int answered = 0;

  void listen_on_loopback() {
    listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr any{};
    static_assert(sizeof any == sizeof address);
    std::copy_n(reinterpret_cast<const char*>(&address), sizeof address, reinterpret_cast<char*>(&any));
    socklen_t size = sizeof any;
    if (listener < 0 || ::bind(listener, &any, sizeof any) != 0 || ::listen(listener, 128) != 0 ||
        ::getsockname(listener, &any, &size) != 0)
      throw std::runtime_error("the fake cannot listen on 127.0.0.1");
    std::copy_n(reinterpret_cast<const char*>(&any), sizeof address, reinterpret_cast<char*>(&address));
    port = ntohs(address.sin_port);
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      const std::lock_guard lock(mutex);
      if (stopping || fd < 0) {
        if (fd >= 0) ::close(fd);
        return;
      }
      sockets.push_back(fd);
      threads.emplace_back([this, fd, number = ++accepted] { serve(fd, number); });
    }
  }

  void serve(int fd, int number) {
    std::string buffer;
    FakeRequest request;
    request.connection = number;
    while (read_request(fd, buffer, request)) {
      const FakeAnswer answer = next_answer(request);
      if (!send_answer(fd, answer)) break;
    }
    const std::lock_guard lock(mutex);
    const auto at = std::find(sockets.begin(), sockets.end(), fd);
    if (at != sockets.end()) {
      sockets.erase(at);
      ::close(fd);
    }
  }

  static bool read_more(int fd, std::string& buffer) {
    char bytes[16384];
    const ssize_t got = ::recv(fd, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    buffer.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  static bool read_request(int fd, std::string& buffer, FakeRequest& request) {
    std::size_t end = 0;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos)
      if (!read_more(fd, buffer)) return false;
    request.head = buffer.substr(0, end + 2);
    buffer.erase(0, end + 4);
    request.method = request.head.substr(0, request.head.find(' '));
    const std::size_t target = request.method.size() + 1;
    request.target = request.head.substr(target, request.head.find(' ', target) - target);
    const std::string length = header_in(request.head, "content-length");
    const std::size_t wanted = length.empty() ? 0 : std::stoul(length);
    while (buffer.size() < wanted)
      if (!read_more(fd, buffer)) return false;
    request.body = buffer.substr(0, wanted);
    buffer.erase(0, wanted);
    return true;
  }

  FakeAnswer next_answer(const FakeRequest& request) {
    const std::lock_guard lock(mutex);
    requests.push_back(request);
    if (!otherwise) return requests.size() <= script.size() ? script[requests.size() - 1] : answer_with(200, "{}");
    return otherwise(request);
  }

  bool send_answer(int fd, const FakeAnswer& answer) {
    if (!wait(answer.delay)) return false;
    const std::string bytes = answer.bytes.substr(0, answer.cut_after.value_or(std::string::npos));
    if (answer.byte_delay.count() > 0) {
      for (const char byte : bytes)
        if (::send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || !wait(answer.byte_delay)) return false;
    } else {
      for (std::size_t sent = 0; sent < bytes.size();) {
        const ssize_t n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return false;
        sent += static_cast<std::size_t>(n);
      }
    }
    {
      const std::lock_guard lock(mutex);
      ++answered;
    }
    if (answer.hold) {
      wait(std::chrono::hours(1));
      return false;
    }
    if (answer.reset) {
      const linger now{1, 0};
      ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    return !answer.close && !answer.reset && !answer.cut_after;
  }

  /// False when the fake ends meanwhile.
  bool wait(std::chrono::milliseconds time) {
    if (time.count() == 0) return true;
    std::unique_lock lock(mutex);
    return !ended.wait_for(lock, time, [this] { return stopping; });
  }
};

std::string FakeRequest::header(std::string_view name) const {
  return header_in(head, name);
}

FakeAnswer answer_with(int status, std::string_view body,
                       const std::vector<std::pair<std::string, std::string>>& headers) {
  FakeAnswer answer;
  answer.bytes = "HTTP/1.1 " + std::to_string(status) + " Scripted\r\n";
  for (const auto& [name, value] : headers) answer.bytes += name + ": " + value + "\r\n";
  const bool bodiless = status == 204 || status == 304;
  if (!bodiless)
    answer.bytes += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  answer.bytes += "\r\n";
  answer.bytes += body;
  return answer;
}

FakeAnswer raw_answer(std::string bytes) {
  FakeAnswer answer;
  answer.bytes = std::move(bytes);
  return answer;
}

FakeAnswer cut_answer(FakeAnswer whole, std::size_t after) {
  whole.cut_after = after;
  return whole;
}

FakeAnswer no_answer() {
  FakeAnswer answer;
  answer.hold = true;
  return answer;
}

FakeAnswer closed_unanswered() {
  FakeAnswer answer;
  answer.close = true;
  return answer;
}

HttpFake::HttpFake(std::vector<FakeAnswer> script) : server_(std::make_unique<Server>()) {
  server_->script = std::move(script);
  server_->listen_on_loopback();
  const std::lock_guard lock(server_->mutex);
  server_->threads.emplace_back([this] { server_->accept_all(); });
}

HttpFake::HttpFake(std::function<FakeAnswer(const FakeRequest&)> otherwise) : HttpFake(std::vector<FakeAnswer>{}) {
  const std::lock_guard lock(server_->mutex);
  server_->otherwise = std::move(otherwise);
}

HttpFake::~HttpFake() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(server_->mutex);
    server_->stopping = true;
    ::shutdown(server_->listener, SHUT_RDWR);
    for (const int fd : server_->sockets) ::shutdown(fd, SHUT_RDWR);
  }
  server_->ended.notify_all();
  // The accepting thread is the first; once it has ended, no more are added.
  server_->threads.front().join();
  {
    const std::lock_guard lock(server_->mutex);
    threads.assign(std::make_move_iterator(server_->threads.begin() + 1),
                   std::make_move_iterator(server_->threads.end()));
    for (const int fd : server_->sockets) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads) thread.join();
  ::close(server_->listener);
}

std::uint16_t HttpFake::port() const {
  return server_->port;
}
std::string HttpFake::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(server_->port) + std::string(path);
}

std::vector<FakeRequest> HttpFake::requests() const {
  const std::lock_guard lock(server_->mutex);
  return server_->requests;
}

int HttpFake::connections() const {
  const std::lock_guard lock(server_->mutex);
  return server_->accepted;
}

int HttpFake::answered() const {
  const std::lock_guard lock(server_->mutex);
  return server_->answered;
}

}  // namespace tandem::test_support
