#include "config/quantity.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

namespace tandem {
namespace {

constexpr bool digit(char c) {
  return c >= '0' && c <= '9';
}

/// The digits at the front of `text`, taken off it.
std::string_view take_digits(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && digit(text[n])) ++n;
  const auto digits = text.substr(0, n);
  text.remove_prefix(n);
  return digits;
}

struct Unit {
  std::string_view name;
  std::int64_t amount;
};
constexpr std::array<Unit, 6> duration_units{
    {{"w", 604'800'000}, {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 7> size_units{{{"GiB", std::int64_t{1} << 30},
                                          {"MiB", 1 << 20},
                                          {"KiB", 1 << 10},
                                          {"B", 1},
                                          {"GB", 1'000'000'000},
                                          {"MB", 1'000'000},
                                          {"KB", 1'000}}};

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with('-')) rest.remove_prefix(1);
  if (rest.empty() || (rest.size() > 1 && rest.front() == '0')) return std::nullopt;
  for (const char c : rest)
    if (!digit(c)) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_decimal(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with('-')) rest.remove_prefix(1);
  const auto whole = take_digits(rest);
  if (whole.empty() || (whole.size() > 1 && whole.front() == '0')) return std::nullopt;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    if (take_digits(rest).empty()) return std::nullopt;
  }
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(1);
    if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
    if (take_digits(rest).empty()) return std::nullopt;
  }
  if (!rest.empty()) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  std::int64_t total = 0;
  std::size_t unit = 0;  // units must fall: 1h30m, not 30m1h
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const auto amount = parse_integer(take_digits(text));
    std::size_t n = 0;
    while (n < text.size() && !digit(text[n])) ++n;
    const auto name = text.substr(0, n);
    text.remove_prefix(n);
    while (unit < duration_units.size() && duration_units[unit].name != name) ++unit;
    if (!amount || unit == duration_units.size()) return std::nullopt;
    std::int64_t part = 0;
    if (__builtin_mul_overflow(*amount, duration_units[unit].amount, &part) ||
        __builtin_add_overflow(total, part, &total))
      return std::nullopt;
    ++unit;
  }
  return std::chrono::milliseconds(total);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto amount = parse_integer(take_digits(text));
  if (!amount) return std::nullopt;
  for (const Unit& unit : size_units)
    if (unit.name == text) {
      std::int64_t bytes = 0;
      if (__builtin_mul_overflow(*amount, unit.amount, &bytes)) return std::nullopt;
      return static_cast<std::uint64_t>(bytes);
    }
  return std::nullopt;
}

std::optional<double> parse_percent(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  return parse_decimal(text);
}

std::string format_duration(std::chrono::milliseconds duration) {
  std::int64_t rest = duration.count();
  if (rest == 0) return "0s";
  std::string text = rest < 0 ? "-" : "";
  if (rest < 0) rest = -rest;
  for (const Unit& unit : duration_units) {
    if (unit.name == "w" || rest < unit.amount) continue;
    text += std::to_string(rest / unit.amount).append(unit.name);
    rest %= unit.amount;
  }
  return text;
}

std::string format_size(std::uint64_t bytes) {
  for (const Unit& unit : {size_units[0], size_units[1], size_units[2]}) {
    const auto amount = static_cast<std::uint64_t>(unit.amount);
    if (bytes < amount) continue;
    if (bytes % amount == 0) return std::to_string(bytes / amount).append(unit.name);
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", static_cast<double>(bytes) / static_cast<double>(amount));
    return std::string(text).append(unit.name);
  }
  return std::to_string(bytes) + "B";
}

}  // namespace tandem
