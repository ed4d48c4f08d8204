#include "cli/table.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace tandem::cli {
namespace {

/// The next code point and its length in bytes; malformed bytes stand for themselves.
std::pair<std::uint32_t, std::size_t> code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t first = byte(0);
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  if (length == 1 || length > text.size()) return {first, 1};
  std::uint32_t value = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) value = (value << 6) | (byte(i) & 0x3fU);
  return {value, length};
}

std::size_t width_of(std::uint32_t c) {
  if ((c >= 0x300 && c <= 0x36f) || c == 0x200b || c == 0x200d || (c >= 0xfe00 && c <= 0xfe0f)) return 0;
  const bool wide = (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
                    (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
                    (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
  return wide ? 2 : 1;
}

std::string cut(const std::string& text, std::size_t widest) {
  if (display_width(text) <= widest) return text;
  std::string out;
  std::size_t width = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto [c, length] = code_point(rest);
    if (width + width_of(c) > widest - 1) break;
    width += width_of(c);
    out.append(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  return out + "…";
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto [c, length] = code_point(text);
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)) {
      char escape[16];
      std::snprintf(escape, sizeof escape, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
      out += c == '\n' ? "⏎" : escape;
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const auto [c, length] = code_point(text);
    width += width_of(c);
    text.remove_prefix(length);
  }
  return width;
}

Table Table::of(const postgres::Rows& rows, std::vector<Column> columns) {
  Table table(std::move(columns));
  for (int row = 0; row < rows.size(); ++row) {
    std::vector<Cell> cells;
    for (int column = 0; column < static_cast<int>(table.columns_.size()); ++column)
      cells.push_back(rows.null(row, column) ? Cell() : Cell(rows.text(row, column)));
    table.add(std::move(cells));
  }
  return table;
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(display_width(column.name));
  std::vector<std::vector<std::string>> shown;
  for (const auto& row : rows_) {
    std::vector<std::string> line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      std::string cell = i < row.size() && row[i] ? printable(*row[i]) : "";
      if (columns_[i].kind == CellKind::flag) cell = cell == "t" || cell == "true" ? "yes" : cell.empty() ? "" : "no";
      cell = cut(cell, columns_[i].widest);
      widths[i] = std::max(widths[i], display_width(cell));
      line.push_back(std::move(cell));
    }
    shown.push_back(std::move(line));
  }
  std::string out;
  const auto put = [&](const std::string& cell, std::size_t i) {
    const std::string padding(widths[i] - display_width(cell), ' ');
    const bool last = i + 1 == columns_.size();
    if (columns_[i].kind == CellKind::number)
      out.append(padding).append(cell);
    else
      out.append(cell).append(last ? "" : padding);
    out += last ? "\n" : "  ";
  };
  for (std::size_t i = 0; i < columns_.size(); ++i) put(columns_[i].name, i);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    for (std::size_t n = 0; n < widths[i]; ++n) out += "─";
    out += i + 1 == columns_.size() ? "\n" : "  ";
  }
  for (const auto& line : shown)
    for (std::size_t i = 0; i < columns_.size(); ++i) put(line[i], i);
  return out;
}

void Table::write(json::Writer& writer) const {
  writer.open_array();
  for (const auto& row : rows_) {
    writer.open_object();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      writer.key(columns_[i].name);
      if (i >= row.size() || !row[i])
        writer.null();
      else if (columns_[i].kind == CellKind::flag)
        writer.boolean(*row[i] == "t" || *row[i] == "true");
      else if (columns_[i].kind == CellKind::text)
        writer.string(*row[i]);
      else
        writer.raw(*row[i]);
    }
    writer.close_object();
  }
  writer.close_array();
}

std::string counted(std::size_t count, std::string_view noun, std::string_view several) {
  std::string words = std::to_string(count) + " ";
  if (count == 1 || several.empty())
    words += std::string(noun) + (count == 1 ? "" : "s");
  else
    words += several;
  return words;
}

}  // namespace tandem::cli
