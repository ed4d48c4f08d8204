#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <cstddef>
#include <deque>
#include <optional>

#include "support/second_crm/notice.hpp"

namespace second_crm {

/// Posts notices to a subscriber, one after the other in the order of the changes, each until it is answered with 2xx.
/// Lives in the thread of `io`.
class Announcer {
 public:
  Announcer(boost::asio::io_context& io, Subscription subscription);

  void tell(Notice notice);
  [[nodiscard]] const Subscription& subscription() const { return subscription_; }
  /// Notices that have not been taken yet.
  [[nodiscard]] std::size_t waiting() const { return notices_.size(); }
  void stop();

 private:
  void send();
  void connect();
  void write();
  void answered(boost::system::error_code error);
  void again_later();

  const Subscription subscription_;
  boost::beast::tcp_stream stream_;
  boost::asio::steady_timer pause_;
  std::deque<Notice> notices_;
  boost::beast::flat_buffer buffer_;
  boost::beast::http::request<boost::beast::http::string_body> request_;
  std::optional<boost::beast::http::response<boost::beast::http::string_body>> response_;
  bool busy_ = false, connected_ = false, stopped_ = false;
};

}  // namespace second_crm
