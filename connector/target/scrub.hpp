#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tandem {

/// Makes other people's words fit for logs, pages and tables: secrets, also percent-encoded, escaped or in base64, and
/// the credentials of addresses become ***; control characters become blanks; what is not UTF-8 becomes U+FFFD; at most
/// 1,000 bytes.
class Scrubber {
 public:
  /// From now on `secret` is not let through. Empty ones are ignored.
  void add(std::string_view secret);
  [[nodiscard]] std::string clean(std::string_view text) const;
  /// Only that: secrets become ***, all else stays as it is, whatever its length.
  [[nodiscard]] std::string without_secrets(std::string text) const;

 private:
  std::vector<std::string> secrets_;
};

[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace tandem
