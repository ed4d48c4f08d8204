#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "support/second_crm/http_message.hpp"
#include "support/second_crm/store.hpp"

/// Who may call: one fixed bearer token, or OAuth2 client credentials (RFC 6749 section 4.4) with short-lived tokens.
namespace second_crm {

struct AccessSettings {
  std::string token;                     ///< fixed bearer token; empty = none
  std::string client_id, client_secret;  ///< empty = no OAuth2
  std::chrono::seconds token_life{3600};
};

/// With neither a token nor a client everybody may call.
class Access {
 public:
  explicit Access(AccessSettings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] bool allows(std::string_view authorization, Time now) const;
  /// POST /oauth/token with grant_type=client_credentials, the client in Basic authorization or in the form.
  [[nodiscard]] Reply grant(const Request& request, Time now);
  /// Every token given out so far ends now.
  void revoke() { ends_.clear(); }
  /// The fixed token becomes another one, as after a rotation of secrets.
  void set_token(std::string token) { settings_.token = std::move(token); }

 private:
  AccessSettings settings_;
  std::unordered_map<std::string, Time> ends_;
  std::uint64_t granted_ = 0;
};

}  // namespace second_crm
