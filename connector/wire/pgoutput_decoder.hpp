#pragma once
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/error.hpp"
#include "wire/event.hpp"

/// The messages of PostgreSQL's own output plugin, protocol version 1 (docs/wire-format.md has the grammar with its
/// reasons):
///
///     message  = "B" final:lsn time xid:int32                                      Begin
///              | "C" flags:int8 commit:lsn end:lsn time                            Commit
///              | "O" lsn name:text                                                 Origin
///              | "R" id:int32 schema:text name:text identity:int8 count:int16 column*   Relation
///              | "Y" id:int32 schema:text name:text                                Type
///              | "I" id:int32 "N" tuple                                            Insert
///              | "U" id:int32 [("K" | "O") tuple] "N" tuple                        Update
///              | "D" id:int32 ("K" | "O") tuple                                    Delete
///              | "T" count:int32 flags:int8 id:int32*                              Truncate
///              | "M" flags:int8 lsn prefix:text length:int32 content:byte*         logical Message
///     column   = flags:int8 name:text type:int32 modifier:int32
///     tuple    = count:int16 ("n" | "u" | ("t" | "b") length:int32 byte*)*
///     text     = byte* 0;  integers are big-endian;  lsn, time = int64 (microseconds since 2000-01-01 UTC)
namespace tandem::wire {

class MessageReader;

/// Decodes one message at a time, which holds one event, and remembers the tables described so far. Every read is
/// bounds-checked: whatever the bytes, the answer is an event or a `protocol` error. After an error the stream must be
/// started anew, with a new decoder.
///
/// FrameDecoder stands beside this one and yields the same events.
class PgoutputDecoder {
 public:
  static constexpr int protocol_version = 1;

  [[nodiscard]] Result<Event> decode(std::string_view message);
  /// `lsn` is that of the message.
  [[nodiscard]] Status decode_all(std::string_view message, Lsn lsn, const TakeEvent& take);

 private:
  [[nodiscard]] Result<Event> decode_relation(MessageReader& reader);
  [[nodiscard]] Result<Event> decode_insert(MessageReader& reader);
  [[nodiscard]] Result<Event> decode_update(MessageReader& reader);
  [[nodiscard]] Result<Event> decode_delete(MessageReader& reader);
  [[nodiscard]] Result<Event> decode_truncate(MessageReader& reader);
  [[nodiscard]] const Relation* relation(MessageReader& reader);
  [[nodiscard]] Tuple tuple(MessageReader& reader, const Relation* relation, std::vector<Value>& values);

  std::unordered_map<std::uint32_t, Relation> relations_;
  std::vector<Value> row_, old_row_;
  std::vector<const Relation*> truncated_;
};

}  // namespace tandem::wire
