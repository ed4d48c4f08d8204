#include "model/fail_point.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <csignal>

namespace tandem {
namespace {

TEST(FailPoint, HasAWordOfItsOwn) {
  for (std::size_t i = 0; i < fail_point_count; ++i) {
    const auto point = static_cast<FailPoint>(i);
    EXPECT_EQ(parse_fail_point(word(point)), point);
  }
  EXPECT_EQ(parse_fail_point("nowhere"), std::nullopt);
}

TEST(FailPoint, KillsAtTheNthPassageOfItsPointOnly) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        ::setenv("TANDEM_FAIL_POINT", "after_flush:2", 1);
        pass(FailPoint::after_window);
        pass(FailPoint::after_window);
        pass(FailPoint::after_flush);
        std::fputs("still here\n", stderr);
        pass(FailPoint::after_flush);
      },
      testing::KilledBySignal(SIGKILL), "still here");
}

TEST(FailPoint, RefusesANameThatItDoesNotKnow) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        ::setenv("TANDEM_FAIL_POINT", "nowhere", 1);
        pass(FailPoint::after_window);
      },
      testing::ExitedWithCode(2), "names no fail point: nowhere");
}

}  // namespace
}  // namespace tandem
