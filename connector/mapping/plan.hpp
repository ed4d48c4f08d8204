#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/settings.hpp"
#include "mapping/mapping.hpp"

namespace tandem {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};
using TextIndex = std::unordered_map<std::string, std::size_t, TextHash, std::equal_to<>>;

constexpr std::size_t none = ~std::size_t{0};

/// One table of values, ours → theirs, or the other way round. A value is found as it is written, else by its
/// characters
/// (`1` finds "1": YAML does not tell them apart), else by its numeric value.
class ValueTable {
 public:
  ValueTable() = default;
  ValueTable(const std::vector<std::pair<std::string, std::string>>& values, bool inverse);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// JSON text, or nullptr.
  [[nodiscard]] const std::string* find(std::string_view token) const;
  /// Whether two rows have the same left side.
  [[nodiscard]] bool ambiguous() const { return ambiguous_; }

 private:
  std::vector<std::pair<std::string, std::string>> rows_;
  TextIndex by_token_, by_text_;
  bool ambiguous_ = false;
};

/// What render and invert share: the fields with their tables, the columns they read, the shape of their body.
struct MappingPlan {
  struct Field {
    FieldSettings settings;
    std::size_t column = none;  ///< index of the column it reads
    ValueTable to_theirs, to_ours;
    bool invertible = false;
    std::vector<std::string> path;  ///< `to`, cut at its dots
  };
  /// A member of their body: a field, or an object of further members.
  struct Node {
    std::string name, quoted;
    std::size_t field = none;
    std::vector<Node> members;
  };

  explicit MappingPlan(const RouteSettings& route);

  std::vector<Field> fields;
  TextIndex columns;  ///< columns that fields read, and those that the route ignores, by name
  Node root;
  bool all_columns = false;
  std::vector<NotInvertible> not_invertible;
};

/// "stage", or their name where a field has no column.
[[nodiscard]] const std::string& field_name(const FieldSettings& field);
[[nodiscard]] MappingFault field_fault(const FieldSettings& field, std::string_view what);
/// A token for people, shortened.
[[nodiscard]] std::string shown(std::string_view token);

}  // namespace tandem
