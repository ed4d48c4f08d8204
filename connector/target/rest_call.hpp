#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "config/settings.hpp"
#include "target/http_client.hpp"
#include "target/scrub.hpp"
#include "target/token_source.hpp"

namespace tandem {

/// How a call ended: an answer, or no token to send it with.
struct CallOutcome {
  HttpAnswer answer;
  std::optional<TokenFault> fault;
};

/// Calls of one target with its credentials. A token that is refused (401) is renewed once, and the call repeated with
/// the new one: an unauthorised request had no effect.
class RestCalls {
 public:
  using Done = std::function<void(const CallOutcome&)>;

  RestCalls(const TargetSettings& settings, HttpClient& http, Scrubber& scrubber);
  ~RestCalls();
  RestCalls(const RestCalls&) = delete;
  RestCalls& operator=(const RestCalls&) = delete;

  /// `request.url` is a path below the target's address. `done` is called in a later turn, or from `abandon`.
  void send(HttpRequest request, Done done);
  void abandon();

 private:
  using CallId = std::uint64_t;
  struct Call {
    HttpRequest request;  ///< kept where it may have to be repeated
    Done done;
    std::string token;
    HttpClient::RequestId http = 0;
    bool renewed = false;
  };
  void send_with_token(CallId id);
  void answered(CallId id, HttpAnswer answer);
  void end(CallId id, const CallOutcome& outcome);

  HttpClient& http_;
  const HttpClient::PeerId peer_;
  std::string base_url_;
  std::string authorization_;  ///< header line of fixed credentials
  std::unique_ptr<TokenSource> tokens_;
  std::unordered_map<CallId, Call> calls_;
  CallId last_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace tandem
