#include "postgres/rows.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>

#include "postgres/type_oids.hpp"

namespace tandem::postgres {
namespace {

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = (value << 8) | static_cast<std::uint8_t>(byte);
  return value;
}

std::int64_t signed_integer(std::string_view bytes) {
  const std::uint64_t value = big_endian(bytes);
  switch (bytes.size()) {
    case 1:
      return static_cast<std::int64_t>(value);
    case 2:
      return static_cast<std::int16_t>(value);
    case 4:
      return static_cast<std::int32_t>(value);
    case 8:
      return static_cast<std::int64_t>(value);
    default:
      return 0;
  }
}

std::int64_t decimal(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Calls `element(bytes or nullopt-like empty view, is_null)` for each element of a binary one-dimensional array.
template <class Element>
void each_binary_element(std::string_view bytes, Element element) {
  const auto take = [&bytes](std::size_t count) {
    const std::string_view taken = bytes.substr(0, std::min(count, bytes.size()));
    bytes.remove_prefix(taken.size());
    return taken;
  };
  if (bytes.size() < 12 || big_endian(take(4)) != 1) return;
  take(8);  // has-nulls flag and element type
  const std::uint64_t count = big_endian(take(4));
  take(4);  // lower bound
  for (std::uint64_t i = 0; i < count && bytes.size() >= 4; ++i) {
    const auto size = static_cast<std::int32_t>(big_endian(take(4)));
    if (size < 0)
      element(std::string_view{}, true);
    else
      element(take(static_cast<std::size_t>(size)), false);
  }
}

// The same for the text form, {1,"a \"b\"",NULL}.
template <class Element>
void each_text_element(std::string_view text, Element element) {
  if (text.size() < 2 || text.front() != '{') return;
  std::string word;
  bool quoted = false, in_quotes = false, any = false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (in_quotes) {
      if (c == '\\' && i + 1 < text.size())
        word += text[++i];
      else if (c == '"')
        in_quotes = false;
      else
        word += c;
    } else if (c == '"') {
      in_quotes = quoted = any = true;
    } else if (c == ',' || c == '}') {
      if (any) element(std::string_view(word), !quoted && word == "NULL");
      word.clear();
      quoted = false;
      any = c == ',';
    } else {
      word += c;
      any = true;
    }
  }
}

// 2000-01-01 00:00:00 UTC, where PostgreSQL counts from.
constexpr std::chrono::sys_days postgres_epoch{std::chrono::year{2000} / 1 / 1};

WallTime from_text(std::string_view text) {
  // 2026-11-22 01:02:03.456789+00
  int parts[6] = {0, 1, 1, 0, 0, 0};
  std::size_t at = 0;
  for (int& part : parts) {
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), part);
    if (error != std::errc{}) return {};
    at = std::min(static_cast<std::size_t>(end - text.data()) + 1, text.size());
  }
  std::int64_t micros = 0;
  if (at > 0 && at < text.size() && text[at - 1] == '.') {
    int digits = 0;
    for (; digits < 6; ++digits) {
      const bool more = at < text.size() && text[at] >= '0' && text[at] <= '9';
      micros = micros * 10 + (more ? text[at++] - '0' : 0);
    }
  }
  using namespace std::chrono;
  const sys_days day{year{parts[0]} / month{static_cast<unsigned>(parts[1])} /
                     std::chrono::day{static_cast<unsigned>(parts[2])}};
  return WallTime{day + hours{parts[3]} + minutes{parts[4]} + seconds{parts[5]} + microseconds{micros}};
}

}  // namespace

void Rows::Clear::operator()(pg_result* result) const {
  PQclear(result);
}

Rows::Rows(pg_result* result) : result_(result) {}

int Rows::size() const {
  return PQntuples(result_.get());
}
int Rows::columns() const {
  return PQnfields(result_.get());
}
bool Rows::has(int row, int column) const {
  return row >= 0 && row < size() && column >= 0 && column < columns();
}
bool Rows::binary(int column) const {
  return PQfformat(result_.get(), column) == 1;
}
bool Rows::null(int row, int column) const {
  return !has(row, column) || PQgetisnull(result_.get(), row, column) == 1;
}

std::string_view Rows::text(int row, int column) const {
  if (null(row, column)) return {};
  std::string_view value(PQgetvalue(result_.get(), row, column),
                         static_cast<std::size_t>(PQgetlength(result_.get(), row, column)));
  if (!value.empty() && binary(column) && PQftype(result_.get(), column) == oid::jsonb) value.remove_prefix(1);
  return value;
}

std::int64_t Rows::number(int row, int column) const {
  const std::string_view value = text(row, column);
  return !value.empty() && binary(column) ? signed_integer(value) : decimal(value);
}

bool Rows::flag(int row, int column) const {
  const std::string_view value = text(row, column);
  return !value.empty() && (value[0] == 't' || value[0] == '\1');
}

RecordId Rows::uuid(int row, int column) const {
  const std::string_view value = text(row, column);
  if (!value.empty() && binary(column)) {
    RecordId id;
    std::memcpy(id.bytes.data(), value.data(), std::min(value.size(), id.bytes.size()));
    return id;
  }
  return parse_record_id(value).value_or(RecordId{});
}

WallTime Rows::time(int row, int column) const {
  const std::string_view value = text(row, column);
  if (value.empty()) return {};
  if (!binary(column)) return from_text(value);
  return WallTime{postgres_epoch + std::chrono::microseconds{signed_integer(value)}};
}

std::vector<std::int64_t> Rows::numbers(int row, int column) const {
  std::vector<std::int64_t> out;
  const std::string_view value = text(row, column);
  if (value.empty()) return out;
  if (binary(column))
    each_binary_element(value, [&out](std::string_view element, bool is_null) {
      if (!is_null) out.push_back(signed_integer(element));
    });
  else
    each_text_element(value, [&out](std::string_view element, bool is_null) {
      if (!is_null) out.push_back(decimal(element));
    });
  return out;
}

std::vector<std::string> Rows::texts(int row, int column) const {
  std::vector<std::string> out;
  const std::string_view value = text(row, column);
  if (value.empty()) return out;
  const auto keep = [&out](std::string_view element, bool is_null) {
    out.emplace_back(is_null ? std::string_view{} : element);
  };
  if (binary(column))
    each_binary_element(value, keep);
  else
    each_text_element(value, keep);
  return out;
}

int Rows::column(std::string_view name) const {
  for (int i = 0; i < columns(); ++i)
    if (name == PQfname(result_.get(), i)) return i;
  return -1;
}

std::int64_t Rows::affected() const {
  return result_ ? decimal(PQcmdTuples(result_.get())) : 0;
}

}  // namespace tandem::postgres
