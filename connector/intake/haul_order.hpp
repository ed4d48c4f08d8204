#pragma once
#include <cstddef>

#include "intake/source_reader.hpp"

namespace tandem {

/// What of `next` need not wait for the end of `before` (null: nothing is being stored) is put in front, in its order,
/// and counted. The rest: records with a source_record_id that `before` holds as well, for which it would have to wait
/// in turn, and confirmations, which are stored with the position. The records' counters keep telling their order.
[[nodiscard]] std::size_t put_in_front_what_need_not_wait(const Haul* before, Haul& next);
/// As it was read; the counters, which its transaction had drawn, are gone with that.
void forget_counters(Haul& haul);

}  // namespace tandem
