#include "apply/plain_values.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

constexpr auto unknown = "";

TEST(PlainValues, TextIsPlainWithoutEscapesAndWithinItsLength) {
  EXPECT_EQ(plain_value("text", R"("Zürich")"), R"("Zürich")");
  EXPECT_EQ(plain_value("character varying", R"("")"), R"("")");
  EXPECT_EQ(plain_value("text", R"("a\u00fc")"), unknown);
  EXPECT_EQ(plain_value("text", "7"), unknown) << "it becomes a text";
  EXPECT_EQ(plain_value("text", R"({"a":1})"), unknown);
  EXPECT_EQ(plain_value("character varying(6)", R"("Zürich")"), R"("Zürich")") << "characters, not bytes";
  EXPECT_EQ(plain_value("character varying(5)", R"("Zürich")"), unknown);
  EXPECT_EQ(plain_value("character(6)", R"("a")"), unknown) << "it is padded";
}

TEST(PlainValues, IntegersArePlainInTheRangeOfTheirType) {
  EXPECT_EQ(plain_value("bigint", "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(plain_value("bigint", "9223372036854775808"), unknown);
  EXPECT_EQ(plain_value("integer", "-2147483648"), "-2147483648");
  EXPECT_EQ(plain_value("integer", "2147483648"), unknown);
  EXPECT_EQ(plain_value("smallint", "32768"), unknown);
  EXPECT_EQ(plain_value("bigint", R"("42")"), "42") << "a key of ours, as identities keep it";
  for (const auto* odd : {"-0", "007", "1.0", "1e3", R"(" 7")", R"("+7")", R"("")", "true", "[]"})
    EXPECT_EQ(plain_value("bigint", odd), unknown) << odd;
}

TEST(PlainValues, NumericsArePlainWithAllTheirPlaces) {
  EXPECT_EQ(plain_value("numeric(12,2)", "1000.25"), "1000.25");
  EXPECT_EQ(plain_value("numeric(12,2)", "-17.50"), "-17.50");
  EXPECT_EQ(plain_value("numeric(4,0)", "1234"), "1234");
  for (const auto* odd : {"1000.2", "1000", "1000.250", "12345678901.00", "-0.00", "1.", ".25", "1e2", R"("1.00")"})
    EXPECT_EQ(plain_value("numeric(12,2)", odd), unknown) << odd;
  EXPECT_EQ(plain_value("numeric(4,0)", "1234."), unknown);
  EXPECT_EQ(plain_value("numeric(3,-2)", "1200"), unknown);
  EXPECT_EQ(plain_value("numeric(3,5)", "0.00123"), unknown);
  EXPECT_EQ(plain_value("numeric", "1.50"), unknown);
}

TEST(PlainValues, DaysAreOfTheCalendar) {
  EXPECT_EQ(plain_value("date", R"("2028-02-29")"), R"("2028-02-29")");
  for (const auto* odd :
       {R"("2026-02-29")", R"("2026-04-31")", R"("2026-13-01")", R"("2026-1-01")", R"("0999-01-01")",
        R"("2026-01-01T00:00:00Z")", R"("infinity")", "20260101", R"("2100-02-29")", R"("2026-00-10")"})
    EXPECT_EQ(plain_value("date", odd), unknown) << odd;
}

TEST(PlainValues, NothingIsGuessedAboutOtherTypes) {
  EXPECT_EQ(plain_value("boolean", "true"), "true");
  EXPECT_EQ(plain_value("boolean", R"("t")"), unknown);
  EXPECT_EQ(plain_value("timestamp with time zone", "null"), "null");
  EXPECT_EQ(plain_value("timestamp with time zone", R"("2026-01-01")"), unknown);
  EXPECT_EQ(plain_value("jsonb", "{}"), unknown);
  EXPECT_EQ(plain_value("", "null"), unknown) << "a domain may refuse it";
}

}  // namespace
}  // namespace tandem
