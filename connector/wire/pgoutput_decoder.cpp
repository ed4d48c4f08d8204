#include "wire/pgoutput_decoder.hpp"

#include <cstdio>
#include <string>

namespace tandem::wire {
namespace {

// PostgreSQL counts from 2000-01-01 UTC. Any 64 bits may stand there: the sum wraps instead of overflowing.
Time time_of(std::uint64_t microseconds) {
  constexpr Time epoch = std::chrono::sys_days{std::chrono::year{2000} / 1 / 1};
  const std::uint64_t since_1970 = static_cast<std::uint64_t>(epoch.time_since_epoch().count()) + microseconds;
  return Time{std::chrono::microseconds{static_cast<std::int64_t>(since_1970)}};
}

std::string shown(std::uint8_t tag) {
  char text[16];
  std::snprintf(text, sizeof text, tag > ' ' && tag < 0x7f ? "'%c'" : "0x%02x", tag);
  return text;
}

}  // namespace

// Reads forward through one message. The first read past its end, or `broken`, makes everything after it zero and
// empty, so that only the end of a message has to be asked for the error.
class PgoutputDecoder::Reader {
 public:
  explicit Reader(std::string_view message) : tag_(message.empty() ? '\0' : message.front()), rest_(message) {
    if (rest_.empty())
      broken("an empty message");
    else
      rest_.remove_prefix(1);
  }

  std::uint64_t number(std::size_t width) {
    std::uint64_t value = 0;
    for (const char byte : bytes(width)) value = (value << 8) | static_cast<std::uint8_t>(byte);
    return value;
  }
  std::uint8_t int8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t int16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t int32() { return static_cast<std::uint32_t>(number(4)); }
  Lsn lsn() { return Lsn{number(8)}; }
  Time time() { return time_of(number(8)); }
  std::string_view text() {
    const auto end = rest_.find('\0');
    if (end == std::string_view::npos) {
      broken("text without its end");
      return {};
    }
    const std::string_view value = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return value;
  }
  std::string_view bytes(std::size_t count) {
    if (rest_.size() < count) {
      broken("a value of " + std::to_string(count) + " bytes where " + std::to_string(rest_.size()) + " are left");
      return {};
    }
    const std::string_view value = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return value;
  }

  void broken(std::string what) {
    if (problem_.empty()) problem_ = std::move(what);
    rest_ = {};
  }
  [[nodiscard]] bool sound() const { return problem_.empty(); }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }

  // The event, if every byte of the message was there and understood.
  Result<Event> end(Event event) {
    if (sound() && !rest_.empty()) broken(std::to_string(rest_.size()) + " bytes after its end");
    if (sound()) return event;
    return fail(ErrorKind::protocol, "pgoutput message " + shown(static_cast<std::uint8_t>(tag_)) + " holds " +
                                         problem_ + "; this decoder reads protocol version " +
                                         std::to_string(protocol_version));
  }

 private:
  char tag_;
  std::string_view rest_;
  std::string problem_;
};

Result<Event> PgoutputDecoder::decode(std::string_view message) {
  Reader reader(message);
  if (message.empty()) return reader.end(Begin{});
  switch (message.front()) {
    case 'B': {
      Begin begin;
      begin.final_lsn = reader.lsn();
      begin.committed = reader.time();
      begin.xid = reader.int32();
      return reader.end(begin);
    }
    case 'C': {
      Commit commit;
      if (const auto flags = reader.int8(); flags != 0) reader.broken("unknown flags " + std::to_string(flags));
      commit.commit_lsn = reader.lsn();
      commit.end_lsn = reader.lsn();
      commit.committed = reader.time();
      return reader.end(commit);
    }
    case 'O': {
      Origin origin;
      origin.lsn = reader.lsn();
      origin.name = reader.text();
      return reader.end(origin);
    }
    case 'Y': {
      TypeName type;
      type.id = reader.int32();
      type.schema = reader.text();
      type.name = reader.text();
      return reader.end(type);
    }
    case 'M': {
      Message logical;
      const auto flags = reader.int8();
      if (flags > 1) reader.broken("unknown flags " + std::to_string(flags));
      logical.transactional = flags == 1;
      logical.lsn = reader.lsn();
      logical.prefix = reader.text();
      logical.content = reader.bytes(reader.int32());
      return reader.end(logical);
    }
    case 'R':
      return decode_relation(reader);
    case 'I':
      return decode_insert(reader);
    case 'U':
      return decode_update(reader);
    case 'D':
      return decode_delete(reader);
    case 'T':
      return decode_truncate(reader);
    default:
      break;
  }
  return fail(ErrorKind::protocol,
              "the server's pgoutput sent a message with the tag " + shown(static_cast<std::uint8_t>(message.front())) +
                  ", which this decoder, protocol version " + std::to_string(protocol_version) + ", does not know");
}

