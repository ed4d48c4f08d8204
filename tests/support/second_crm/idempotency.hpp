#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "support/second_crm/http_message.hpp"
#include "support/second_crm/store.hpp"

/// The Idempotency-Key header (IETF draft of 2025-02): same key and same request, same answer; same key and another
/// request, 422; same key while the first is still running, 409. Only requests that took effect are kept.
namespace second_crm {

/// The key of a header: with or without the quotes of a structured field.
[[nodiscard]] std::string bare_key(std::string_view header);

class Idempotency {
 public:
  explicit Idempotency(std::size_t limit) : limit_(limit) {}

  enum class Finding : std::uint8_t { fresh, repeated, other_request, still_running };
  struct Found {
    Finding finding = Finding::fresh;
    const Reply* reply = nullptr;  ///< of `repeated`
  };
  [[nodiscard]] Found find(const std::string& key, std::string_view fingerprint, Time now) const;
  void keep(const std::string& key, std::string_view fingerprint, Reply reply, Time running_until);

 private:
  struct Kept {
    std::size_t fingerprint;
    Reply reply;
    Time running_until;
  };
  std::size_t limit_;
  std::unordered_map<std::string, Kept> kept_;
  std::deque<std::string> order_;  ///< oldest first
};

}  // namespace second_crm
