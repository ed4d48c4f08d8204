#pragma once
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.hpp"

/// Rows and images as JSON tokens by name, exactly as they were printed. Pure.
namespace tandem {

/// Few enough that a look from the front is the quickest, and in one piece, where a map would allocate for each. They
/// stand as they were added. What is added or taken away moves the others.
class Columns {
 public:
  using Column = std::pair<std::string, std::string>;
  using iterator = std::vector<Column>::iterator;
  using const_iterator = std::vector<Column>::const_iterator;

  Columns() = default;
  Columns(std::initializer_list<Column> columns);
  /// Of equal names the last one counts. A body may have any number of members: many of them are sorted.
  [[nodiscard]] static Columns of(std::vector<Column> columns);

  [[nodiscard]] iterator begin() { return columns_.begin(); }
  [[nodiscard]] iterator end() { return columns_.end(); }
  [[nodiscard]] const_iterator begin() const { return columns_.begin(); }
  [[nodiscard]] const_iterator end() const { return columns_.end(); }
  [[nodiscard]] bool empty() const { return columns_.empty(); }
  [[nodiscard]] std::size_t size() const { return columns_.size(); }
  [[nodiscard]] const_iterator find(std::string_view name) const;
  [[nodiscard]] bool contains(std::string_view name) const { return find(name) != end(); }

  void reserve(std::size_t size) { columns_.reserve(size); }
  void clear() { columns_.clear(); }
  /// One whose name is not here.
  void append(Column column) { columns_.push_back(std::move(column)); }
  /// One that is there stays as it is.
  void emplace(std::string name, std::string value);
  void insert_or_assign(std::string name, std::string value);
  void erase(const_iterator column) { columns_.erase(column); }
  void erase(std::string_view name);
  /// Those of `others` that are not here yet.
  void merge(Columns others);
  /// `stays` is asked once for each column, in order, and may take from those that do not stay.
  template <class Stays>
  void keep_if(Stays stays) {
    auto kept = columns_.begin();
    for (auto column = columns_.begin(); column != columns_.end(); ++column) {
      if (!stays(*column)) continue;
      if (kept != column) *kept = std::move(*column);
      ++kept;
    }
    columns_.erase(kept, columns_.end());
  }

  /// By name: what one record tells is written as what any other tells.
  void sort();

 private:
  std::vector<Column> columns_;
};

/// Equality of two values of sound tokens, as json::equal.
[[nodiscard]] bool same_value(std::string_view a, std::string_view b);

/// The members of a JSON object; none where it is no object.
[[nodiscard]] Columns columns_of(std::string_view object);
[[nodiscard]] std::string object_of(const Columns& columns);

/// What they are known to have after a record that need not name every field: `theirs` over `before`, the route's
/// fields alone. A name may come twice where it is written in two ways: the later one counts, as in jsonb.
[[nodiscard]] std::string overlay(const RouteSettings& route, const std::string& before, const std::string& theirs);

/// The object_id of a row: the text of a single key, the JSON array of a composite one.
[[nodiscard]] std::string key_of(const std::vector<std::string>& key, const Columns& row);
/// {"id": "7"} for an object_id: the database reads each value as its column's type.
[[nodiscard]] std::string key_object(const std::vector<std::string>& key, const std::string& object_id);

}  // namespace tandem
