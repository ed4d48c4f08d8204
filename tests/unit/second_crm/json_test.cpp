#include "support/second_crm/json.hpp"

#include <gtest/gtest.h>

namespace second_crm {
namespace {

std::string again(std::string_view text) {
  const auto parsed = parse_json(text);
  return std::holds_alternative<Json>(parsed) ? print(std::get<Json>(parsed)) : "problem";
}

TEST(SecondCrmJson, KeepsNumbersDigitForDigit) {
  for (const auto* number :
       {"0", "-0", "1.50", "9007199254740993", "123456789012345678901234567890.10", "1e400000", "2E-7"}) {
    EXPECT_EQ(again(number), number);
  }
}

TEST(SecondCrmJson, KeepsTheOrderOfMembers) {
  EXPECT_EQ(again(R"( {"b":1, "a":[true,null,"x"]} )"), R"({"b":1,"a":[true,null,"x"]})");
}

TEST(SecondCrmJson, DecodesEscapes) {
  EXPECT_EQ(again(R"("\u00e9\ud83d\ude00\n\/")"), "\"é😀\\u000a/\"");
}

TEST(SecondCrmJson, RefusesWhatTheStandardRefuses) {
  for (const auto* text : {"",           "01",          "1.",
                           ".5",         "+1",          "1e",
                           "NaN",        "Infinity",    "[1,]",
                           "{\"a\":1,}", "{a:1}",       "\"\x01\"",
                           "\"\\x\"",    "\"\\ud800\"", "\"\\udc00\"",
                           "\"open",     "[1",          "1 2",
                           "tru",        "'a'",         "{\"a\":1,\"a\":2}"}) {
    EXPECT_EQ(again(text), "problem") << text;
  }
}

TEST(SecondCrmJson, RefusesInvalidUtf8) {
  for (const auto* text : {"\"\xC0\xAF\"", "\"\xED\xA0\x80\"", "\"\xF5\x80\x80\x80\"", "\"\xE2\x82\"", "\"\x80\""}) {
    EXPECT_EQ(again(text), "problem");
  }
}

TEST(SecondCrmJson, RefusesWhatIsTooDeep) {
  EXPECT_NE(again(std::string(150, '[') + std::string(150, ']')), "problem");
  EXPECT_EQ(again(std::string(100'000, '[')), "problem");
}

}  // namespace
}  // namespace second_crm
