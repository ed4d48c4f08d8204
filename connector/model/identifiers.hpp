#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "model/error.hpp"

namespace tandem {

/// A 64-bit number with a meaning; two kinds never mix by accident.
template <class Tag>
struct Number {
  std::int64_t value = 0;
  auto operator<=>(const Number&) const = default;
};

using Counter =
    Number<struct CounterTag>;          ///< order of insertion in one queue (outbox or inbox); 0 is before the first
using Epoch = Number<struct EpochTag>;  ///< fence of a connector; rises with each take-over
using Xid = Number<struct XidTag>;      ///< 64-bit transaction id (xid8)

/// A position in the write-ahead log, written by PostgreSQL as `16/B374D848`.
struct Lsn {
  std::uint64_t value = 0;
  auto operator<=>(const Lsn&) const = default;
};
[[nodiscard]] std::string to_string(Lsn lsn);
[[nodiscard]] Result<Lsn> parse_lsn(std::string_view text);

/// End-to-end id of a record and its idempotency key: the uuid in `record_id`.
struct RecordId {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const RecordId&) const = default;
};
[[nodiscard]] std::string to_string(const RecordId& id);
[[nodiscard]] Result<RecordId> parse_record_id(std::string_view text);

/// A lane, (target, request_type, object_id), as memory knows it: a 64-bit hash. Two lanes that collide are merely
/// delivered one after the other; nothing but waiting may be decided by a LaneHash.
struct LaneHash {
  std::uint64_t value = 0;
  auto operator<=>(const LaneHash&) const = default;
};
[[nodiscard]] LaneHash lane_hash(std::string_view target, std::string_view request_type, std::string_view object_id);

}  // namespace tandem

template <class Tag>
struct std::hash<tandem::Number<Tag>> {
  std::size_t operator()(tandem::Number<Tag> n) const noexcept { return std::hash<std::int64_t>{}(n.value); }
};
template <>
struct std::hash<tandem::LaneHash> {
  std::size_t operator()(tandem::LaneHash h) const noexcept { return h.value; }
};