Result<Event> PgoutputDecoder::decode_relation(Reader& reader) {
  Relation relation;
  relation.id = reader.int32();
  relation.schema = reader.text();
  if (relation.schema.empty()) relation.schema = "pg_catalog";  // so the plugin spells it
  relation.name = reader.text();
  relation.identity = static_cast<char>(reader.int8());
  const auto count = reader.int16();
  for (std::uint16_t i = 0; i < count && reader.sound(); ++i) {
    Column column;
    const auto flags = reader.int8();
    if (flags > 1) reader.broken("a column with unknown flags " + std::to_string(flags));
    column.key = flags == 1;
    column.name = reader.text();
    column.type = reader.int32();
    column.modifier = static_cast<std::int32_t>(reader.int32());
    relation.columns.push_back(std::move(column));
  }
  if (!reader.sound()) return reader.end(Begin{});
  Relation& known = relations_[relation.id];
  known = std::move(relation);
  return reader.end(static_cast<const Relation*>(&known));
}

Result<Event> PgoutputDecoder::decode_insert(Reader& reader) {
  Insert insert;
  insert.relation = relation(reader);
  if (const auto kind = reader.int8(); reader.sound() && kind != 'N') reader.broken("the unknown tuple " + shown(kind));
  insert.row = tuple(reader, insert.relation, row_);
  return reader.end(insert);
}

Result<Event> PgoutputDecoder::decode_update(Reader& reader) {
  Update update;
  update.relation = relation(reader);
  auto kind = reader.int8();
  if (kind == 'K' || kind == 'O') {
    update.old_kind = kind == 'K' ? OldRow::key : OldRow::full;
    update.old_row = tuple(reader, update.relation, old_row_);
    kind = reader.int8();
  }
  if (reader.sound() && kind != 'N') reader.broken("the unknown tuple " + shown(kind));
  update.row = tuple(reader, update.relation, row_);
  return reader.end(update);
}

Result<Event> PgoutputDecoder::decode_delete(Reader& reader) {
  Delete removal;
  removal.relation = relation(reader);
  const auto kind = reader.int8();
  if (reader.sound() && kind != 'K' && kind != 'O') reader.broken("the unknown tuple " + shown(kind));
  removal.old_kind = kind == 'O' ? OldRow::full : OldRow::key;
  removal.old_row = tuple(reader, removal.relation, old_row_);
  return reader.end(removal);
}

Result<Event> PgoutputDecoder::decode_truncate(Reader& reader) {
  Truncate truncate;
  const auto count = reader.int32();
  const auto flags = reader.int8();
  if (flags > 3) reader.broken("unknown flags " + std::to_string(flags));
  truncate.cascade = (flags & 1U) != 0;
  truncate.restart_identity = (flags & 2U) != 0;
  truncated_.clear();
  for (std::uint32_t i = 0; i < count && reader.sound(); ++i) truncated_.push_back(relation(reader));
  truncate.relations = truncated_;
  return reader.end(truncate);
}

const Relation* PgoutputDecoder::relation(Reader& reader) {
  const auto id = reader.int32();
  const auto found = relations_.find(id);
  if (found != relations_.end()) return &found->second;
  reader.broken("a change of table " + std::to_string(id) + ", which the stream has not described");
  return nullptr;
}

Tuple PgoutputDecoder::tuple(Reader& reader, const Relation* relation, std::vector<Value>& values) {
  values.clear();
  const std::size_t count = reader.int16();
  if (reader.sound() && count != relation->columns.size())
    reader.broken(std::to_string(count) + " values for the " + std::to_string(relation->columns.size()) +
                  " columns of " + relation->name);
  for (std::size_t i = 0; i < count && reader.sound(); ++i) {
    const auto kind = reader.int8();
    switch (kind) {
      case 'n':
        values.push_back({ValueKind::null, {}});
        break;
      case 'u':
        values.push_back({ValueKind::unchanged, {}});
        break;
      case 't':
        values.push_back({ValueKind::text, reader.bytes(reader.int32())});
        break;
      case 'b':
        values.push_back({ValueKind::binary, reader.bytes(reader.int32())});
        break;
      default:
        reader.broken("the unknown value " + shown(kind));
    }
  }
  return values;
}

}  // namespace tandem::wire
