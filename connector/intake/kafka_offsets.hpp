#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "model/error.hpp"

namespace tandem::kafka {

/// How far each partition has been read, and how that is written as a source's position:
///
///     {"master.account": {"0": 1700, "1": 1688}}       the offset that is read next, by topic and partition
///
/// Pure.
class Offsets {
 public:
  using Partition = std::pair<std::string, std::int32_t>;

  /// Fails on anything but what `text` writes; an empty position has no partition.
  [[nodiscard]] static Result<Offsets> parse(std::string_view position);
  [[nodiscard]] std::string text() const;

  [[nodiscard]] bool knows(const Partition& partition) const { return next_.contains(partition); }
  [[nodiscard]] const std::map<Partition, std::int64_t>& all() const { return next_; }
  void set(const Partition& partition, std::int64_t next) { next_[partition] = next; }
  /// A message has been taken. False: it stands before what is read next, and was taken already.
  [[nodiscard]] bool take(const Partition& partition, std::int64_t offset);

 private:
  std::map<Partition, std::int64_t> next_;
};

}  // namespace tandem::kafka
