#include "intake/moment.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

using namespace std::chrono_literals;

std::string before(std::string_view text, std::chrono::milliseconds by) {
  const auto moment = Moment::parse(text);
  return moment ? moment->before(by) : "?";
}

TEST(Moment, IsMovedBackAsItWasWritten) {
  EXPECT_EQ(before("2024-03-01T00:00:30Z", 60s), "2024-02-29T23:59:30Z");
  EXPECT_EQ(before("2024-03-01T02:00:30.999999+02:00", 60s), "2024-02-29T23:59:30Z");
  EXPECT_EQ(before("2024-03-01T00:00:30.5-0130", 0s), "2024-03-01T01:30:30Z");
  EXPECT_EQ(before("2024-03-01 00:00:30", 31s), "2024-02-29 23:59:59") << "no zone, as they write none";
  EXPECT_EQ(before("1700000000", 60s), "1699999940");
  EXPECT_EQ(before("1700000000123", 60s), "1699999940123");
  EXPECT_EQ(before("10", 60s), "0");
}

TEST(Moment, IsComparedByTimeNotByText) {
  const auto earlier = [](std::string_view a, std::string_view b) { return *Moment::parse(a) < *Moment::parse(b); };
  EXPECT_TRUE(earlier("2024-03-01T02:00:00+02:00", "2024-03-01T00:00:01Z"));
  EXPECT_TRUE(earlier("2024-03-01T00:00:00.9Z", "2024-03-01T00:00:00.91Z"));
  EXPECT_FALSE(earlier("2024-03-01T00:00:00Z", "2024-03-01T01:00:00+01:00"));
  EXPECT_TRUE(earlier("999", "1000"));
}

TEST(Moment, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "yesterday", "2024-03-01", "2024-02-30T00:00:00Z", "2024-03-01T24:00:00Z", "12.5", "2024-03-01T00:00:00.Z",
        "2024-03-01T00:00:00+2", "2024-03-01T00:00:00Zulu", "-5", "99999999999999999999"})
    EXPECT_FALSE(Moment::parse(text)) << text;
}

}  // namespace
}  // namespace tandem
