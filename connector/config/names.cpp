#include "config/sections.hpp"

namespace tandem {
namespace {

constexpr std::string_view lower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view lower_digits = "abcdefghijklmnopqrstuvwxyz0123456789_";
constexpr std::string_view word_first = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
constexpr std::string_view word_rest = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

}  // namespace

// The connector's name becomes part of a slot's name; the others travel in paths, labels and trigger names.
const NameRule connector_name{lower, lower_digits, 40, "use at most 40 of a-z, 0-9 and _, beginning with a letter"};
const NameRule object_name{word_first, word_rest, 63,
                           "use at most 63 of letters, digits, _ . and -, beginning with a letter, digit or _"};

bool valid_name(const NameRule& rule, std::string_view name, Reading& reading, int line, const std::string& path) {
  const bool valid = !name.empty() && name.size() <= rule.longest &&
                     rule.first.find(name.front()) != std::string_view::npos &&
                     name.find_first_not_of(rule.rest) == std::string_view::npos;
  if (!valid)
    reading.problem(line, path, "`" + std::string(name) + "` is not a valid name", std::string(rule.sentence));
  return valid;
}

}  // namespace tandem
