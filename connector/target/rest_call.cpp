#include "target/rest_call.hpp"

#include <utility>
#include <vector>

namespace tandem {
namespace {

HttpPeer peer_of(const TargetSettings& settings) {
  HttpPeer peer;
  peer.proxy = settings.proxy;
  peer.ca_file = settings.ca_file;
  peer.http2 = settings.http2;
  peer.allow_private = settings.allow_private;
  peer.timeout = settings.timeout;
  peer.connect_timeout = settings.connect_timeout;
  peer.max_answer_bytes = settings.max_answer_bytes;
  return peer;
}

std::string fixed_authorization(const AuthSettings& auth, Scrubber& scrubber) {
  scrubber.add(auth.token.reveal());
  scrubber.add(auth.password.reveal());
  switch (auth.kind) {
    case AuthKind::basic: {
      const std::string both = auth.username + ":" + auth.password.reveal();
      scrubber.add(both);
      return "Authorization: Basic " + base64(both);
    }
    case AuthKind::bearer:
      return "Authorization: Bearer " + auth.token.reveal();
    case AuthKind::header:
      return auth.header_name + ": " + auth.token.reveal();
    case AuthKind::none:
    case AuthKind::oauth2:
      break;
  }
  return {};
}

}  // namespace

RestCalls::RestCalls(const TargetSettings& settings, HttpClient& http, Scrubber& scrubber)
    : http_(http),
      peer_(http.add_peer(peer_of(settings))),
      base_url_(settings.url),
      authorization_(fixed_authorization(settings.auth, scrubber)) {
  for (const Secret& secret : settings.secrets) scrubber.add(secret.reveal());
  while (base_url_.ends_with('/')) base_url_.pop_back();
  if (settings.auth.kind == AuthKind::oauth2)
    tokens_ = std::make_unique<TokenSource>(settings.auth, http, peer_, scrubber);
}

RestCalls::~RestCalls() {
  *alive_ = false;
  for (const auto& [id, call] : calls_) http_.cancel(call.http);
}

void RestCalls::send(HttpRequest request, Done done) {
  const CallId id = ++last_;
  request.url.insert(0, base_url_);
  if (!authorization_.empty()) request.headers.push_back(authorization_);
  Call& call = calls_[id];
  call.done = std::move(done);
  if (tokens_) {
    call.request = std::move(request);
    send_with_token(id);
    return;
  }
  call.http = http_.send(peer_, std::move(request), [this, alive = alive_, id](HttpAnswer answer) {
    if (*alive) answered(id, std::move(answer));
  });
}

void RestCalls::send_with_token(CallId id) {
  Call& call = calls_.at(id);
  const std::string_view token = tokens_->token();
  if (token.empty()) {
    call.http = 0;
    tokens_->fetch([this, alive = alive_, id](const TokenFault* fault) {
      if (!*alive || !calls_.contains(id)) return;
      if (fault != nullptr)
        end(id, {{}, *fault});
      else
        send_with_token(id);
    });
    return;
  }
  call.token = token;
  HttpRequest request = call.request;
  request.headers.push_back("Authorization: Bearer " + call.token);
  call.http = http_.send(peer_, std::move(request), [this, alive = alive_, id](HttpAnswer answer) {
    if (*alive) answered(id, std::move(answer));
  });
}

void RestCalls::answered(CallId id, HttpAnswer answer) {
  Call& call = calls_.at(id);
  if (tokens_ && answer.status == 401) {
    tokens_->refused(call.token);
    if (!call.renewed) {
      call.renewed = true;
      send_with_token(id);
      return;
    }
  }
  end(id, {std::move(answer), {}});
}

void RestCalls::end(CallId id, const CallOutcome& outcome) {
  const auto found = calls_.find(id);
  const Done done = std::move(found->second.done);
  calls_.erase(found);
  done(outcome);
}

void RestCalls::abandon() {
  if (tokens_) tokens_->abandon();
  std::vector<HttpClient::RequestId> requests;
  for (const auto& [id, call] : calls_) requests.push_back(call.http);
  for (const HttpClient::RequestId request : requests) http_.cancel(request);
}

}  // namespace tandem
