#include "wire/frame_decoder.hpp"

#include <tandem_frame.h>

#include <string>
#include <utility>

#include "wire/message_reader.hpp"

namespace tandem::wire {
namespace {

static_assert(FrameDecoder::protocol_version == TANDEM_PROTOCOL_VERSION);

constexpr unsigned known_parts = TANDEM_PART_CHANGED | TANDEM_PART_OLD_KEY | TANDEM_PART_OLD_IMAGE;
constexpr unsigned known_truncate_flags = TANDEM_TRUNCATE_CASCADE | TANDEM_TRUNCATE_RESTART;

Status broken_packet(const std::string& what) {
  return fail(ErrorKind::protocol, "the server's tandem sent a packet that " + what,
              "install plugin and connector of the same release");
}

Status cut_packet(std::size_t left) {
  return broken_packet("does not end with a frame: " + std::to_string(left) + " bytes are left");
}

std::string number_text(unsigned number) {
  return std::to_string(number);
}

}  // namespace

Status FrameDecoder::decode_all(std::string_view message, Lsn /*lsn*/, const TakeEvent& take) {
  constexpr std::size_t lsn_size = sizeof(std::uint64_t), head_size = lsn_size + sizeof(std::uint32_t);
  do {
    if (message.size() < head_size) return cut_packet(message.size());
    const Lsn lsn{big_endian(message.substr(0, lsn_size))};
    const auto length = big_endian(message.substr(lsn_size, head_size - lsn_size));
    message.remove_prefix(head_size);
    if (message.size() < length) return cut_packet(message.size());
    const auto event = decode(message.substr(0, length));
    if (!event) return tl::unexpected<Error>(event.error());
    message.remove_prefix(length);
    if (std::holds_alternative<Message>(*event) && !message.empty()) return broken_packet("goes on behind a message");
    if (Status taken = take(*event, lsn); !taken) return taken;
  } while (!message.empty());
  return {};
}

Result<Event> FrameDecoder::decode(std::string_view frame) {
  MessageReader reader("tandem", protocol_version, frame);
  if (frame.empty()) return reader.end(Begin{});
  if (reader.tag() == TANDEM_FRAME_HELLO) return decode_hello(reader);
  if (!greeted_) {
    reader.broken("no version: it came before the session's first frame 'H'");
    return reader.end(Begin{});
  }
  switch (reader.tag()) {
    case TANDEM_FRAME_BEGIN:
      return decode_begin(reader);
    case TANDEM_FRAME_COMMIT: {
      Commit commit;
      commit.commit_lsn = reader.lsn();
      commit.end_lsn = reader.lsn();
      commit.committed = committed_;
      return reader.end(commit);
    }
    case TANDEM_FRAME_RELATION:
      return decode_relation(reader);
    case TANDEM_FRAME_INSERT:
      return decode_insert(reader);
    case TANDEM_FRAME_UPDATE:
      return decode_update(reader);
    case TANDEM_FRAME_DELETE:
      return decode_delete(reader);
    case TANDEM_FRAME_TRUNCATE:
      return decode_truncate(reader);
    case TANDEM_FRAME_MESSAGE: {
      Message logical;
      const unsigned flags = reader.int8();
      if (flags > TANDEM_MESSAGE_TRANSACTIONAL) reader.broken("unknown flags " + number_text(flags));
      logical.transactional = flags == TANDEM_MESSAGE_TRANSACTIONAL;
      logical.lsn = reader.lsn();
      logical.prefix = reader.text();
      logical.content = reader.bytes(reader.int32());
      return reader.end(logical);
    }
    default:
      return reader.unknown_tag();
  }
}

Result<Event> FrameDecoder::decode_hello(MessageReader& reader) {
  Hello hello;
  hello.version = reader.int8();
  hello.server_version = reader.int32();
  hello.encoding = reader.text();
  if (greeted_) reader.broken("a second greeting");
  if (hello.version != protocol_version) reader.broken("protocol version " + std::to_string(hello.version));
  if (hello.encoding != "UTF8")
    reader.broken("text in " + std::string(hello.encoding.substr(0, 40)) + " where UTF8 was asked for");
  greeted_ = reader.sound();
  return reader.end(hello);
}

Result<Event> FrameDecoder::decode_begin(MessageReader& reader) {
  Begin begin;
  begin.xid = reader.int32();
  begin.final_lsn = reader.lsn();
  begin.committed = reader.time();
  begin.origin = reader.text();
  committed_ = begin.committed;
  return reader.end(begin);
}

Result<Event> FrameDecoder::decode_relation(MessageReader& reader) {
  Relation relation;
  relation.id = reader.int32();
  relation.schema = reader.text();
  relation.name = reader.text();
  relation.root_schema = reader.text();
  relation.root_name = reader.text();
  relation.identity = static_cast<char>(reader.int8());
  if (reader.sound() && std::string_view("dnfi").find(relation.identity) == std::string_view::npos)
    reader.broken("the unknown replica identity " + shown(static_cast<std::uint8_t>(relation.identity)));
  const auto count = reader.int16();
  for (std::uint16_t i = 0; i < count && reader.sound(); ++i) {
    Column column;
    const unsigned flags = reader.int8();
    if (flags > TANDEM_COLUMN_KEY) reader.broken("a column with unknown flags " + number_text(flags));
    column.key = flags == TANDEM_COLUMN_KEY || relation.identity == 'f';
    column.name = reader.text();
    column.type = reader.int32();
    column.modifier = static_cast<std::int32_t>(reader.int32());
    relation.columns.push_back(std::move(column));
  }
  auto read = reader.end(Begin{});
  if (!read) return read;
  Relation& known = relations_[relation.id];
  known = std::move(relation);
  return Event(static_cast<const Relation*>(&known));
}

Result<Event> FrameDecoder::decode_insert(MessageReader& reader) {
  Insert insert;
  insert.relation = relation(reader);
  insert.row = tuple(reader, insert.relation, row_);
  return reader.end(insert);
}

Result<Event> FrameDecoder::decode_update(MessageReader& reader) {
  Update update;
  update.relation = relation(reader);
  const unsigned parts = reader.int8();
  const bool key = (parts & TANDEM_PART_OLD_KEY) != 0, image = (parts & TANDEM_PART_OLD_IMAGE) != 0;
  if ((parts & ~known_parts) != 0 || (key && image)) reader.broken("unknown parts " + number_text(parts));
  if ((parts & TANDEM_PART_CHANGED) != 0) {
    read_changed(reader, update.relation);
    update.changed = changed_;
  }
  if (key || image) {
    update.old_kind = key ? OldRow::key : OldRow::full;
    update.old_row = tuple(reader, update.relation, old_row_);
  }
  update.row = tuple(reader, update.relation, row_);
  return reader.end(update);
}

Result<Event> FrameDecoder::decode_delete(MessageReader& reader) {
  Delete removal;
  removal.relation = relation(reader);
  const unsigned parts = reader.int8();
  if (reader.sound() && parts != TANDEM_PART_OLD_KEY && parts != TANDEM_PART_OLD_IMAGE)
    reader.broken("unknown parts " + number_text(parts));
  removal.old_kind = parts == TANDEM_PART_OLD_IMAGE ? OldRow::full : OldRow::key;
  removal.old_row = tuple(reader, removal.relation, old_row_);
  return reader.end(removal);
}

Result<Event> FrameDecoder::decode_truncate(MessageReader& reader) {
  Truncate truncate;
  const unsigned flags = reader.int8();
  if ((flags & ~known_truncate_flags) != 0) reader.broken("unknown flags " + number_text(flags));
  truncate.cascade = (flags & TANDEM_TRUNCATE_CASCADE) != 0;
  truncate.restart_identity = (flags & TANDEM_TRUNCATE_RESTART) != 0;
  const auto count = reader.int32();
  truncated_.clear();
  for (std::uint32_t i = 0; i < count && reader.sound(); ++i) truncated_.push_back(relation(reader));
  truncate.relations = truncated_;
  return reader.end(truncate);
}

const Relation* FrameDecoder::relation(MessageReader& reader) {
  const auto id = reader.int32();
  const auto found = relations_.find(id);
  if (found != relations_.end()) return &found->second;
  reader.broken("a change of table " + std::to_string(id) + ", which the stream has not described");
  return nullptr;
}

Tuple FrameDecoder::tuple(MessageReader& reader, const Relation* relation, std::vector<Value>& values) {
  values.clear();
  const std::size_t count = relation == nullptr ? 0 : relation->columns.size();
  for (std::size_t i = 0; i < count && reader.sound(); ++i) {
    const std::uint32_t head = reader.varint();
    if (head == TANDEM_VALUE_NULL)
      values.push_back({ValueKind::null, {}});
    else if (head == TANDEM_VALUE_UNCHANGED)
      values.push_back({ValueKind::unchanged, {}});
    else
      values.push_back({ValueKind::text, reader.bytes(head - TANDEM_VALUE_TEXT)});
  }
  return values;
}

void FrameDecoder::read_changed(MessageReader& reader, const Relation* relation) {
  changed_.clear();
  const std::size_t count = relation == nullptr ? 0 : relation->columns.size();
  for (std::size_t first = 0; first < count; first += 8) {
    const unsigned bits = reader.int8();
    const std::size_t here = count - first < 8 ? count - first : 8;
    for (std::size_t i = 0; i < here; ++i) changed_.push_back(static_cast<std::uint8_t>((bits >> i) & 1U));
    if ((bits >> here) != 0) reader.broken("changed columns behind the last one");
  }
}

}  // namespace tandem::wire
