#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tandem::test_support {

/// Several sessions change a table in every way that transactions know (savepoints, rollbacks, prepared and long ones),
/// while the connector is killed, the server restarted, slots dropped and the target at fault, as the seed says. Then
/// all of it stops, the connector gets its time, and what is left of the promises is told in words: empty = all of them
/// were kept.
[[nodiscard]] std::vector<std::string> chaos(std::chrono::seconds duration, std::uint64_t seed);

}  // namespace tandem::test_support
