#include "support/second_crm/notice.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

namespace second_crm {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string decoded(std::string_view base64) {
  std::string out(base64.size() / 4 * 3, '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(base64), static_cast<int>(base64.size()));
  const auto padding = static_cast<std::size_t>(std::ranges::count(base64, '='));
  out.resize(size < 0 ? 0 : static_cast<std::size_t>(size) - padding);
  return out;
}

std::string encoded(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(bytes), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string_view what_happened(const Entry& entry) {
  if (entry.operation == Operation::remove) return "delete";
  return entry.version == 1 ? "create" : "update";
}

/// The object as it is now, and null for what it has no more: whoever is told must not keep it.
std::string image(const Object& object) {
  std::string out = print(object);
  out.pop_back();
  for (const auto& name : object.cleared) {
    out += ',';
    append_json_string(out, name);
    out += ":null";
  }
  return out + '}';
}

}  // namespace

bool wanted(const Subscription& subscription, const Entry& entry) {
  return subscription.port != 0 && entry.in_effect &&
         (subscription.types.empty() || std::ranges::find(subscription.types, entry.type) != subscription.types.end());
}

Notice notice_of(const Entry& entry, const Object* object) {
  Notice notice{.id = "evt_" + std::to_string(entry.number), .body = "{\"type\":"};
  append_json_string(notice.body, entry.type);
  notice.body += ",\"operation\":\"" + std::string(what_happened(entry)) + "\",\"id\":";
  append_json_string(notice.body, entry.id);
  notice.body += ",\"version\":" + std::to_string(entry.version) + ",\"data\":";
  notice.body += (object == nullptr ? "null" : image(*object)) + '}';
  return notice;
}

std::string signature_of(std::string_view secret, const Notice& notice, std::string_view timestamp) {
  constexpr std::string_view prefix = "whsec_";
  if (!secret.starts_with(prefix)) return {};
  const std::string key = decoded(secret.substr(prefix.size()));
  const std::string message = notice.id + '.' + std::string(timestamp) + '.' + notice.body;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(message), message.size(), digest.data(), &size);
  return "v1," + encoded({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace second_crm
