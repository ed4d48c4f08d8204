#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/error.hpp"
#include "model/identifiers.hpp"
#include "postgres/connection.hpp"

/// The tables of `wal` mode: tandem.stream, stream_watch and captured.
namespace tandem::store {

/// How far a stream is in the outbox; written in the transaction of the rows.
struct StreamPosition {
  Lsn through;      ///< everything that committed before is captured
  Lsn commit;       ///< of the transaction behind it, where that is captured in part; else 0 …
  Lsn change;       ///< … up to this place in the log …
  int ordinal = 0;  ///< … and this many of its rows there
  bool operator==(const StreamPosition&) const = default;
};

struct StreamWatch {
  std::string watch, schema, table, function;
  std::vector<std::string> columns;  ///< as the table's row type prints them
  std::vector<std::string> key;
  bool partitioned = false;
  bool comparing = false;  ///< a gap is being closed
  bool pending = false;    ///< new or comparing: stretches of the table remain to be looked at
  Lsn since;               ///< what committed before is not the stream's
  Lsn latest_through;      ///< what committed up to here has no body
};

struct StreamPlan {
  std::string slot, plugin, system_id;
  std::string mark;  ///< by which apply's own changes are known in the log
  StreamPosition position;
  std::vector<StreamWatch> watches;
  bool old = false;  ///< untouched for minutes: without a watch, it is left over
};

/// An empty slot name: the connector has no stream.
[[nodiscard]] Result<StreamPlan> read_stream(postgres::Connection& session, const std::string& connector);

/// What the server says about the stream's slot.
struct StreamSlot {
  bool exists = false, foreign = false, active = false, ours = false, lost = false;
  std::string plugin;
  Lsn confirmed;
  std::uint64_t retained = 0;  ///< bytes of WAL
};
[[nodiscard]] Result<StreamSlot> read_stream_slot(postgres::Connection& session, const std::string& slot,
                                                  const std::string& application);

/// Statements of the transaction that captures a batch: the fence first, the position last.
[[nodiscard]] postgres::Statement hold_fence(const std::string& connector, Epoch epoch);
/// What the log tells of may not be visible yet: whoever read its rows would read what was before.
[[nodiscard]] postgres::Statement wait_until_visible(const std::vector<std::int64_t>& transactions);
[[nodiscard]] postgres::Statement stand_in_stream(const std::string& connector, std::int64_t number);
/// Fails unless the stream is where the batch before leaves it; `behind` is that one's number while it is in flight.
[[nodiscard]] postgres::Statement write_position(const std::string& connector, std::optional<std::int64_t> behind,
                                                 const StreamPosition& was, const StreamPosition& becomes);

}  // namespace tandem::store
