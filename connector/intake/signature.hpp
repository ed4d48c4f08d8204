#pragma once
#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "config/secret.hpp"
#include "model/record.hpp"

namespace tandem {

/// Whether two texts are the same; takes the same time whatever differs.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b);

/// A message as Standard Webhooks 1.0.0 signs it: the headers webhook-id, webhook-timestamp (Unix seconds) and
/// webhook-signature (a list of `v1,BASE64`), and the raw body.
struct SignedMessage {
  std::string_view id, timestamp, signatures, body;
};
/// Whether one of `secrets` (whsec_ and base64) has made one of the signatures, at a time not further from `now` than
/// `tolerance`. Several secrets stand side by side while they are rotated.
[[nodiscard]] bool signed_by(std::span<const Secret> secrets, const SignedMessage& message, WallTime now,
                             std::chrono::milliseconds tolerance);
/// `v1,BASE64` of a message; empty where the secret is not base64.
[[nodiscard]] std::string sign(const Secret& secret, std::string_view id, std::string_view timestamp,
                               std::string_view body);

/// Base64 without line ends; decoding fails to an empty text.
[[nodiscard]] std::string encode_base64(std::string_view bytes);
[[nodiscard]] std::string decode_base64(std::string_view text);

}  // namespace tandem
