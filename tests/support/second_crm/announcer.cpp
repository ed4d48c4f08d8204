#include "support/second_crm/announcer.hpp"

#include <chrono>
#include <ctime>

namespace second_crm {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto patience = std::chrono::seconds(10);
constexpr auto pause = std::chrono::milliseconds(200);

}  // namespace

Announcer::Announcer(asio::io_context& io, Subscription subscription)
    : subscription_(std::move(subscription)), stream_(io), pause_(io) {}

void Announcer::tell(Notice notice) {
  notices_.push_back(std::move(notice));
  if (!busy_) send();
}

void Announcer::stop() {
  stopped_ = true;
  pause_.cancel();
  stream_.close();
}

void Announcer::send() {
  busy_ = !notices_.empty() && !stopped_;
  if (!busy_) return;
  if (connected_) return write();
  connect();
}

void Announcer::connect() {
  stream_.expires_after(patience);
  stream_.async_connect(tcp::endpoint(asio::ip::address_v4::loopback(), subscription_.port), [this](error_code error) {
    if (error) return again_later();
    connected_ = true;
    write();
  });
}

void Announcer::write() {
  const Notice& notice = notices_.front();
  const std::string now = std::to_string(std::time(nullptr));
  request_ = {http::verb::post, subscription_.path, 11};
  request_.set(http::field::host, "127.0.0.1");
  request_.set(http::field::content_type, "application/json");
  request_.set("webhook-id", notice.id);
  request_.set("webhook-timestamp", now);
  request_.set("webhook-signature", signature_of(subscription_.secret, notice, now));
  request_.body() = notice.body;
  request_.prepare_payload();
  stream_.expires_after(patience);
  http::async_write(stream_, request_, [this](error_code error, std::size_t) {
    if (error) return again_later();
    response_.emplace();
    http::async_read(stream_, buffer_, *response_, [this](error_code failed, std::size_t) { answered(failed); });
  });
}

void Announcer::answered(error_code error) {
  if (error || response_->result_int() / 100 != 2) return again_later();
  notices_.pop_front();
  if (!response_->keep_alive()) {
    connected_ = false;
    stream_.close();
  }
  send();
}

void Announcer::again_later() {
  connected_ = false;
  stream_.close();
  buffer_.clear();
  if (stopped_) return;
  pause_.expires_after(pause);
  pause_.async_wait([this](error_code error) {
    if (!error) send();
  });
}

}  // namespace second_crm
