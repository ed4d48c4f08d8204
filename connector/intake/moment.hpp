#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem {

/// A time as another system writes it: RFC 3339 (with an offset, or without one where it writes none), or whole Unix
/// seconds or milliseconds. Read in order to be compared, and moved back without changing how it is written. Pure.
class Moment {
 public:
  [[nodiscard]] static std::optional<Moment> parse(std::string_view text);

  [[nodiscard]] bool operator<(const Moment& other) const { return micros_ < other.micros_; }
  /// The moment `by` earlier, written as this one was; fractions of a second are dropped, which is earlier still.
  [[nodiscard]] std::string before(std::chrono::milliseconds by) const;

 private:
  enum class Writing : std::uint8_t { zoned, bare, seconds, milliseconds };
  std::int64_t micros_ = 0;  ///< since 1970, in their own zone where they write none
  Writing writing_ = Writing::zoned;
  char between_ = 'T';
};

}  // namespace tandem
