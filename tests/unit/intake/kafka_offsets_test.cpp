#include "intake/kafka_offsets.hpp"

#include <gtest/gtest.h>

namespace tandem::kafka {
namespace {

TEST(KafkaOffsets, AreWrittenByTopicAndPartition) {
  Offsets offsets;
  EXPECT_EQ(offsets.text(), "{}");
  offsets.set({"b", 0}, 7);
  offsets.set({"a", 10}, 1);
  offsets.set({"a", 2}, 0);
  EXPECT_EQ(offsets.text(), R"({"a":{"2":0,"10":1},"b":{"0":7}})");
}

TEST(KafkaOffsets, ReadWhatTheyWrite) {
  const auto offsets = Offsets::parse(R"({"a": {"2": 0, "10": 9007199254740993}, "b\"": {}})");
  ASSERT_TRUE(offsets.has_value());
  EXPECT_EQ(offsets->text(), R"({"a":{"2":0,"10":9007199254740993}})");
  EXPECT_TRUE(offsets->knows({"a", 2}));
  EXPECT_FALSE(offsets->knows({"a", 3}));
  EXPECT_EQ(Offsets::parse("")->all().size(), 0U);
}

TEST(KafkaOffsets, RefuseAnyOtherPosition) {
  for (const char* position : {"7", "[]", R"({"a": 7})", R"({"a": {"x": 7}})", R"({"a": {"0": -1}})",
                               R"({"a": {"0": 1.5}})", R"({"a": {"0": "7"}})", R"({"a": {"99999999999": 1}})", "{"})
    EXPECT_FALSE(Offsets::parse(position).has_value()) << position;
}

TEST(KafkaOffsets, TakeEachMessageOnce) {
  Offsets offsets;
  EXPECT_TRUE(offsets.take({"a", 0}, 5)) << "messages before it may have been removed";
  EXPECT_FALSE(offsets.take({"a", 0}, 5));
  EXPECT_FALSE(offsets.take({"a", 0}, 4));
  EXPECT_TRUE(offsets.take({"a", 1}, 0));
  EXPECT_TRUE(offsets.take({"a", 0}, 9)) << "a compacted topic has holes";
  EXPECT_EQ(offsets.text(), R"({"a":{"0":10,"1":1}})");
}

}  // namespace
}  // namespace tandem::kafka
