#include "config/quantity.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

using namespace std::chrono_literals;

TEST(Quantity, ReadsDurations) {
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("1m1ms"), 60001ms);
  EXPECT_EQ(parse_duration("30d"), 720h);
  EXPECT_EQ(parse_duration("2w"), 336h);
  EXPECT_EQ(parse_duration("0ms"), 0ms);
}

TEST(Quantity, RefusesOtherFormsOfDurations) {
  for (const char* text : {"", "30", "s", "1:30", "30 s", "-5s", "1.5s", "30m1h", "1h1h", "05s", "5S",
                           "99999999999999999999s", "9223372036854775807w"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(Quantity, ReadsSizes) {
  EXPECT_EQ(parse_size("512B"), 512U);
  EXPECT_EQ(parse_size("1MiB"), 1U << 20);
  EXPECT_EQ(parse_size("2GB"), 2'000'000'000U);
  for (const char* text : {"", "1", "1M", "1 MiB", "-1B", "0x10B", "9999999999999GiB"})
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
}

TEST(Quantity, ReadsNumbersInOneForm) {
  EXPECT_EQ(parse_integer("-7"), -7);
  EXPECT_EQ(parse_integer("0"), 0);
  for (const char* text : {"", "-", "007", "+1", "1_000", "0x1", "1.0", " 1"})
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  EXPECT_DOUBLE_EQ(*parse_decimal("0.05"), 0.05);
  EXPECT_DOUBLE_EQ(*parse_decimal("1e3"), 1000);
  for (const char* text : {"", ".5", "5.", "01.5", ".inf", "nan", "1e999", "1,5"})
    EXPECT_EQ(parse_decimal(text), std::nullopt) << text;
}

TEST(Quantity, WritesWhatItReads) {
  for (const char* text : {"1h30m", "250ms", "30d", "1d1h1m1s1ms"})
    EXPECT_EQ(format_duration(*parse_duration(text)), text);
  EXPECT_EQ(format_duration(0ms), "0s");
  EXPECT_EQ(format_size(1 << 20), "1MiB");
  EXPECT_EQ(format_size(1536), "1.5KiB");
}

}  // namespace
}  // namespace tandem
