#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/identifiers.hpp"

namespace tandem {

/// Lanes of which nothing is known but that they have parked rows: 8 bytes each, at most 3/4 of a table whose size is a
/// power of two, so that millions of them may wait.
class LaneSet {
 public:
  /// False: it is there already.
  bool insert(LaneHash lane);
  /// False: it is not there.
  bool erase(LaneHash lane);
  [[nodiscard]] bool contains(LaneHash lane) const;
  [[nodiscard]] std::size_t size() const { return used_ + (zero_ ? 1 : 0); }
  /// Of memory.
  [[nodiscard]] std::size_t bytes() const { return slots_.capacity() * sizeof(std::uint64_t); }
  void clear();

 private:
  [[nodiscard]] std::size_t home(std::uint64_t value) const;
  /// Where the value is, or the free slot where it would be.
  [[nodiscard]] std::size_t place(std::uint64_t value) const;
  void grow();

  std::vector<std::uint64_t> slots_;  ///< 0: free
  std::size_t used_ = 0;
  bool zero_ = false;  ///< the lane whose hash is 0
};

}  // namespace tandem
