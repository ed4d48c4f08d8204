#include "apply/plain_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>

namespace tandem {
namespace {

/// The characters of a string token that holds no escape.
std::optional<std::string_view> characters(std::string_view json) {
  if (json.size() < 2 || json.front() != '"' || json.find('\\') != std::string_view::npos) return std::nullopt;
  return json.substr(1, json.size() - 2);
}

/// `limit`: how many characters the column takes, and what follows.
std::string plain_text(std::string_view limit, std::string_view json) {
  const auto text = characters(json);
  std::ptrdiff_t most = 0;
  if (!text || std::from_chars(limit.data(), limit.data() + limit.size(), most).ec != std::errc()) return {};
  const auto length =
      std::ranges::count_if(*text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U; });
  return length <= most ? std::string(json) : std::string();
}

bool digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Without a leading zero; not "-0".
bool is_whole_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  text.remove_prefix(negative ? 1 : 0);
  return digits(text) && (text.front() != '0' || (text.size() == 1 && !negative));
}

/// Also a string that holds one, as a key of ours is kept.
template <class Integer>
std::string plain_integer(std::string_view json) {
  const auto text = characters(json).value_or(json);
  Integer value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool fits = wrong == std::errc() && end == text.data() + text.size();
  return fits && is_whole_number(text) ? std::string(text) : std::string();
}

/// numeric(precision,scale): with as many places as the column has.
std::string plain_numeric(TypeName type, std::string_view json) {
  constexpr std::string_view prefix = "numeric(";
  std::size_t precision = 0, scale = 0;
  const char* const end = type.data() + type.size();
  const auto first = std::from_chars(type.data() + prefix.size(), end, precision);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ',') return {};
  if (std::from_chars(first.ptr + 1, end, scale).ec != std::errc() || scale > precision) return {};
  const auto point = json.find('.');
  const auto whole = json.substr(0, point);
  const auto fraction = point == std::string_view::npos ? std::string_view() : json.substr(point + 1);
  const auto whole_digits = whole.size() - (whole.starts_with('-') ? 1 : 0);
  const bool plain = is_whole_number(whole) && fraction.size() == scale &&
                     (scale == 0 ? point == std::string_view::npos : digits(fraction));
  return plain && whole_digits <= precision - scale ? std::string(json) : std::string();
}

/// A day between 1000-01-01 and 9999-12-31, as ISO writes it.
std::string plain_date(std::string_view json) {
  const auto text = characters(json);
  if (!text || text->size() != 10 || (*text)[4] != '-' || (*text)[7] != '-') return {};
  const auto number = [&](std::size_t at, std::size_t length) {
    const auto part = text->substr(at, length);
    unsigned value = 0;
    if (digits(part)) std::from_chars(part.data(), part.data() + part.size(), value);
    return value;
  };
  const unsigned year = number(0, 4), month = number(5, 2), day = number(8, 2);
  constexpr std::array<unsigned, 12> lengths{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1000 || month < 1 || month > 12 || day < 1) return {};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= lengths.at(month - 1) + (month == 2 && leap ? 1U : 0U) ? std::string(json) : std::string();
}

}  // namespace

std::string plain_value(TypeName type, std::string_view json) {
  constexpr std::string_view limited = "character varying(";
  if (type.empty()) return {};
  if (json == "null") return "null";
  if (type == "text" || type == "character varying") return characters(json) ? std::string(json) : std::string();
  if (type.starts_with(limited)) return plain_text(type.substr(limited.size()), json);
  if (type == "bigint") return plain_integer<std::int64_t>(json);
  if (type == "integer") return plain_integer<std::int32_t>(json);
  if (type == "smallint") return plain_integer<std::int16_t>(json);
  if (type == "boolean") return json == "true" || json == "false" ? std::string(json) : std::string();
  if (type.starts_with("numeric(")) return plain_numeric(type, json);
  if (type == "date") return plain_date(json);
  return {};
}

}  // namespace tandem
