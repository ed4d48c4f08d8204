#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "model/record.hpp"
#include "model/state.hpp"
#include "target/http_client.hpp"
#include "target/scrub.hpp"

namespace tandem {

/// Why there is no token. The attempt that wanted one was not sent.
struct TokenFault {
  ErrorClass error = ErrorClass::auth;
  std::string description;
  std::optional<std::chrono::milliseconds> retry_after;
};

/// OAuth 2 access tokens of one target: fetched once for all who wait (RFC 6749, 4.3, 4.4, 6), kept until shortly
/// before they expire. A rotated refresh token replaces the configured one, and is written back to its file, before it
/// is used. After a failure the endpoint is left alone for a moment; everybody who asks meanwhile gets the same fault.
class TokenSource {
 public:
  using Ready = std::function<void(const TokenFault* fault)>;  ///< nullptr: there is a token now

  TokenSource(const AuthSettings& settings, HttpClient& http, HttpClient::PeerId peer, Scrubber& scrubber);
  ~TokenSource();
  TokenSource(const TokenSource&) = delete;
  TokenSource& operator=(const TokenSource&) = delete;

  /// The token, while it is good; else empty.
  [[nodiscard]] std::string_view token() const;
  /// `ready` is called in a later turn.
  void fetch(Ready ready);
  /// The target refused this token: it is dropped, unless a newer one has taken its place.
  void refused(std::string_view token);
  /// Who waits is told that the fetch is off.
  void abandon();

 private:
  [[nodiscard]] HttpRequest request() const;
  void answered(const HttpAnswer& answer);
  void tell(const TokenFault* fault);
  [[nodiscard]] std::string save_refresh_token(const std::string& token) const;

  const AuthSettings settings_;
  HttpClient& http_;
  const HttpClient::PeerId peer_;
  Scrubber& scrubber_;
  std::string refresh_token_;
  std::string token_;
  SteadyTime good_until_{};
  std::vector<Ready> waiting_;
  HttpClient::RequestId fetching_ = 0;
  TokenFault last_fault_;
  SteadyTime quiet_until_{};
  std::chrono::milliseconds quiet_{0};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace tandem
