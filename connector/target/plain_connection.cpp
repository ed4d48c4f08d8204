#include "target/plain_connection.hpp"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace tandem {
namespace {

using std::chrono::steady_clock;

// As libcurl keeps its own.
constexpr std::chrono::seconds longest_idle{118};
constexpr std::chrono::seconds longest_life{600};  // names may move

}  // namespace

PlainConnection::PlainConnection(int fd, HttpClient::PeerId peer, std::string authority, std::size_t max_answer)
    : fd_(fd),
      peer_(peer),
      authority_(std::move(authority)),
      opened_(steady_clock::now()),
      used_(opened_),
      reader_(max_answer) {}

PlainConnection::~PlainConnection() {
  ::close(fd_);
}

void PlainConnection::begin(std::unique_ptr<PlainRequest> request) {
  request_ = std::move(request);
  request_->sent = true;
  request_->print_head(head_);
  written_ = 0;
  to_write_ = head_.size() + request_->request.body.size();
  reader_.begin(request_->request.method == "HEAD");
  progress_ = AnswerReader::Progress::more;
  fit_ = false;
  write();
}

void PlainConnection::write() {
  while (wants_to_write()) {
    const std::string& body = request_->request.body;
    const std::size_t of_head = std::min(written_, head_.size()), of_body = written_ - of_head;
    // sendmsg wants them writable and does not write.
    std::array<iovec, 2> parts{{{head_.data() + of_head, head_.size() - of_head},
                                {const_cast<char*>(body.data()) + of_body, body.size() - of_body}}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) {
      to_write_ = 0;  // an answer may have come before the end; the connection carries no other request
      return;
    }
    written_ += static_cast<std::size_t>(sent);
  }
}

PlainConnection::Progress PlainConnection::read() {
  std::array<char, std::size_t{16} * 1024> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by recv
  while (true) {
    const ssize_t came = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (came < 0 && errno == EINTR) continue;
    if (came < 0 && errno == EAGAIN) return Progress::more;
    if (came <= 0) {
      if (reader_.nothing_came() && used_before_ && request_->request.repeat == Repeat::allowed)
        return Progress::repeat;
      progress_ = reader_.ended(came == 0);
      return Progress::ended;
    }
    progress_ = reader_.read({bytes.data(), static_cast<std::size_t>(came)});
    if (progress_ != AnswerReader::Progress::more) return Progress::ended;
    if (static_cast<std::size_t>(came) < bytes.size()) return Progress::more;
  }
}

HttpFailure PlainConnection::failure_of_reading() const {
  switch (progress_) {
    case AnswerReader::Progress::whole:
      return HttpFailure::none;
    case AnswerReader::Progress::too_large:
      return HttpFailure::too_large;
    default:
      return HttpFailure::cut;
  }
}

HttpAnswer PlainConnection::take_answer(HttpFailure failure, std::string words) {
  HttpAnswer answer;
  answer.sent = request_->sent;
  answer.status = reader_.status();
  answer.head = std::move(reader_.head);
  answer.body = std::move(reader_.body);
  answer.failure = failure == HttpFailure::none ? failure_of_reading() : failure;
  answer.error = std::move(words);
  if (failure == HttpFailure::none && answer.failure == HttpFailure::cut)
    answer.error = reader_.error();
  else if (failure == HttpFailure::none && answer.failure == HttpFailure::too_large)
    answer.error = "answer larger than " + std::to_string(reader_.max_body()) + " bytes";
  used_ = steady_clock::now();
  answer.duration = std::chrono::duration_cast<std::chrono::microseconds>(used_ - request_->started);
  used_before_ = true;
  const bool all_written = written_ == head_.size() + request_->request.body.size();
  fit_ = answer.failure == HttpFailure::none && reader_.keeps() && all_written;
  request_.reset();
  return answer;
}

bool PlainConnection::silent(steady_clock::time_point now) const {
  if (now - used_ >= longest_idle || now - opened_ >= longest_life) return false;
  char any = 0;
  return ::recv(fd_, &any, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace tandem
