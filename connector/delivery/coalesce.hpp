#pragma once
#include <cstddef>
#include <span>

#include "model/state.hpp"

namespace tandem {

/// What folding must know about one pending record of a lane.
struct Foldable {
  Operation operation = Operation::update;
  bool untouched = false;  ///< never attempted, nor possibly attempted by an earlier process, nor sent back by a person
  bool image = true;       ///< carries an image; false: reads the live row
};

struct Fold {
  std::size_t records = 1;  ///< the first so many become one: the last of them is sent, those before it are superseded
  Operation operation = Operation::update;  ///< as which it is sent
};

/// Folds the first records of a lane, in order; the last word wins. Never folds over an attempted record, so a create
/// that may exist there is never sent again under another key.
///
///     create, update → create      create, delete → delete     update, delete → delete
///     update, update → update      update, create → update     delete, create → both are sent
///
/// A record without an image gives way to a later image, never the other way round: what it would read is newer.
[[nodiscard]] Fold fold(std::span<const Foldable> lane);

}  // namespace tandem
