#include "postgres/param.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "postgres/type_oids.hpp"

namespace tandem::postgres {
namespace {

std::string hex(const std::string& bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += digits[(static_cast<unsigned char>(c) >> 4) & 15];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

TEST(Param, ScalarsTravelAsTextOfWhateverTypeTheSqlSays) {
  EXPECT_TRUE(Param().null);
  const Param number(std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(number.bytes, "-9223372036854775808");
  EXPECT_EQ(number.oid, 0U);
  EXPECT_FALSE(number.binary);
  EXPECT_EQ(Param(true).bytes, "t");
  EXPECT_EQ(Param("text").bytes, "text");
  EXPECT_EQ(Param(Counter{7}).bytes, "7");
  EXPECT_EQ(Param(RecordId{}).bytes, "00000000-0000-0000-0000-000000000000");
  EXPECT_FALSE(Param("").null) << "an empty text is no null";
}

TEST(Param, ArraysTravelInTheBinaryFormat) {
  const std::vector<std::int16_t> values{1, -2};
  const Param param = Param::array(values);
  EXPECT_EQ(param.oid, oid::int2_array);
  EXPECT_TRUE(param.binary);
  //                       dimensions flags    int2     length   from 1   2 bytes      2 bytes
  EXPECT_EQ(hex(param.bytes),
            "00000001"
            "00000000"
            "00000015"
            "00000002"
            "00000001"
            "00000002"
            "0001"
            "00000002"
            "fffe");
}

TEST(Param, AnEmptyArrayHasNoDimension) {
  EXPECT_EQ(hex(Param::array(std::span<const std::int64_t>{}).bytes),
            "00000000"
            "00000000"
            "00000014");
}

TEST(Param, NullsInArraysAreFlagged) {
  const std::vector<std::string> texts{"a", ""};
  EXPECT_EQ(hex(Param::nullable_array(texts).bytes),
            "00000001"
            "00000001"
            "00000019"
            "00000002"
            "00000001"
            "00000001"
            "61"
            "ffffffff");
  EXPECT_EQ(hex(Param::array(texts).bytes),
            "00000001"
            "00000000"
            "00000019"
            "00000002"
            "00000001"
            "00000001"
            "61"
            "00000000");
  const std::vector<std::optional<std::int64_t>> numbers{std::nullopt, 5};
  EXPECT_EQ(hex(Param::nullable_array(numbers).bytes),
            "00000001"
            "00000001"
            "00000014"
            "00000002"
            "00000001"
            "ffffffff"
            "00000008"
            "0000000000000005");
}

}  // namespace
}  // namespace tandem::postgres
