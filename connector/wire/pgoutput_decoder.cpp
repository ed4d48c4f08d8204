#include "wire/pgoutput_decoder.hpp"

#include <string>

#include "wire/message_reader.hpp"

namespace tandem::wire {

Status PgoutputDecoder::decode_all(std::string_view message, Lsn lsn, const TakeEvent& take) {
  const auto event = decode(message);
  if (!event) return tl::unexpected<Error>(event.error());
  return take(*event, lsn);
}

Result<Event> PgoutputDecoder::decode(std::string_view message) {
  MessageReader reader("pgoutput", protocol_version, message);
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
      return reader.unknown_tag();
  }
}

Result<Event> PgoutputDecoder::decode_relation(MessageReader& reader) {
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

Result<Event> PgoutputDecoder::decode_insert(MessageReader& reader) {
  Insert insert;
  insert.relation = relation(reader);
  if (const auto kind = reader.int8(); reader.sound() && kind != 'N') reader.broken("the unknown tuple " + shown(kind));
  insert.row = tuple(reader, insert.relation, row_);
  return reader.end(insert);
}

Result<Event> PgoutputDecoder::decode_update(MessageReader& reader) {
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

Result<Event> PgoutputDecoder::decode_delete(MessageReader& reader) {
  Delete removal;
  removal.relation = relation(reader);
  const auto kind = reader.int8();
  if (reader.sound() && kind != 'K' && kind != 'O') reader.broken("the unknown tuple " + shown(kind));
  removal.old_kind = kind == 'O' ? OldRow::full : OldRow::key;
  removal.old_row = tuple(reader, removal.relation, old_row_);
  return reader.end(removal);
}

Result<Event> PgoutputDecoder::decode_truncate(MessageReader& reader) {
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

const Relation* PgoutputDecoder::relation(MessageReader& reader) {
  const auto id = reader.int32();
  const auto found = relations_.find(id);
  if (found != relations_.end()) return &found->second;
  reader.broken("a change of table " + std::to_string(id) + ", which the stream has not described");
  return nullptr;
}

Tuple PgoutputDecoder::tuple(MessageReader& reader, const Relation* relation, std::vector<Value>& values) {
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
