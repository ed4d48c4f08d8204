#include "target/http_transfer.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <new>
#include <utility>

#include "target/address.hpp"

namespace tandem {
namespace {

constexpr std::size_t max_head_bytes = std::size_t{256} << 10;  // libcurl 7.88 bounds a line, not their number

/// libcurl's option types are checked by macro magic that -Wold-style-cast dislikes: one place for it.
template <class T>
void set(CURL* handle, CURLoption option, T value) {
  if (curl_easy_setopt(handle, option, value) == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
}

HttpFailure failure_of(CURLcode code, bool sent) {
  switch (code) {
    case CURLE_OK:
      return HttpFailure::none;
    case CURLE_OPERATION_TIMEDOUT:
      return HttpFailure::timeout;
    default:
      return sent ? HttpFailure::cut : HttpFailure::connect;
  }
}

}  // namespace

HttpTransfer::HttpTransfer(const HttpPeer& peer, SocketWatcher& watcher)
    : easy_(curl_easy_init()),
      watcher_(watcher),
      allow_private_(peer.allow_private || !peer.proxy.empty()),
      max_answer_(peer.max_answer_bytes) {
  if (!easy_) throw std::bad_alloc();
  CURL* h = easy_.get();
  set(h, CURLOPT_PRIVATE, this);
  set(h, CURLOPT_ERRORBUFFER, words_.data());
  set(h, CURLOPT_NOSIGNAL, 1L);
  set(h, CURLOPT_PROTOCOLS_STR, "http,https");
  set(h, CURLOPT_FOLLOWLOCATION, 0L);
  set(h, CURLOPT_PATH_AS_IS, 1L);  // ".." is refused when a path is built; nothing is squashed behind our back
  set(h, CURLOPT_TIMEOUT_MS, static_cast<long>(peer.timeout.count()));
  set(h, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(peer.connect_timeout.count()));
  set(h, CURLOPT_HTTP_VERSION,
      peer.http2 ? static_cast<long>(CURL_HTTP_VERSION_2TLS) : static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(h, CURLOPT_PIPEWAIT, peer.http2 ? 1L : 0L);
  set(h, CURLOPT_TCP_KEEPALIVE, 1L);
  set(h, CURLOPT_MAXLIFETIME_CONN, 600L);  // names may move
  set(h, CURLOPT_PROXY, peer.proxy.c_str());
  set(h, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!peer.ca_file.empty()) set(h, CURLOPT_CAINFO, peer.ca_file.c_str());
  set(h, CURLOPT_HEADERFUNCTION, &HttpTransfer::on_header);
  set(h, CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(h, CURLOPT_WRITEFUNCTION, &HttpTransfer::on_body);
  set(h, CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(h, CURLOPT_PREREQFUNCTION, &HttpTransfer::on_request);
  set(h, CURLOPT_PREREQDATA, static_cast<void*>(this));
  set(h, CURLOPT_OPENSOCKETFUNCTION, &HttpTransfer::on_open);
  set(h, CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
  set(h, CURLOPT_CLOSESOCKETFUNCTION, &HttpTransfer::on_close);
  set(h, CURLOPT_CLOSESOCKETDATA, static_cast<void*>(&watcher));
}

void HttpTransfer::reset(HttpClient::RequestId id, std::size_t peer) {
  id_ = id;
  peer_ = peer;
  answer_ = {};
  head_bytes_ = 0;
  requests_ = 0;
  refused_address_ = refused_repeat_ = too_large_ = head_ended_ = withheld_ = false;
  words_[0] = '\0';
  started_ = std::chrono::steady_clock::now();
}

void HttpTransfer::prepare_dial(HttpClient::RequestId id, std::size_t peer, const std::string& url) {
  reset(id, peer);
  set(easy_.get(), CURLOPT_URL, url.c_str());
  set(easy_.get(), CURLOPT_CONNECT_ONLY, 1L);
}

int HttpTransfer::socket() const {
  curl_socket_t fd = CURL_SOCKET_BAD;
  curl_easy_getinfo(easy_.get(), CURLINFO_ACTIVESOCKET, &fd);
  return fd;
}

void HttpTransfer::prepare(HttpClient::RequestId id, std::size_t peer, HttpRequest request, HttpClient::Done done) {
  reset(id, peer);
  request_ = std::move(request);
  done_ = std::move(done);

  CURL* h = easy_.get();
  const std::string& method = request_.method;
  const bool with_body = !request_.body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
  set(h, CURLOPT_URL, request_.url.c_str());
  set(h, CURLOPT_CONNECT_ONLY, 0L);
  if (with_body) {
    set(h, CURLOPT_POST, 1L);
    set(h, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(h, CURLOPT_POSTFIELDS, request_.body.data());
  } else {
    set(h, CURLOPT_HTTPGET, 1L);
    if (method == "HEAD") set(h, CURLOPT_NOBODY, 1L);
  }
  const char* custom = method == (with_body ? "POST" : "GET") || method == "HEAD" ? nullptr : method.c_str();
  set(h, CURLOPT_CUSTOMREQUEST, custom);
  link_headers();
}

/// libcurl reads the list and never writes it, so its nodes may point into our strings.
void HttpTransfer::link_headers() {
  static char no_expect[] =
      "Expect:";  // waiting for "100 Continue" costs a second where the server knows nothing of it
  header_nodes_.clear();
  header_nodes_.reserve(request_.headers.size() + 1);
  for (std::string& line : request_.headers) header_nodes_.push_back({line.data(), nullptr});
  header_nodes_.push_back({no_expect, nullptr});
  for (std::size_t i = 0; i + 1 < header_nodes_.size(); ++i) header_nodes_[i].next = &header_nodes_[i + 1];
  set(easy_.get(), CURLOPT_HTTPHEADER, header_nodes_.data());
}

std::size_t HttpTransfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  const std::string_view line(data, size * count);
  transfer.head_bytes_ += line.size();
  if (transfer.head_bytes_ > max_head_bytes) {
    transfer.too_large_ = true;
    return 0;
  }
  if (line.substr(0, 5) == "HTTP/") {
    transfer.answer_.head.clear();  // an interim answer came before
    transfer.head_ended_ = false;
  } else if (line == "\r\n" || line == "\n") {
    transfer.head_ended_ = true;
  } else {
    transfer.answer_.head += line;
  }
  return line.size();
}

std::size_t HttpTransfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  std::string& body = transfer.answer_.body;
  const std::size_t length = size * count;
  if (body.size() + length > transfer.max_answer_) {
    body.append(data, transfer.max_answer_ - body.size());
    transfer.too_large_ = true;
    return 0;
  }
  body.append(data, length);
  return length;
}

/// Called when a connection is there and the request is about to be written: a second call means that libcurl has found
/// a kept-alive connection dead and would send the request again by itself.
int HttpTransfer::on_request(void* self, char*, char*, int, int) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  if (!transfer.watcher_.may_send()) {
    transfer.withheld_ = true;
    return CURL_PREREQFUNC_ABORT;
  }
  if (++transfer.requests_ > 1 && transfer.request_.repeat == Repeat::never) {
    transfer.refused_repeat_ = true;
    return CURL_PREREQFUNC_ABORT;
  }
  return CURL_PREREQFUNC_OK;
}

/// The address is checked where it is connected to: what a name resolved to a moment ago does not matter.
curl_socket_t HttpTransfer::on_open(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  if (!transfer.allow_private_ && is_private(&address->addr)) {
    transfer.refused_address_ = true;
    return CURL_SOCKET_BAD;
  }
  const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd >= 0) transfer.watcher_.opened(fd);
  return fd;
}

int HttpTransfer::on_close(void* watcher, curl_socket_t fd) {
  static_cast<SocketWatcher*>(watcher)->closed(fd);
  return ::close(fd);
}

HttpAnswer HttpTransfer::take_answer() {
  answer_.sent = requests_ > 0;
  answer_.duration = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_);
  request_ = {};
  return std::move(answer_);
}

HttpAnswer HttpTransfer::finish(CURLcode code) {
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  HttpAnswer answer = take_answer();
  // libcurl takes a head that ends with the connection for a whole answer, and knows the status of interim ones.
  answer.status = status >= 200 && head_ended_ ? static_cast<int>(status) : 0;
  answer.failure = code == CURLE_OK && answer.status == 0 ? HttpFailure::cut : failure_of(code, answer.sent);
  if (too_large_) answer.failure = HttpFailure::too_large;
  if (withheld_) answer.failure = HttpFailure::withheld;
  if (answer.failure == HttpFailure::none) return answer;

  if (too_large_)
    answer.error = "answer larger than " + std::to_string(max_answer_) + " bytes";
  else if (refused_address_ && !answer.sent)
    answer.error = "its address is private and allow_private is false";
  else if (withheld_)
    answer.error = withheld_words;
  else if (refused_repeat_)
    answer.error = "connection closed before an answer";
  else if (code == CURLE_OK)
    answer.error = "connection closed within the head of an answer";
  else
    answer.error = words_[0] != '\0' ? words_.data() : curl_easy_strerror(code);
  return answer;
}

HttpAnswer HttpTransfer::cancelled() {
  HttpAnswer answer = take_answer();
  answer.failure = HttpFailure::cancelled;
  answer.error = "cancelled";
  return answer;
}

}  // namespace tandem
