#include "http/access.hpp"

#include <algorithm>

namespace tandem::http {
namespace {

/// Takes the same time whatever differs.
bool same(std::string_view a, std::string_view b) {
  std::size_t difference = a.size() ^ b.size();
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<std::size_t>(static_cast<unsigned char>(a[i]) ^
                                           static_cast<unsigned char>(b.empty() ? 0 : b[i % b.size()]));
  return difference == 0;
}

bool is_bearer(std::string_view scheme) {
  constexpr std::string_view word = "bearer ";
  if (scheme.size() < word.size()) return false;
  return std::ranges::equal(scheme.substr(0, word.size()), word,
                            [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

}  // namespace

std::optional<Role> parse_role(std::string_view word) {
  if (word == "viewer") return Role::viewer;
  if (word == "operator") return Role::operate;
  if (word == "admin") return Role::admin;
  return std::nullopt;
}

Access::Access(const std::vector<std::pair<std::string, Secret>>& tokens) {
  for (const auto& [word, token] : tokens)
    if (const auto role = parse_role(word); role && !token.empty()) tokens_.emplace_back(*role, token);
}

std::optional<Role> Access::role_of(std::string_view authorization) const {
  if (tokens_.empty()) return Role::admin;
  if (authorization.empty()) return Role::anyone;
  if (!is_bearer(authorization)) return std::nullopt;
  const std::string_view token = authorization.substr(7);
  std::optional<Role> found;
  for (const auto& [role, secret] : tokens_)  // all of them: the time tells nothing
    if (same(token, secret.reveal())) found = std::max(role, found.value_or(Role::anyone));
  return found;
}

}  // namespace tandem::http
