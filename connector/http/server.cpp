#include "http/server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http/connection.hpp"
#include "log/log.hpp"

namespace tandem::http {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;

tl::unexpected<Error> cannot_listen(const std::string& listen, const error_code& error) {
  return fail(ErrorKind::refused, "cannot listen on " + listen + ": " + error.message(),
              error == asio::error::address_in_use
                  ? "stop the other process on this port, or set http.listen to another one"
                  : "set http.listen to an address of this machine, or to \"\" for no HTTP");
}

}  // namespace

/// Accepts; while there are too many connections it waits, and the kernel's queue holds the rest.
class Server::Listener {
 public:
  Listener(Router router, ServerLimits limits)
      : context_(1),
        acceptor_(context_),
        retry_(context_),
        shared_(std::make_shared<Shared>(Shared{std::move(router), limits})) {}

  Status bind(const std::string& listen) {
    const auto colon = listen.rfind(':');
    if (colon == std::string::npos) return fail(ErrorKind::config, "http.listen is not an address and port: " + listen);
    std::string host = listen.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    error_code error;
    tcp::resolver resolver(context_);
    const auto found = resolver.resolve(host, listen.substr(colon + 1),
                                        tcp::resolver::passive | tcp::resolver::numeric_service, error);
    if (error || found.empty()) return cannot_listen(listen, error);
    const tcp::endpoint endpoint = found.begin()->endpoint();
    if (acceptor_.open(endpoint.protocol(), error); error) return cannot_listen(listen, error);
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (acceptor_.bind(endpoint, error); error) return cannot_listen(listen, error);
    if (acceptor_.listen(128, error); error) return cannot_listen(listen, error);
    port_ = acceptor_.local_endpoint(error).port();
    return {};
  }

  void run(const std::stop_token& stop) {
    const std::stop_callback on_stop(stop, [this] { asio::post(context_, [this] { end(); }); });
    accept();
    context_.run();
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  void end() {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
    context_.stop();
  }
  void accept() {
    if (shared_->connections >= shared_->limits.connections) return accept_later();
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) return accept_later();  // out of descriptors: others must end first
      serve(std::move(socket), shared_);
      accept();
    });
  }
  void accept_later() {
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([this](error_code error) {
      if (!error) accept();
    });
  }

  asio::io_context context_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  std::shared_ptr<Shared> shared_;
  std::uint16_t port_ = 0;
};

Server::Server(std::unique_ptr<Listener> listener) : listener_(std::move(listener)) {}
Server::~Server() = default;
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;

Result<Server> Server::open(const std::string& listen, Router router, ServerLimits limits) {
  auto listener = std::make_unique<Listener>(std::move(router), limits);
  if (auto bound = listener->bind(listen); !bound) return tl::unexpected(std::move(bound.error()));
  return Server(std::move(listener));
}

std::uint16_t Server::port() const {
  return listener_->port();
}

void Server::run(const std::stop_token& stop) {
  try {
    listener_->run(stop);
  } catch (const std::exception& e) {
    log::error("the HTTP server has ended", {{field::error, e.what()}});
  }
}

}  // namespace tandem::http
