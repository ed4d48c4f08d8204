#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// JSON as the second CRM keeps it: every number as the digits that were sent, members in the order sent. Its own
/// strict reader, so that a mistake in tandem's cannot agree with itself.
namespace second_crm {

struct Json {
  enum class Kind : std::uint8_t { null, boolean, number, string, array, object };
  Kind kind = Kind::null;
  bool truth = false;
  std::string text;  ///< number: its digits as sent; string: its decoded UTF-8
  std::vector<Json> items;
  std::vector<std::pair<std::string, Json>> members;  ///< names are unique

  static Json string(std::string_view text);
  static Json number(std::uint64_t value);
  static Json boolean(bool value);
  static Json object(std::vector<std::pair<std::string, Json>> members);
  static Json array(std::vector<Json> items);

  [[nodiscard]] const Json* find(std::string_view name) const;  ///< null unless an object with that member
  bool operator==(const Json&) const = default;
};

struct JsonProblem {
  std::size_t offset = 0;
  std::string words;
};

/// RFC 8259 to the letter: one value, valid UTF-8, no duplicate names, no lone surrogates, at most 200 levels.
[[nodiscard]] std::variant<Json, JsonProblem> parse_json(std::string_view text);
[[nodiscard]] std::string print(const Json& value);
void append_json_string(std::string& out, std::string_view text);

}  // namespace second_crm
