#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Amounts as people write them in the configuration and on the command line. Everything that is not exactly one of
/// these forms is nullopt: no sign, blank, octal, hexadecimal or sexagesimal form slips through.
namespace tandem {

[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);  ///< 0, 42, -7; not 007, 1_000, 0x10
[[nodiscard]] std::optional<double> parse_decimal(std::string_view text);        ///< 0.5, 2, 1e3; not .5, .inf
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(
    std::string_view text);                                                    ///< 250ms, 30s, 1h30m, 14d
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);  ///< 512B, 64KiB, 1MiB, 2GiB, 10MB
[[nodiscard]] std::optional<double> parse_percent(std::string_view text);      ///< 12.5% → 12.5

/// The shortest exact spelling: 1h30m, 250ms.
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);
[[nodiscard]] std::string format_size(std::uint64_t bytes);  ///< 1MiB; 1.5KiB

}  // namespace tandem
