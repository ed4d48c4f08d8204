#include "target/address.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

namespace tandem {
namespace {

bool private_text(const char* text) {
  sockaddr_storage storage{};
  const bool v6 = std::strchr(text, ':') != nullptr;
  storage.ss_family = v6 ? AF_INET6 : AF_INET;
  auto* const bytes = static_cast<char*>(static_cast<void*>(&storage)) +
                      (v6 ? offsetof(sockaddr_in6, sin6_addr) : offsetof(sockaddr_in, sin_addr));
  EXPECT_EQ(inet_pton(storage.ss_family, text, bytes), 1) << text;
  return is_private(static_cast<const sockaddr*>(static_cast<const void*>(&storage)));
}

TEST(Address, KnowsThePublicInternet) {
  for (const char* address :
       {"8.8.8.8", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "192.167.1.1",
        "223.255.255.255", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"})
    EXPECT_FALSE(private_text(address)) << address;
}

TEST(Address, KnowsWhatIsNot) {
  for (const char* address : {"0.0.0.0",
                              "10.1.2.3",
                              "100.64.0.1",
                              "127.0.0.1",
                              "127.255.255.255",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.1",
                              "192.168.0.1",
                              "198.18.0.1",
                              "224.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "fe80::1",
                              "fc00::1",
                              "fd12::1",
                              "ff02::1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1",
                              "::7f00:1",
                              "64:ff9b::a00:1",
                              "2002:7f00:1::1",
                              "fec0::1"})
    EXPECT_TRUE(private_text(address)) << address;
  sockaddr_storage other{};
  other.ss_family = AF_UNIX;
  EXPECT_TRUE(is_private(static_cast<const sockaddr*>(static_cast<const void*>(&other))));
}

}  // namespace
}  // namespace tandem
