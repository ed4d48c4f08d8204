#include "target/plain_requests.hpp"

#include <algorithm>

namespace tandem {

PlainRequests::PlainRequests(EventPoll& poll, CurlRequests& curl, std::size_t max_connections,
                             std::function<bool()> may_send)
    : poll_(poll), curl_(curl), max_connections_(max_connections), may_send_(std::move(may_send)) {}

void PlainRequests::add_peer(const HttpPeer& settings) {
  peers_.push_back({&settings, {}, {}});
}

void PlainRequests::send(std::unique_ptr<PlainRequest> request) {
  note_end(*request);
  if (PlainConnection* kept = take_kept(*request))
    write(*kept, std::move(request));
  else
    dial(std::move(request));
}

void PlainRequests::note_end(const PlainRequest& request) {
  Peer& peer = peers_[request.peer];
  peer.ends.emplace_back(request.started + peer.settings->timeout, request.id);
  // One that is slow must not let all that have ended behind it pile up.
  if (peer.ends.size() > 4096 + 4 * (on_wire_.size() + dialling_.size()))
    std::erase_if(peer.ends, [&](const auto& end) { return end.second != request.id && !open(end.second); });
}

PlainConnection* PlainRequests::take_kept(const PlainRequest& request) {
  auto& kept = peers_[request.peer].kept;
  for (std::size_t i = kept.size(); i-- > 0;) {
    PlainConnection& connection = *at(kept[i]).link;
    if (connection.authority() != request.authority()) continue;
    if (!connection.silent(request.started)) {
      drop(connection);
      continue;
    }
    kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(i));
    --kept_;
    return &connection;
  }
  return nullptr;
}

void PlainRequests::dial(std::unique_ptr<PlainRequest> request) {
  const HttpClient::RequestId id = request->id;
  const HttpClient::PeerId peer = request->peer;
  const std::string& url = request->request.url;
  dialling_.emplace(id, std::move(request));
  curl_.dial(id, peer, url, [this, id](int fd, HttpAnswer why_not) { dialled(id, fd, std::move(why_not)); });
}

void PlainRequests::dialled(HttpClient::RequestId id, int fd, HttpAnswer why_not) {
  const auto found = dialling_.find(id);
  std::unique_ptr<PlainRequest> request = std::move(found->second);
  dialling_.erase(found);
  if (fd < 0) {
    why_not.sent = request->sent;  // over the connection before this one
    if (why_not.sent && why_not.failure == HttpFailure::connect) why_not.failure = HttpFailure::cut;
    return request->done(std::move(why_not));
  }
  const auto place = static_cast<std::size_t>(fd);
  if (place >= connections_.size()) connections_.resize(place + 1);
  connections_[place] = {std::make_unique<PlainConnection>(fd, request->peer, std::string(request->authority()),
                                                           peers_[request->peer].settings->max_answer_bytes),
                         0};
  write(*connections_[place].link, std::move(request));
}

void PlainRequests::write(PlainConnection& connection, std::unique_ptr<PlainRequest> request) {
  if (may_send_()) {
    on_wire_.emplace(request->id, connection.fd());
    connection.begin(std::move(request));
    return listen(connection);
  }
  keep_or_drop(connection);
  withheld_.push_back(std::move(request));
}

void PlainRequests::listen(const PlainConnection& connection) {
  Connection& state = at(connection.fd());
  const std::uint32_t events = EPOLLIN | (connection.wants_to_write() ? EPOLLOUT : 0U);
  poll_.want(connection.fd(), events, state.registered);
  state.registered = events;
}

void PlainRequests::keep_or_drop(const PlainConnection& connection) {
  if (!connection.fit() || kept_ >= max_connections_) return drop(connection);
  listen(connection);  // for its end
  peers_[connection.peer()].kept.push_back(connection.fd());
  ++kept_;
}

void PlainRequests::drop(const PlainConnection& connection) {
  const int fd = connection.fd();
  kept_ -= std::erase(peers_[connection.peer()].kept, fd);
  at(fd) = {};  // closes it, which takes it out of epoll
}

bool PlainRequests::owns(int fd) const {
  const auto place = static_cast<std::size_t>(fd);
  return place < connections_.size() && connections_[place].link;
}

void PlainRequests::socket_ready(int fd, std::uint32_t events) {
  PlainConnection& connection = *at(fd).link;
  if (connection.request() == nullptr) return drop(connection);  // its end, or bytes that nobody has asked for
  if (events & EPOLLOUT) {
    connection.write();
    listen(connection);
  }
  if ((events & ~std::uint32_t{EPOLLOUT}) == 0) return;
  switch (connection.read()) {
    case PlainConnection::Progress::more:
      return;
    case PlainConnection::Progress::ended:
      return end(connection, HttpFailure::none, {});
    case PlainConnection::Progress::repeat: {
      auto request = connection.take_request();
      on_wire_.erase(request->id);
      drop(connection);
      return dial(std::move(request));
    }
  }
}

void PlainRequests::end(PlainConnection& connection, HttpFailure failure, std::string words) {
  on_wire_.erase(connection.request()->id);
  const HttpClient::Done done = std::move(connection.request()->done);
  HttpAnswer answer = connection.take_answer(failure, std::move(words));
  keep_or_drop(connection);
  done(std::move(answer));
}

bool PlainRequests::give_up(HttpClient::RequestId id, HttpFailure failure, const std::string& words) {
  if (const auto found = on_wire_.find(id); found != on_wire_.end()) {
    end(*at(found->second).link, failure, words);
    return true;
  }
  std::unique_ptr<PlainRequest> request;
  if (const auto found = dialling_.find(id); found != dialling_.end()) {
    request = std::move(found->second);
    dialling_.erase(found);
    curl_.abandon(id);
  } else {
    const auto waits = std::ranges::find(withheld_, id, [](const auto& each) { return each->id; });
    if (waits == withheld_.end()) return false;
    request = std::move(*waits);
    withheld_.erase(waits);
  }
  HttpAnswer answer;
  answer.failure = failure;
  answer.error = words;
  answer.sent = request->sent;
  answer.duration = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - request->started);
  request->done(std::move(answer));
  return true;
}

bool PlainRequests::finish_withheld() {
  const bool any = !withheld_.empty();
  for (std::size_t left = withheld_.size(); left > 0 && !withheld_.empty(); --left) {
    const std::unique_ptr<PlainRequest> request = std::move(withheld_.front());
    withheld_.pop_front();
    HttpAnswer answer;
    answer.failure = HttpFailure::withheld;
    answer.error = withheld_words;
    answer.sent = request->sent;
    request->done(std::move(answer));
  }
  return any;
}

bool PlainRequests::end_late_ones() {
  const auto now = Clock::now();
  bool any = false;
  for (std::size_t peer = 0; peer < peers_.size(); ++peer)
    while (!peers_[peer].ends.empty()) {
      const auto [end, id] = peers_[peer].ends.front();
      const bool late = open(id);
      if (late && end > now) break;
      peers_[peer].ends.pop_front();
      any |= late;
      if (late)
        give_up(id, HttpFailure::timeout,
                "no whole answer within " + std::to_string(peers_[peer].settings->timeout.count()) + " ms");
    }
  return any;
}

PlainRequests::Clock::time_point PlainRequests::first_end() const {
  auto first = Clock::time_point::max();
  for (const Peer& peer : peers_)
    if (!peer.ends.empty()) first = std::min(first, peer.ends.front().first);
  return first;
}

}  // namespace tandem
