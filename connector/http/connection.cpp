#include "http/connection.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <optional>

#include "log/log.hpp"

namespace tandem::http {
namespace {

namespace beast = boost::beast;
using boost::asio::ip::tcp;
using boost::system::error_code;
using Message = beast::http::request<beast::http::string_body>;

bool plain(const Message& message, Request& request) {
  request.method = std::string(message.method_string());
  for (const auto& field : message) {
    std::string name;
    for (const char c : field.name_string()) name += (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  request.body = message.body();
  return split_target(std::string_view(message.target().data(), message.target().size()), request);
}

/// Read a request, answer it, again. Callbacks, not coroutines: three steps need no more, and g++ 12 destroys
/// temporaries twice across co_await.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, std::shared_ptr<Shared> shared)
      : stream_(std::move(socket)), shared_(std::move(shared)) {
    ++shared_->connections;
  }
  ~Connection() { --shared_->connections; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void read(int seconds) {
    parser_.emplace();
    parser_->header_limit(shared_->limits.header_bytes);
    parser_->body_limit(shared_->limits.body_bytes);
    stream_.expires_after(std::chrono::seconds(seconds));
    beast::http::async_read(stream_, buffer_, *parser_,
                            [self = shared_from_this()](error_code error, std::size_t) { self->answer(error); });
  }

 private:
  void answer(error_code error) {
    if (error == beast::http::error::body_limit) return write(problem(413, "body too large", ""), false, false);
    if (error == beast::http::error::header_limit) return write(problem(431, "headers too large", ""), false, false);
    static const auto& http_errors = make_error_code(beast::http::error::bad_target).category();
    if (error && error != beast::http::error::end_of_stream && error.category() == http_errors)
      return write(problem(400, "malformed request", error.message()), false, false);
    if (error) return close();  // gone, or too slow

    const Message& message = parser_->get();
    Request request;
    const bool head = message.method() == beast::http::verb::head;
    const bool valid = plain(message, request);
    const bool keep_alive = message.keep_alive();
    if (!valid) return write(problem(400, "malformed target", ""), keep_alive, head);
    // The answer may come from another thread; nothing else happens on this connection before it.
    auto respond = [self = shared_from_this(), keep_alive, head](Response response) {
      boost::asio::dispatch(self->stream_.get_executor(),
                            [self, keep_alive, head, response = std::move(response)]() mutable {
                              self->write(std::move(response), keep_alive, head);
                            });
    };
    try {
      shared_->router.respond(std::move(request), std::move(respond));
    } catch (const std::exception& e) {
      log::error("an HTTP request could not be answered", {{field::error, e.what()}});
      write(problem(500, "internal error", ""), keep_alive, head);
    }
  }

  void write(Response response, bool keep_alive, bool head) {
    try {
      frame(std::move(response), keep_alive, head);
    } catch (const std::exception& e) {
      log::error("an HTTP answer could not be passed on", {{field::error, e.what()}});
      frame(problem(502, "answer cannot be passed on", ""), keep_alive, head);
    }
    stream_.expires_after(std::chrono::seconds(shared_->limits.seconds_per_request));
    beast::http::async_write(stream_, *response_,
                             [self = shared_from_this(), keep_alive](error_code error, std::size_t) {
                               if (error || !keep_alive) return self->close();
                               self->read(self->shared_->limits.seconds_idle);
                             });
  }

  /// Throws where a header is longer than the library takes.
  void frame(Response response, bool keep_alive, bool head) {
    using beast::http::field;
    response_.emplace(static_cast<beast::http::status>(response.status), 11U);
    for (const auto& [name, value] : response.headers) response_->insert(name, value);
    if (!response.content_type.empty()) response_->set(field::content_type, response.content_type);
    if (response_->find(field::cache_control) == response_->end()) response_->set(field::cache_control, "no-store");
    response_->set("X-Content-Type-Options", "nosniff");
    response_->keep_alive(keep_alive);
    response_->content_length(response.body.size());
    if (!head) response_->body() = std::move(response.body);
  }

  void close() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  beast::tcp_stream stream_;
  std::shared_ptr<Shared> shared_;
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  std::optional<beast::http::response<beast::http::string_body>> response_;
};

}  // namespace

void serve(tcp::socket socket, std::shared_ptr<Shared> shared) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  const int seconds = shared->limits.seconds_per_request;
  std::make_shared<Connection>(std::move(socket), std::move(shared))->read(seconds);
}

}  // namespace tandem::http
