#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "model/error.hpp"

/// What a `postgres` source asks a foreign table, and how far it may go on. Pure: docs/both-ways.md in code.
///
///     round begins: mark, snapshot ─► page ─► page ─► … ─► short page: `through` becomes the newest time that is safe
namespace tandem {

/// How far one table has been read. Times and keys as the database prints them.
struct TablePosition {
  std::string through;  ///< rows up to this time are read for good; empty = none
  /// The round that runs: the row that was read last, by time and key, and how far the table is safe at its end.
  std::string at;
  std::vector<std::string> key;
  std::string safe, newest;
};
/// By request_type.
using TablePositions = std::map<std::string, TablePosition, std::less<>>;
[[nodiscard]] Result<TablePositions> parse_tables(std::string_view position);
[[nodiscard]] std::string text_of(const TablePositions& positions);

constexpr int rows_of_a_page = 1'000;

/// Names quoted by the database's own rules.
struct QuotedTable {
  std::string relation, updated, updated_type;
  std::vector<std::string> key, key_types;
};
/// Rows behind a position, in the order of time and key: body, time, xmin, then the columns of the key. Parameters: the
/// time, and then, where the round goes on, the key's values.
[[nodiscard]] std::string page_query(const QuotedTable& table, const TablePosition& position);

/// Which moments are over. A transaction that was open at a moment may still commit rows with an earlier time; once the
/// oldest transaction that runs began to write later than that moment, everything up to it can be seen, but for rows of
/// transactions that took longer than `lag` to their first write.
class SafeTime {
 public:
  /// At the beginning of a round, before any of its rows is read: the database's time (less the lag), the oldest xid
  /// that still runs, and the next one to be drawn.
  void mark(std::string time, std::int64_t oldest, std::int64_t next);
  /// The newest such time that is over; empty = none yet.
  [[nodiscard]] const std::string& over() const { return over_; }

 private:
  struct Mark {
    std::string time;
    std::int64_t next;
  };
  std::vector<Mark> marks_;  ///< not over yet, oldest first
  std::string over_;
};

}  // namespace tandem
