#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "intake/notification.hpp"
#include "intake/source_reader.hpp"
#include "intake/table_plan.hpp"
#include "postgres/connection.hpp"

namespace tandem {

/// Reads tables of a foreign PostgreSQL, where nothing is installed, by the time of their last change: page after page,
/// table after table, again after `interval`. One page is one haul. Rows newer than what is safe are read at once and
/// come again until they are; this reader and the inbox pass them over.
class ForeignReader final : public SourceReader {
 public:
  /// `settings` and `source` must outlive this.
  ForeignReader(const Settings& settings, const SourceSettings& source);
  ~ForeignReader() override;

  [[nodiscard]] Status start(const std::string& position) override;
  [[nodiscard]] Result<Haul> read(const std::stop_token& stop) override;
  void stored(const std::string& position) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Table {
    const ForeignTableSettings* settings;
    QuotedTable names;
    SafeTime safe;
    std::set<std::string> seen;  ///< digests of stored rows behind `through`
  };

  [[nodiscard]] Status open();
  [[nodiscard]] Status describe(Table& table);
  [[nodiscard]] Status begin_round(Table& table, TablePosition& position);
  [[nodiscard]] Status end_round(Table& table, TablePosition& position);
  void take(Table& table, const postgres::Rows& rows, int row, Haul& haul);
  [[nodiscard]] std::chrono::milliseconds next_table();

  const Settings& settings_;
  const SourceSettings& source_;
  const ForeignSettings& foreign_;
  const NotificationReader notification_;
  std::optional<postgres::Connection> session_;
  std::vector<Table> tables_;
  TablePositions positions_;
  std::vector<std::string> fresh_;  ///< digests of the last haul, not stored yet
  std::size_t table_ = 0, read_from_ = 0;
  Clock::time_point round_begun_{};
};

}  // namespace tandem
