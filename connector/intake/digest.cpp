#include "intake/digest.hpp"

#include <openssl/sha.h>

#include <array>

namespace tandem {

std::string digest(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const std::string_view part : parts) all.append(std::to_string(part.size())).append(1, ':').append(part);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> bytes{};
  SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(), bytes.data());
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < 16; ++i) {
    out += digits[bytes.at(i) >> 4U];
    out += digits[bytes.at(i) & 15U];
  }
  return out;
}

}  // namespace tandem
