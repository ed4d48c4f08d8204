#include "intake/signature.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <charconv>

namespace tandem {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

constexpr std::string_view secret_prefix = "whsec_", version = "v1,";

}  // namespace

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string encode_base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(bytes), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

std::string decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > 1 << 20) return {};
  std::string out(text.size() / 4 * 3, '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(text), static_cast<int>(text.size()));
  if (length < 0) return {};
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(static_cast<std::size_t>(length) - padding);
  return out;
}

std::string sign(const Secret& secret, std::string_view id, std::string_view timestamp, std::string_view body) {
  std::string_view text = secret.reveal();
  if (text.starts_with(secret_prefix)) text.remove_prefix(secret_prefix.size());
  const std::string key = decode_base64(text);
  if (key.empty()) return {};
  std::string message;
  message.reserve(id.size() + timestamp.size() + body.size() + 2);
  message.append(id).append(1, '.').append(timestamp).append(1, '.').append(body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(message), message.size(), digest.data(),
       &length);
  return std::string(version) + encode_base64({reinterpret_cast<const char*>(digest.data()), length});
}

bool signed_by(std::span<const Secret> secrets, const SignedMessage& message, WallTime now,
               std::chrono::milliseconds tolerance) {
  std::int64_t seconds = 0;
  const auto* end = message.timestamp.data() + message.timestamp.size();
  const auto [stopped, error] = std::from_chars(message.timestamp.data(), end, seconds);
  constexpr std::int64_t latest = 253'402'300'799;  // the year 9999
  if (error != std::errc{} || stopped != end || seconds < 0 || seconds > latest || message.id.empty()) return false;
  const auto apart = std::chrono::abs(now - WallTime(std::chrono::seconds(seconds)));
  if (apart > tolerance) return false;
  bool good = false;
  for (const Secret& secret : secrets) {  // all of them: the time tells nothing
    const std::string wanted = sign(secret, message.id, message.timestamp, message.body);
    std::string_view rest = message.signatures;
    while (!wanted.empty() && !rest.empty()) {
      const auto blank = std::min(rest.find(' '), rest.size());
      good = same_secret(rest.substr(0, blank), wanted) || good;
      rest.remove_prefix(std::min(blank + 1, rest.size()));
    }
  }
  return good;
}

}  // namespace tandem
