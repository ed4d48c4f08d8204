#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "target/http_client.hpp"

namespace tandem {

/// A request that goes over a connection of ours instead of through libcurl's whole machine (docs/decisions/0005):
/// waiting for a connection, or on one.
class PlainRequest {
 public:
  /// Whether it can be one: http without a proxy, a URL without credentials and odd letters, no header of its own that
  /// frames the message.
  [[nodiscard]] static bool suits(const HttpPeer& peer, const HttpRequest& request);

  /// One that suits.
  PlainRequest(HttpClient::RequestId its_id, HttpClient::PeerId to, HttpRequest what, HttpClient::Done tell);

  [[nodiscard]] std::string_view authority() const;  ///< host[:port] as in the URL
  /// All before the body; replaces what `head` holds.
  void print_head(std::string& head) const;

  const HttpClient::RequestId id;
  const HttpClient::PeerId peer;
  const HttpRequest request;
  HttpClient::Done done;
  const std::chrono::steady_clock::time_point started;
  bool sent = false;

 private:
  const std::size_t authority_size_;
};

}  // namespace tandem
