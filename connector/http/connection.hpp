#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "http/router.hpp"
#include "http/server.hpp"

/// One accepted connection. Inside http/ only.
namespace tandem::http {

/// What all connections of a server share; used in its thread alone.
struct Shared {
  Router router;
  ServerLimits limits;
  std::size_t connections = 0;
};

/// Answers requests on `socket` until it ends; owns itself through the operations that are pending.
void serve(boost::asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared);

}  // namespace tandem::http
