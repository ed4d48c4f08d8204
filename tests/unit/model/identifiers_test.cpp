#include "model/identifiers.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <type_traits>

namespace tandem {
namespace {

TEST(Lsn, IsWrittenAsPostgresWritesIt) {
  EXPECT_EQ(to_string(Lsn{0x16B374D848}), "16/B374D848");
  EXPECT_EQ(to_string(Lsn{}), "0/0");
  EXPECT_EQ(parse_lsn("16/B374D848"), Lsn{0x16B374D848});
  EXPECT_EQ(parse_lsn("FFFFFFFF/ffffffff"), Lsn{~std::uint64_t{0}});
}

TEST(Lsn, RefusesEverythingElse) {
  for (const char* text : {"", "/", "16", "16/", "/16", "16/B374D848x", "1FFFFFFFF/0", "g/0", "-1/0", " 16/0"})
    EXPECT_EQ(parse_lsn(text).error().kind, ErrorKind::protocol) << text;
}

TEST(RecordId, IsReadAndWritten) {
  const auto id = parse_record_id("00112233-4455-8677-8899-AABBCCDDEEFF");
  ASSERT_TRUE(id);
  EXPECT_EQ(to_string(*id), "00112233-4455-8677-8899-aabbccddeeff");
  EXPECT_EQ(parse_record_id("00112233445586778899aabbccddeeff"), *id);
}

TEST(RecordId, RefusesEverythingElse) {
  for (const char* text : {"", "0", "00112233-4455-8677-8899-aabbccddeef", "00112233-4455-8677-8899-aabbccddeeff0",
                           "0011223-34455-8677-8899-aabbccddeeff", "g0112233-4455-8677-8899-aabbccddeeff",
                           "00112233--4455-8677-8899-aabbccddeeff"})
    EXPECT_FALSE(parse_record_id(text)) << text;
}

TEST(LaneHash, KeepsLanesApart) {
  std::set<LaneHash> seen;
  for (int i = 0; i < 100'000; ++i) seen.insert(lane_hash("crm", "account", std::to_string(i)));
  EXPECT_EQ(seen.size(), 100'000U);
  EXPECT_NE(lane_hash("ab", "c", "d"), lane_hash("a", "bc", "d"));
  EXPECT_NE(lane_hash("a", "b", ""), lane_hash("a", "", "b"));
  EXPECT_EQ(lane_hash("a", "b", "c"), lane_hash("a", "b", "c"));
}

TEST(Numbers, DoNotMix) {
  static_assert(!std::is_convertible_v<Counter, Epoch>);
  static_assert(!std::is_assignable_v<Counter&, Xid>);
  EXPECT_LT(Counter{1}, Counter{2});
}

}  // namespace
}  // namespace tandem
