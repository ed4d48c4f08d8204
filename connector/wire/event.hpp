#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/error.hpp"
#include "model/identifiers.hpp"

/// What a logical replication stream says, whichever plugin wrote it. Views and spans point into the message that was
/// decoded (and into the decoder): they live until its next call.
namespace tandem::wire {

using Time = std::chrono::sys_time<std::chrono::microseconds>;

struct Column {
  std::string name;
  std::uint32_t type = 0;  ///< oid
  std::int32_t modifier = -1;
  bool key = false;  ///< part of the replica identity
};

/// A table as the stream described it; owned by the decoder, replaced when the stream describes it anew.
struct Relation {
  std::uint32_t id = 0;  ///< oid
  std::string schema, name;
  std::string root_schema, root_name;  ///< the table that it is a partition of, where the plugin tells; else empty
  char identity = 'd';                 ///< pg_class.relreplident
  std::vector<Column> columns;
};

enum class ValueKind : std::uint8_t {
  null,
  unchanged,  ///< a large value that an update did not touch: not in the stream
  text,
  binary,
};
struct Value {
  ValueKind kind = ValueKind::null;
  std::string_view bytes;
};
using Tuple = std::span<const Value>;  ///< one value per column of the relation

/// A plugin's first words in a session, where it has any.
struct Hello {
  int version = 0;
  std::uint32_t server_version = 0;  ///< 150020
  std::string_view encoding;         ///< of all text that follows
};
struct Begin {
  Lsn final_lsn;  ///< of the commit
  Time committed;
  std::uint32_t xid = 0;
  std::string_view origin;  ///< where it was replayed from, where the plugin tells here; pgoutput sends an Origin
};
struct Commit {
  Lsn commit_lsn, end_lsn;
  Time committed;  ///< as its Begin says
};
struct Insert {
  const Relation* relation = nullptr;
  Tuple row;
};
enum class OldRow : std::uint8_t { none, key, full };
struct Update {
  const Relation* relation = nullptr;
  OldRow old_kind = OldRow::none;
  Tuple old_row, row;
  std::span<const std::uint8_t> changed;  ///< one for each column, not 0 where the values differ; empty = not told
};
struct Delete {
  const Relation* relation = nullptr;
  OldRow old_kind = OldRow::key;
  Tuple old_row;
};
struct Truncate {
  std::span<const Relation* const> relations;
  bool cascade = false, restart_identity = false;
};
struct Message {
  bool transactional = false;
  Lsn lsn;
  std::string_view prefix, content;
};
struct Origin {
  Lsn lsn;
  std::string_view name;
};
struct TypeName {
  std::uint32_t id = 0;
  std::string_view schema, name;
};

using Event =
    std::variant<Hello, Begin, Commit, const Relation*, Insert, Update, Delete, Truncate, Message, Origin, TypeName>;

/// Called with each event and where it stands in the log. An error ends the reading of the message.
using TakeEvent = std::function<Status(const Event&, Lsn)>;

}  // namespace tandem::wire
