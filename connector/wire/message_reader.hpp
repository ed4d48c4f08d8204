#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "model/error.hpp"
#include "wire/event.hpp"

namespace tandem::wire {

/// Reads forward through one message of a plugin, big-endian. The first read past its end, or `broken`, makes
/// everything after it zero and empty, so that only the end of a message has to be asked for the error.
class MessageReader {
 public:
  /// `plugin` and `version` are named in errors; the tag, the first byte, is taken at once.
  MessageReader(std::string_view plugin, int version, std::string_view message);

  [[nodiscard]] char tag() const { return tag_; }
  std::uint64_t number(std::size_t width);
  std::uint8_t int8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t int16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t int32() { return static_cast<std::uint32_t>(number(4)); }
  /// Seven bits a byte, lowest first; refuses more than 32 bits and spellings longer than needed.
  std::uint32_t varint();
  Lsn lsn() { return Lsn{number(8)}; }
  Time time();              ///< microseconds since 2000-01-01 UTC
  std::string_view text();  ///< up to its zero byte
  std::string_view bytes(std::size_t count);

  void broken(std::string what);
  [[nodiscard]] bool sound() const { return problem_.empty(); }

  /// The event, if every byte of the message was there and understood.
  [[nodiscard]] Result<Event> end(Event event);
  /// The error that names both sides.
  [[nodiscard]] Result<Event> unknown_tag() const;

 private:
  std::string_view plugin_;
  int version_;
  char tag_;
  std::string_view rest_;
  std::string problem_;
};

[[nodiscard]] std::uint64_t big_endian(std::string_view bytes);

/// A byte for an error: itself where it can be printed.
[[nodiscard]] std::string shown(std::uint8_t byte);

}  // namespace tandem::wire
