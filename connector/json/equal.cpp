#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/scan.hpp"
#include "json/text.hpp"

namespace tandem::json {
namespace {

/// A number as digits · 10^exponent, without zeros at either end; no digits = zero.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t exponent = 0;
  bool exact = true;  ///< false: the exponent does not fit
  bool operator==(const Decimal&) const = default;
};

Decimal decimal(std::string_view token) {
  Decimal out;
  std::size_t i = 0;
  if (i < token.size() && token[i] == '-') out.negative = true, ++i;
  bool fraction = false;
  for (; i < token.size() && token[i] != 'e' && token[i] != 'E'; ++i) {
    if (token[i] == '.') {
      fraction = true;
      continue;
    }
    if (fraction) --out.exponent;
    if (token[i] != '0' || !out.digits.empty()) out.digits += token[i];
  }
  if (i < token.size()) {
    ++i;
    const bool negative = i < token.size() && token[i] == '-';
    if (i < token.size() && (token[i] == '-' || token[i] == '+')) ++i;
    std::int64_t exponent = 0;
    for (; i < token.size(); ++i) {
      if (exponent > 1'000'000'000'000)
        out.exact = false;
      else
        exponent = exponent * 10 + (token[i] - '0');
    }
    out.exponent += negative ? -exponent : exponent;
  }
  while (!out.digits.empty() && out.digits.back() == '0') {
    out.digits.pop_back();
    ++out.exponent;
  }
  if (out.digits.empty()) return {};
  return out;
}

bool equal_scalars(std::string_view a, std::string_view b) {
  if (a == b) return true;
  switch (kind_of(a)) {
    case Kind::number: {
      const Decimal left = decimal(a), right = decimal(b);
      return left.exact && right.exact && left == right;
    }
    case Kind::string: {
      const Result<std::string> left = unquote(a), right = unquote(b);
      return left && right && *left == *right;
    }
    default:
      return false;
  }
}

/// By key with escapes undone, one per key, the last as in jsonb.
std::vector<std::pair<std::string, std::string_view>> sorted(const std::vector<Member>& members) {
  std::vector<std::pair<std::string, std::string_view>> out;
  out.reserve(members.size());
  for (const Member& m : members) {
    Result<std::string> key = unquote('"' + std::string(m.key) + '"');
    out.emplace_back(key ? std::move(*key) : std::string(m.key), m.value);
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
  const auto last =
      std::unique(out.rbegin(), out.rend(), [](const auto& x, const auto& y) { return x.first == y.first; });
  out.erase(out.begin(), last.base());
  return out;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \n\t\r";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

bool equal(std::string_view a, std::string_view b) {
  if (!validate(a) || !validate(b)) return false;
  std::vector<std::pair<std::string_view, std::string_view>> open{{trimmed(a), trimmed(b)}};
  while (!open.empty()) {
    const auto [left, right] = open.back();
    open.pop_back();
    if (kind_of(left) != kind_of(right)) return false;
    if (left == right) continue;
    if (kind_of(left) == Kind::object) {
      const auto x = members(left), y = members(right);
      const auto l = sorted(*x), r = sorted(*y);
      if (l.size() != r.size()) return false;
      for (std::size_t i = 0; i < l.size(); ++i) {
        if (l[i].first != r[i].first) return false;
        open.emplace_back(l[i].second, r[i].second);
      }
    } else if (kind_of(left) == Kind::array) {
      const auto x = elements(left), y = elements(right);
      if (x->size() != y->size()) return false;
      for (std::size_t i = 0; i < x->size(); ++i) open.emplace_back((*x)[i], (*y)[i]);
    } else if (!equal_scalars(left, right)) {
      return false;
    }
  }
  return true;
}

}  // namespace tandem::json
