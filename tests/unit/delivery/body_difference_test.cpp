#include "delivery/body_difference.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

TEST(BodyDifference, HoldsWhatChangedAsItWasWritten) {
  EXPECT_EQ(body_difference(R"({"a": 1, "b": "x", "c": null})", R"({"a":1.0,"b":"y","c":null,"d":9007199254740993})"),
            R"({"b":"y","d":9007199254740993})");
}

TEST(BodyDifference, NullIsAValue) {
  EXPECT_EQ(body_difference(R"({"a": 1})", R"({"a":null})"), R"({"a":null})");
}

TEST(BodyDifference, NestedValuesTravelWhole) {
  EXPECT_EQ(body_difference(R"({"a": {"x": 1, "y": 2}})", R"({"a":{"y":3,"x":1}})"), R"({"a":{"y":3,"x":1}})");
  EXPECT_EQ(body_difference(R"({"a": {"x": 1, "y": 2}})", R"({"a":{"y":2,"x":1}})"), "{}");
}

TEST(BodyDifference, TellsNothingOfWhatIsNoObject) {
  EXPECT_FALSE(body_difference("", R"({"a":1})"));
  EXPECT_FALSE(body_difference("[1]", R"({"a":1})"));
}

}  // namespace
}  // namespace tandem
