#include "wire/message_reader.hpp"

#include <cstdio>
#include <utility>

namespace tandem::wire {

MessageReader::MessageReader(std::string_view plugin, int version, std::string_view message)
    : plugin_(plugin), version_(version), tag_(message.empty() ? '\0' : message.front()), rest_(message) {
  if (rest_.empty())
    broken("an empty message");
  else
    rest_.remove_prefix(1);
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = (value << 8U) | static_cast<std::uint8_t>(byte);
  return value;
}

std::uint64_t MessageReader::number(std::size_t width) {
  return big_endian(bytes(width));
}

std::uint32_t MessageReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    const std::uint8_t byte = int8();
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if ((byte & 0x80U) != 0) continue;
    if (sound() && ((byte == 0 && shift > 0) || value > UINT32_MAX)) break;
    return static_cast<std::uint32_t>(value);
  }
  broken("a length that is too large or longer than it has to be");
  return 0;
}

// PostgreSQL counts from 2000-01-01 UTC. Any 64 bits may stand there: the sum wraps instead of overflowing.
Time MessageReader::time() {
  constexpr Time epoch = std::chrono::sys_days{std::chrono::year{2000} / 1 / 1};
  const std::uint64_t since_1970 = static_cast<std::uint64_t>(epoch.time_since_epoch().count()) + number(8);
  return Time{std::chrono::microseconds{static_cast<std::int64_t>(since_1970)}};
}

std::string_view MessageReader::text() {
  const auto end = rest_.find('\0');
  if (end == std::string_view::npos) {
    broken("text without its end");
    return {};
  }
  const std::string_view value = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  return value;
}

std::string_view MessageReader::bytes(std::size_t count) {
  if (rest_.size() < count) {
    broken("a value of " + std::to_string(count) + " bytes where " + std::to_string(rest_.size()) + " are left");
    return {};
  }
  const std::string_view value = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return value;
}

void MessageReader::broken(std::string what) {
  if (problem_.empty()) problem_ = std::move(what);
  rest_ = {};
}

Result<Event> MessageReader::end(Event event) {
  if (sound() && !rest_.empty()) broken(std::to_string(rest_.size()) + " bytes after its end");
  if (sound()) return event;
  return fail(ErrorKind::protocol, std::string(plugin_) + " message " + shown(static_cast<std::uint8_t>(tag_)) +
                                       " holds " + problem_ + "; this decoder reads protocol version " +
                                       std::to_string(version_));
}

Result<Event> MessageReader::unknown_tag() const {
  return fail(ErrorKind::protocol, "the server's " + std::string(plugin_) + " sent a message with the tag " +
                                       shown(static_cast<std::uint8_t>(tag_)) +
                                       ", which this decoder, protocol version " + std::to_string(version_) +
                                       ", does not know");
}

std::string shown(std::uint8_t byte) {
  char text[16];
  std::snprintf(text, sizeof text, byte > ' ' && byte < 0x7f ? "'%c'" : "0x%02x", byte);
  return text;
}

}  // namespace tandem::wire
