#pragma once
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "config/secret.hpp"

namespace tandem::http {

/// What a caller may do; each role may do what the ones before it may.
enum class Role { anyone, viewer, operate, admin };

[[nodiscard]] std::optional<Role> parse_role(std::string_view word);

/// Bearer tokens and their roles. Without any token everybody on the listening address is an admin: it is loopback then
/// (the configuration sees to that).
class Access {
 public:
  explicit Access(const std::vector<std::pair<std::string, Secret>>& tokens);

  /// The caller's role by its Authorization header; nullopt: a token that nobody has.
  [[nodiscard]] std::optional<Role> role_of(std::string_view authorization) const;

 private:
  std::vector<std::pair<Role, Secret>> tokens_;
};

}  // namespace tandem::http
