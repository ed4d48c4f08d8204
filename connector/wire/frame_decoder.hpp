#pragma once
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/error.hpp"
#include "wire/event.hpp"

namespace tandem::wire {

class MessageReader;

/// The frames of tandem's own output plugin (pg_plugin/tandem_frame.h has the grammar, docs/wire-format.md tells it).
/// Takes a message apart into its frames and remembers the tables described so far. Every read is bounds-checked:
/// whatever the bytes, the answer is an event or a `protocol` error. A session begins with the frame that names version
/// and encoding. After an error the stream must be started anew, with a new decoder.
///
/// Yields the same events as PgoutputDecoder, and of them: origins in Begin, the root of a partition, changed columns.
class FrameDecoder {
 public:
  static constexpr int protocol_version = 1;

  [[nodiscard]] Result<Event> decode(std::string_view frame);
  /// The frames of a message in order; each says itself where it stands in the log.
  [[nodiscard]] Status decode_all(std::string_view message, Lsn lsn, const TakeEvent& take);

 private:
  [[nodiscard]] Result<Event> decode_hello(MessageReader& reader);
  [[nodiscard]] Result<Event> decode_begin(MessageReader& reader);
  [[nodiscard]] Result<Event> decode_relation(MessageReader& reader);
  [[nodiscard]] Result<Event> decode_insert(MessageReader& reader);
  [[nodiscard]] Result<Event> decode_update(MessageReader& reader);
  [[nodiscard]] Result<Event> decode_delete(MessageReader& reader);
  [[nodiscard]] Result<Event> decode_truncate(MessageReader& reader);
  [[nodiscard]] const Relation* relation(MessageReader& reader);
  [[nodiscard]] static Tuple tuple(MessageReader& reader, const Relation* relation, std::vector<Value>& values);
  void read_changed(MessageReader& reader, const Relation* relation);

  bool greeted_ = false;
  Time committed_{};  ///< of the transaction that is being decoded
  std::unordered_map<std::uint32_t, Relation> relations_;
  std::vector<Value> row_, old_row_;
  std::vector<std::uint8_t> changed_;
  std::vector<const Relation*> truncated_;
};

}  // namespace tandem::wire
