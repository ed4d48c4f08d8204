#include "support/second_crm/access.hpp"

#include <array>

namespace second_crm {
namespace {

std::string base64(std::string_view text) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, text.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < left ? static_cast<unsigned char>(text[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out.push_back(k <= left ? alphabet[(bits >> (18 - 6 * k)) & 63] : '=');
  }
  return out;
}

Reply oauth_error(int status, std::string_view code) {
  Reply reply{.status = status};
  reply.body = "{\"error\":\"" + std::string(code) + "\"}";
  return reply;
}

}  // namespace

bool Access::allows(std::string_view authorization, Time now) const {
  if (settings_.token.empty() && settings_.client_id.empty()) return true;
  constexpr std::string_view scheme = "Bearer ";
  if (!authorization.starts_with(scheme)) return false;
  const std::string token(authorization.substr(scheme.size()));
  if (!settings_.token.empty() && token == settings_.token) return true;
  const auto found = ends_.find(token);
  return found != ends_.end() && now < found->second;
}

Reply Access::grant(const Request& request, Time now) {
  if (settings_.client_id.empty()) return oauth_error(404, "invalid_request");
  if (parameter(request.body, "grant_type") != "client_credentials") return oauth_error(400, "unsupported_grant_type");
  const bool basic = request.authorization == "Basic " + base64(settings_.client_id + ':' + settings_.client_secret);
  const bool form = parameter(request.body, "client_id") == settings_.client_id &&
                    parameter(request.body, "client_secret") == settings_.client_secret;
  if (!basic && !form) return oauth_error(401, "invalid_client");
  const std::string token = "granted-" + std::to_string(++granted_);
  ends_[token] = now + settings_.token_life;
  Reply reply;
  reply.headers = {{"Cache-Control", "no-store"}};
  reply.body = "{\"access_token\":\"" + token +
               "\",\"token_type\":\"Bearer\",\"expires_in\":" + std::to_string(settings_.token_life.count()) + "}";
  return reply;
}

}  // namespace second_crm
