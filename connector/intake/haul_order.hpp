#pragma once
#include <cstddef>

#include "intake/source_reader.hpp"

namespace tandem {

/// Which records of `next` may be stored beside `before`, whose transaction has not ended: they are put in front, in
/// their order, and counted. The rest, which tells of objects that `before` tells of, is stored behind it, so that the
/// records of an object keep their order. None where that is not worth a second transaction, and where order goes
/// beyond one object: a deletion may make room for what comes after it, and two names may mean one object.
[[nodiscard]] std::size_t put_in_front_what_goes_beside(const Haul& before, Haul& next);

}  // namespace tandem
