#include "support/second_crm/server.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "support/second_crm/admin.hpp"
#include "support/second_crm/announcer.hpp"

namespace second_crm {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

using Answering = std::function<Reply(const Request&)>;

std::string header(const http::request<http::string_body>& message, http::field name) {
  const auto value = message[name];
  return {value.data(), value.size()};
}

Request from_wire(http::request<http::string_body>& message) {
  const std::string target(message.target().data(), message.target().size());
  const auto question = target.find('?');
  const auto key = message["Idempotency-Key"];
  const auto trace = message["traceparent"];
  return {.method = std::string(message.method_string().data(), message.method_string().size()),
          .path = target.substr(0, question),
          .query = question == std::string::npos ? "" : target.substr(question + 1),
          .content_type = header(message, http::field::content_type),
          .authorization = header(message, http::field::authorization),
          .idempotency_key = {key.data(), key.size()},
          .if_match = header(message, http::field::if_match),
          .traceparent = {trace.data(), trace.size()},
          .body = std::move(message.body())};
}

http::response<http::string_body> to_wire(Reply& reply, unsigned version, bool keep_alive) {
  http::response<http::string_body> message(static_cast<http::status>(reply.status), version);
  message.set(http::field::server, "second_crm");
  if (!reply.body.empty()) message.set(http::field::content_type, reply.content_type);
  for (const auto& [name, value] : reply.headers) message.set(name, value);
  message.keep_alive(keep_alive);
  message.body() = std::move(reply.body);
  message.prepare_payload();
  return message;
}

/// One connection: reads a request, answers it, reads the next one. Lives as long as one of its callbacks is pending.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, const Answering& answering, std::set<Connection*>& open)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), answering_(answering), open_(open) {
    open_.insert(this);
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
  }
  ~Connection() { open_.erase(this); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void read() {
    parser_.emplace();
    parser_->body_limit(std::uint64_t{1} << 30);
    parser_->header_limit(64 << 10);  // an external id of 12,000 characters travels in the path
    http::async_read(socket_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
      if (!error) self->answer();
    });
  }

  void close() {
    error_code ignored;
    timer_.cancel(ignored);
    socket_.close(ignored);
  }

 private:
  void answer() {
    auto message = parser_->release();
    version_ = message.version();
    keep_alive_ = message.keep_alive();
    request_ = from_wire(message);
    reply_ = answering_(request_);
    if (reply_.delay.count() == 0) return write();
    timer_.expires_after(reply_.delay);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->after_delay();
    });
  }

  void after_delay() {
    if (reply_.ending == Ending::later) {
      request_.lay_here = true;
      reply_ = answering_(request_);
    }
    write();
  }

  void write() {
    if (reply_.ending == Ending::hang) return wait_for_the_end();
    message_ = to_wire(reply_, version_, keep_alive_);
    if (reply_.ending == Ending::cut) return write_cut();
    http::async_write(socket_, message_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error || !self->keep_alive_) return self->close();
      self->read();
    });
  }

  void write_cut() {
    std::ostringstream whole;
    whole << message_;
    cut_ = whole.str().substr(0, reply_.cut_after);
    asio::async_write(socket_, asio::buffer(cut_),
                      [self = shared_from_this()](error_code, std::size_t) { self->close(); });
  }

  void wait_for_the_end() {
    socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code) { self->close(); });
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  const Answering& answering_;
  std::set<Connection*>& open_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> message_;
  Request request_;
  Reply reply_;
  std::string cut_;
  unsigned version_ = 11;
  bool keep_alive_ = true;
};

/// A listening port and its connections.
class Listener {
 public:
  Listener(asio::io_context& io, std::uint16_t port, Answering answering)
      : acceptor_(io), port_(port), answering_(std::move(answering)) {
    open();
    port_ = acceptor_.local_endpoint().port();
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }

  void open() {
    if (acceptor_.is_open()) return;
    const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port_);
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen(1024);
    accept();
  }

  void close() {
    error_code ignored;
    acceptor_.close(ignored);
    for (auto* connection : std::set<Connection*>(connections_)) connection->close();
  }

 private:
  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (!error) std::make_shared<Connection>(std::move(socket), answering_, connections_)->read();
      if (acceptor_.is_open() && error != asio::error::operation_aborted) accept();
    });
  }

  tcp::acceptor acceptor_;
  std::uint16_t port_;
  Answering answering_;
  std::set<Connection*> connections_;
};

}  // namespace

struct Server::Inside {
  Inside(Settings settings, Ports ports, Subscription subscription)
      : api(std::move(settings)),
        announcer(io, std::move(subscription)),
        crm(io, ports.api, [this](const Request& request) { return answer(request); }),
        admin(io, ports.admin,
              [this](const Request& request) { return administrate(api, onoff, announcer.waiting(), request); }) {}

  /// Whoever has made a change, the subscriber is told of it: also of its own.
  Reply answer(const Request& request) {
    const auto before = api.journal().last();
    auto reply = api.answer(request, std::chrono::system_clock::now());
    for (const auto& entry : api.journal().after(before, api.journal().last() - before))
      if (wanted(announcer.subscription(), entry))
        announcer.tell(notice_of(entry, api.store().get(entry.type, entry.id).object));
    return reply;
  }

  Api api;
  asio::io_context io{1};
  Announcer announcer;
  Listener crm;
  Switch onoff{.go_down = [this] { crm.close(); }, .come_up = [this] { crm.open(); }};
  Listener admin;
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::thread thread{[this] { io.run(); }};
};

Server::Server(Settings settings, Ports ports, Subscription subscription)
    : inside_(std::make_unique<Inside>(std::move(settings), ports, std::move(subscription))) {}

/// The connections know their listener, so they end first: the thread runs until the last of them has gone.
Server::~Server() {
  asio::post(inside_->io, [this] {
    inside_->crm.close();
    inside_->admin.close();
    inside_->announcer.stop();
    inside_->work.reset();
  });
  inside_->thread.join();
}

std::uint16_t Server::port() const {
  return inside_->crm.port();
}
std::uint16_t Server::admin_port() const {
  return inside_->admin.port();
}
std::string Server::url() const {
  return "http://127.0.0.1:" + std::to_string(port()) + "/api";
}

void Server::go_down() {
  in_its_thread([this](Api&) { inside_->crm.close(); });
}
void Server::come_up() {
  in_its_thread([this](Api&) { inside_->crm.open(); });
}

void Server::in_its_thread(std::function<void(Api&)> task) {
  std::promise<void> done;
  asio::post(inside_->io, [this, &task, &done] {
    task(inside_->api);
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace second_crm
