#pragma once
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "http/router.hpp"
#include "model/error.hpp"

namespace tandem::http {

struct ServerLimits {
  std::size_t connections = 256;
  std::uint32_t header_bytes = 16 << 10;
  std::uint64_t body_bytes = 1 << 20;
  int seconds_per_request = 15;  ///< to read one, and to write its answer
  int seconds_idle = 60;
};

/// HTTP/1.1 on one address, in one thread. Past a limit a connection is refused or closed; nothing here grows with what
/// is sent.
class Server {
 public:
  /// Binds and listens at once, so that a taken port is an error before anything runs. `listen`: 127.0.0.1:7400,
  /// [::1]:0, host:port.
  [[nodiscard]] static Result<Server> open(const std::string& listen, Router router, ServerLimits limits = {});
  ~Server();
  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;

  /// The port that was bound, for `listen` with port 0.
  [[nodiscard]] std::uint16_t port() const;
  /// Until stopped. Never throws.
  void run(const std::stop_token& stop);

 private:
  class Listener;
  explicit Server(std::unique_ptr<Listener> listener);
  std::unique_ptr<Listener> listener_;
};

}  // namespace tandem::http
