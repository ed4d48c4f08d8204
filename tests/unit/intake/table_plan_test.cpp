#include "intake/table_plan.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

const QuotedTable account{
    "public.account", "updated_at", "timestamp with time zone", {"id", "\"Part\""}, {"bigint", "text"}};

TEST(TablePlan, ReadsInTheOrderOfTimeAndKey) {
  const std::string from_start = page_query(account, {});
  EXPECT_EQ(from_start,
            "select to_jsonb(t.*)::text, t.updated_at::text, t.xmin::text, t.id::text, t.\"Part\"::text from "
            "public.account t where t.updated_at is not null order by t.updated_at, t.id, t.\"Part\" limit 1000");
  TablePosition position;
  position.through = "2024-01-01 00:00:00+00";
  EXPECT_NE(page_query(account, position).find("and t.updated_at > $1::timestamp with time zone order by"),
            std::string::npos);
  position.at = "2024-01-02 00:00:00+00";
  position.key = {"7", "x"};
  EXPECT_NE(page_query(account, position)
                .find("and (t.updated_at, t.id, t.\"Part\") > ($1::timestamp with time zone, $2::bigint, $3::text)"),
            std::string::npos);
}

TEST(TablePlan, PositionsReadWhatTheyWrite) {
  TablePositions positions;
  positions["contact"] = {};
  positions["account"] = {"t1", "t2", {"7", "a\"b"}, "t3", "t4"};
  const std::string text = text_of(positions);
  EXPECT_EQ(text,
            R"({"account":{"through":"t1","at":"t2","safe":"t3","newest":"t4","key":["7","a\"b"]},"contact":{}})");
  const auto again = parse_tables(text);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(text_of(*again), text);
  EXPECT_TRUE(parse_tables("")->empty());
  EXPECT_FALSE(parse_tables("[]").has_value());
}

TEST(SafeTime, IsOverOnceNothingThatRanThenRunsAnyMore) {
  SafeTime safe;
  safe.mark("10:00", 100, 100);
  EXPECT_EQ(safe.over(), "10:00") << "nothing runs";
  safe.mark("10:01", 100, 105);
  safe.mark("10:02", 104, 110);
  EXPECT_EQ(safe.over(), "10:00") << "104 may still commit a row of 10:00:30";
  safe.mark("10:03", 105, 110);
  EXPECT_EQ(safe.over(), "10:01") << "105 began to write after 10:01";
  safe.mark("10:04", 110, 110);
  EXPECT_EQ(safe.over(), "10:04");
}

TEST(SafeTime, StaysSafeUnderATransactionThatNeverEnds) {
  SafeTime safe;
  safe.mark("first", 100, 100);
  for (int i = 0; i < 5'000; ++i) safe.mark(std::to_string(i), 100, 101 + i);
  EXPECT_EQ(safe.over(), "first");
  safe.mark("last", 9'000, 9'000);
  EXPECT_EQ(safe.over(), "last");
}

}  // namespace
}  // namespace tandem
