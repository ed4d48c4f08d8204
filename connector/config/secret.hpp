#pragma once
#include <string>
#include <utility>

namespace tandem {

/// A password, token or key. Streams and formats as `***`; the value leaves only through `reveal`.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  [[nodiscard]] const std::string& reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  std::string value_;
};

inline std::string to_string(const Secret& secret) {
  return secret.empty() ? "" : "***";
}

}  // namespace tandem
