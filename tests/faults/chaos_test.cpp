#include "chaos.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem::test_support {
namespace {

class Chaos : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Chaos, CostsTimeAndNothingElse) {
  EXPECT_THAT(chaos(std::chrono::seconds(10), GetParam()), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, Chaos, testing::Values(1U, 2U, 3U));

}  // namespace
}  // namespace tandem::test_support
