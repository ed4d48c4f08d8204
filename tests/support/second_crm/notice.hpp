#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/second_crm/journal.hpp"

/// What the second CRM tells others of its changes. Pure.
namespace second_crm {

/// Who wants to be told, of what. On the loopback interface, as the second CRM itself.
struct Subscription {
  std::uint16_t port = 0;  ///< 0 = nobody
  std::string path;
  std::string secret;              ///< whsec_ and base64; signs every notice
  std::vector<std::string> types;  ///< empty = all
};

struct Notice {
  std::string id;  ///< the same whenever it is sent again
  std::string body;
};

[[nodiscard]] bool wanted(const Subscription& subscription, const Entry& entry);
/// Of a change that took effect. `object` as it is now; null if it was deleted.
[[nodiscard]] Notice notice_of(const Entry& entry, const Object* object);
/// The `webhook-signature` header by Standard Webhooks; empty if the secret is none.
[[nodiscard]] std::string signature_of(std::string_view secret, const Notice& notice, std::string_view timestamp);

}  // namespace second_crm
