#pragma once

struct sockaddr;

namespace tandem {

/// Whether an address lies outside the public internet: loopback, private, shared, link-local (the cloud's metadata
/// service among them), multicast, reserved, also where IPv6 wraps an IPv4 address. An unknown family counts as
/// private.
[[nodiscard]] bool is_private(const sockaddr* address);

}  // namespace tandem
