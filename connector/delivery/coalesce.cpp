#include "delivery/coalesce.hpp"

#include <optional>

namespace tandem {
namespace {

bool folds(const Foldable& record) {
  if (!record.untouched) return false;
  switch (record.operation) {
    case Operation::create:
    case Operation::update:
    case Operation::remove:
    case Operation::snapshot:
      return true;
    case Operation::rekey:
    case Operation::call:
    case Operation::canary:
      return false;
  }
  return false;
}

std::optional<Operation> both(Operation earlier, Operation later) {
  if (earlier == Operation::remove) return later == Operation::remove ? std::optional(later) : std::nullopt;
  if (later == Operation::remove) return later;
  return earlier == Operation::snapshot ? later : earlier;
}

}  // namespace

Fold fold(std::span<const Foldable> lane) {
  Fold result;
  if (lane.empty()) return {0, Operation::update};
  result.operation = lane[0].operation;
  if (!folds(lane[0])) return result;
  for (std::size_t i = 1; i < lane.size() && folds(lane[i]); ++i) {
    if (lane[i - 1].image && !lane[i].image) break;
    const auto operation = both(result.operation, lane[i].operation);
    if (!operation) break;
    result.operation = *operation;
    result.records = i + 1;
  }
  return result;
}

}  // namespace tandem
