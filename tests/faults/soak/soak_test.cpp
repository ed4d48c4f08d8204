#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "faults/chaos.hpp"

namespace tandem::test_support {
namespace {

/// Chaos after chaos with new seeds, for TANDEM_SOAK_SECONDS (600).
TEST(Soak, LosesNothingHoweverLongItTakes) {
  const char* asked = std::getenv("TANDEM_SOAK_SECONDS");
  const auto now = std::chrono::steady_clock::now;
  const auto end = now() + std::chrono::seconds(asked != nullptr ? std::stol(asked) : 600);
  for (auto seed =
           static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count() / 1'000'000'000);
       now() < end && !HasFailure(); ++seed)
    EXPECT_THAT(chaos(std::chrono::seconds(40), seed), testing::IsEmpty()) << "seed " << seed;
}

}  // namespace
}  // namespace tandem::test_support
