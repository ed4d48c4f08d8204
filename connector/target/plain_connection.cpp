#include "target/plain_connection.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace tandem {
namespace {

using std::chrono::steady_clock;

// As libcurl keeps its own.
constexpr std::chrono::seconds longest_idle{118};
constexpr std::chrono::seconds longest_life{600};  // names may move

bool begins_with(std::string_view text, std::string_view lower_word) {
  return text.size() >= lower_word.size() &&
         std::equal(lower_word.begin(), lower_word.end(), text.begin(),
                    [](char word, char c) { return word == (c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c); });
}

bool with_body(const HttpRequest& request) {
  const std::string& method = request.method;
  return !request.body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

std::optional<PlainUrl> plain_url(const HttpPeer& peer, const HttpRequest& request) {
  constexpr std::string_view scheme = "http://";
  std::string_view rest = request.url;
  if (!peer.proxy.empty() || !rest.starts_with(scheme)) return std::nullopt;
  rest.remove_prefix(scheme.size());
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const std::string_view path = rest.substr(authority.size());
  if (authority.empty() || authority.find('@') != std::string_view::npos || (!path.empty() && path.front() != '/'))
    return std::nullopt;
  const auto odd = [](char c) { return c <= ' ' || c >= 127 || c == '#'; };
  if (std::any_of(rest.begin(), rest.end(), odd)) return std::nullopt;
  for (const std::string& line : request.headers)
    for (const std::string_view own :
         {"host:", "content-length:", "transfer-encoding:", "expect:", "connection:", "upgrade:", "te:"})
      if (begins_with(line, own)) return std::nullopt;
  return PlainUrl{authority, path};
}

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

void PlainConnection::begin(std::unique_ptr<PlainRequest> request, std::string_view path) {
  const HttpRequest& what = request->request;
  output_.clear();
  output_.append(what.method)
      .append(" ")
      .append(path.empty() ? "/" : path)
      .append(" HTTP/1.1\r\nHost: ")
      .append(authority_)
      .append("\r\n");
  bool says_accept = false, says_type = false;
  for (const std::string& line : what.headers) {
    says_accept |= begins_with(line, "accept:");
    says_type |= begins_with(line, "content-type:");
    if (line.find_first_not_of(" \t", line.find(':') + 1) == std::string::npos) continue;  // as libcurl does
    output_.append(line).append("\r\n");
  }
  if (!says_accept) output_.append("Accept: */*\r\n");
  if (with_body(what)) {
    if (!says_type) output_.append("Content-Type: application/x-www-form-urlencoded\r\n");
    output_.append("Content-Length: ").append(std::to_string(what.body.size())).append("\r\n");
  }
  output_.append("\r\n").append(what.body);
  written_ = 0;
  reader_.begin(what.method == "HEAD");
  progress_ = AnswerReader::Progress::more;
  request->sent = true;
  request_ = std::move(request);
  write();
}

void PlainConnection::write() {
  while (wants_to_write()) {
    const ssize_t sent = ::send(fd_, output_.data() + written_, output_.size() - written_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      if (errno != EAGAIN) written_ = output_.size();  // an answer may have come before the end
      return;
    }
    written_ += static_cast<std::size_t>(sent);
  }
}

PlainConnection::Progress PlainConnection::read() {
  std::array<char, 16 * 1024> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by recv
  while (true) {
    const ssize_t came = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (came < 0 && errno == EINTR) continue;
    if (came < 0 && errno == EAGAIN) return Progress::more;
    if (came <= 0) {
      if (reader_.nothing_came() && used_before_ && request_->request.repeat == Repeat::allowed)
        return Progress::repeat;
      progress_ = reader_.ended();
      return Progress::ended;
    }
    progress_ = reader_.read({bytes.data(), static_cast<std::size_t>(came)});
    if (progress_ != AnswerReader::Progress::more) return Progress::ended;
    if (static_cast<std::size_t>(came) < bytes.size()) return Progress::more;
  }
}

HttpAnswer PlainConnection::take_answer(HttpFailure failure, std::string words) {
  HttpAnswer answer;
  answer.sent = request_->sent;
  answer.status = reader_.status();
  answer.head = std::move(reader_.head);
  answer.body = std::move(reader_.body);
  answer.failure = failure;
  answer.error = std::move(words);
  if (failure == HttpFailure::none && progress_ == AnswerReader::Progress::malformed) {
    answer.failure = HttpFailure::cut;
    answer.error = reader_.error();
  } else if (failure == HttpFailure::none && progress_ == AnswerReader::Progress::too_large) {
    answer.failure = HttpFailure::too_large;
    answer.error = "answer larger than " + std::to_string(reader_.max_body()) + " bytes";
  }
  used_ = steady_clock::now();
  answer.duration = std::chrono::duration_cast<std::chrono::microseconds>(used_ - request_->started);
  used_before_ = true;
  request_.reset();
  return answer;
}

bool PlainConnection::fit(steady_clock::time_point now) const {
  return request_ == nullptr && progress_ == AnswerReader::Progress::whole && reader_.keeps() && !wants_to_write() &&
         now - used_ < longest_idle && now - opened_ < longest_life;
}

}  // namespace tandem
