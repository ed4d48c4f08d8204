#pragma once
#include <optional>
#include <string>
#include <vector>

#include "json/writer.hpp"
#include "postgres/rows.hpp"

namespace tandem::cli {

/// How a column's text is written as JSON and aligned in a table.
enum class CellKind { text, number, flag, json };

struct Column {
  std::string name;
  CellKind kind = CellKind::text;
  std::size_t widest = 60;  ///< in a table; longer texts are cut with …
};

/// Rows for people (aligned columns) or programs (an array of objects). No value can break either: control characters
/// are shown as escapes in a table, and JSON is quoted.
class Table {
 public:
  using Cell = std::optional<std::string>;
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// The columns of `rows` by position.
  static Table of(const postgres::Rows& rows, std::vector<Column> columns);

  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] const std::vector<std::vector<Cell>>& rows() const { return rows_; }
  [[nodiscard]] std::string text() const;
  void write(json::Writer& writer) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

/// Text made safe for a terminal: control characters and escape sequences become visible.
[[nodiscard]] std::string printable(std::string_view text);
/// "1 watch", "2 watches". `several`: where it is more than the noun and an s.
[[nodiscard]] std::string counted(std::size_t count, std::string_view noun, std::string_view several = {});
/// Columns that a terminal takes for UTF-8 text (East Asian wide characters take two).
[[nodiscard]] std::size_t display_width(std::string_view text);

}  // namespace tandem::cli
