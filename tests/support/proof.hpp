#pragma once
#include <string>
#include <vector>

#include "support/stand.hpp"

/// What every fault test ends with: the other side is what this side says, and it came to be so in order.
namespace tandem::test_support {

/// Faults of the promise, in words; empty = it was kept. Every record of the outbox is in state 3 or 4 with an outcome;
/// the living objects of `type` there are the rows of `table` here, field by field; and the journal shows for each
/// object that no older record took effect after a newer one, and that every attempt of a record had the same body.
[[nodiscard]] std::vector<std::string> broken_promises(Stand& stand, const std::string& table, const std::string& type);

}  // namespace tandem::test_support
