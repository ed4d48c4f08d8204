#include "intake/census.hpp"

#include <gmock/gmock.h>

namespace tandem {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Census, OnlyWhatIsMissingTwiceIsGone) {
  Census census(0.1);
  auto verdict = census.judge("account", {"1", "2"}, 100);
  EXPECT_THAT(verdict.gone, IsEmpty());
  EXPECT_TRUE(verdict.look_again);
  verdict = census.judge("account", {"2", "3"}, 100);
  EXPECT_THAT(verdict.gone, ElementsAre("2"));
  EXPECT_TRUE(verdict.look_again);
  verdict = census.judge("account", {"1"}, 100);
  EXPECT_THAT(verdict.gone, IsEmpty()) << "it was there in between";
  EXPECT_THAT(census.judge("contact", {"1"}, 100).gone, IsEmpty()) << "another type";
  EXPECT_FALSE(census.judge("account", {}, 100).look_again);
}

TEST(Census, AListThatHasLostTooMuchIsNotBelieved) {
  Census census(0.1);
  const std::vector<std::string> many{"1", "2", "3", "4", "5"};
  EXPECT_TRUE(census.judge("account", many, 49).too_many);
  EXPECT_THAT(census.judge("account", many, 49).gone, IsEmpty());
  EXPECT_FALSE(census.judge("account", many, 50).too_many);
  EXPECT_EQ(census.judge("account", many, 50).gone.size(), 5U);
  EXPECT_FALSE(census.judge("contact", {"1"}, 1).too_many) << "a few are always believed";
}

}  // namespace
}  // namespace tandem
