#include "delivery/lane_set.hpp"

#include <bit>
#include <utility>

namespace tandem {
namespace {

constexpr std::size_t first_size = 64;
constexpr std::uint64_t golden = 0x9E3779B97F4A7C15;

}  // namespace

std::size_t LaneSet::home(std::uint64_t value) const {
  return static_cast<std::size_t>((value * golden) >> (64 - std::countr_zero(slots_.size())));
}

std::size_t LaneSet::place(std::uint64_t value) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = home(value);
  while (slots_[at] != 0 && slots_[at] != value) at = (at + 1) & mask;
  return at;
}

bool LaneSet::insert(LaneHash lane) {
  if (lane.value == 0) return !std::exchange(zero_, true);
  if ((used_ + 1) * 4 > slots_.size() * 3) grow();
  std::uint64_t& slot = slots_[place(lane.value)];
  if (slot != 0) return false;
  slot = lane.value;
  ++used_;
  return true;
}

bool LaneSet::contains(LaneHash lane) const {
  if (lane.value == 0) return zero_;
  return !slots_.empty() && slots_[place(lane.value)] != 0;
}

bool LaneSet::erase(LaneHash lane) {
  if (lane.value == 0) return std::exchange(zero_, false);
  if (slots_.empty()) return false;
  std::size_t hole = place(lane.value);
  if (slots_[hole] == 0) return false;
  --used_;
  if (used_ == 0) {
    slots_ = {};
    return true;
  }
  // What stands behind moves up, unless that were before its home.
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = (hole + 1) & mask; slots_[at] != 0; at = (at + 1) & mask) {
    if (((at - home(slots_[at])) & mask) < ((at - hole) & mask)) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = 0;
  return true;
}

void LaneSet::grow() {
  const auto before =
      std::exchange(slots_, std::vector<std::uint64_t>(slots_.empty() ? first_size : slots_.size() * 2));
  for (const std::uint64_t value : before)
    if (value != 0) slots_[place(value)] = value;
}

void LaneSet::clear() {
  *this = {};
}

}  // namespace tandem
