#include "target/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>

namespace tandem {
namespace {

bool is_private_v4(std::uint32_t a) {
  const auto in = [a](std::uint32_t network, unsigned bits) { return (a ^ network) >> (32 - bits) == 0; };
  return in(0x00000000, 8) || in(0x0A000000, 8) || in(0x64400000, 10) || in(0x7F000000, 8) || in(0xA9FE0000, 16) ||
         in(0xAC100000, 12) || in(0xC0000000, 24) || in(0xC0A80000, 16) || in(0xC6120000, 15) || a >= 0xE0000000;
}

bool is_private_v6(const std::uint8_t* a) {
  const auto embedded = [a](int at) {
    return std::uint32_t{a[at]} << 24 | std::uint32_t{a[at + 1]} << 16 | std::uint32_t{a[at + 2]} << 8 | a[at + 3];
  };
  static constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  static constexpr std::uint8_t nat64[12] = {0, 0x64, 0xFF, 0x9B};
  static constexpr std::uint8_t zeros[12] = {};
  if (std::memcmp(a, mapped, 12) == 0 || std::memcmp(a, nat64, 12) == 0) return is_private_v4(embedded(12));
  if (std::memcmp(a, zeros, 12) == 0) return true;                      // ::, ::1, IPv4-compatible
  if (a[0] == 0x20 && a[1] == 0x02) return is_private_v4(embedded(2));  // 6to4
  return (a[0] & 0xE0) != 0x20;                                         // only 2000::/3 is global unicast
}

}  // namespace

bool is_private(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return is_private_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    return is_private_v6(v6.sin6_addr.s6_addr);
  }
  return true;
}

}  // namespace tandem
