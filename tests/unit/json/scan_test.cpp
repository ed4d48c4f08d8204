#include "json/scan.hpp"

#include <gmock/gmock.h>

#include <random>
#include <string>

namespace tandem::json {
namespace {

using testing::HasSubstr;

TEST(Validate, AcceptsWhatRfc8259Accepts) {
  for (const char* text :
       {"{}", "[]", "null", "true", "false", "0", "-0", "1.5", "1e400", "-1.25E-7", "\"\"", " [ 1 , 2 ] ",
        "{\"a\":{\"b\":[1,{\"c\":null}]}}", "\"\\u00e4\\ud83d\\ude00\\n\"", "\"\xC3\xA4\"",
        "123456789012345678901234567890.10", "{\"a\":1,\"a\":2}", "\"\\u0000\"", "\"\x7f\""})
    EXPECT_TRUE(validate(text)) << text;
}

TEST(Validate, RefusesEverythingElse) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "}",
                           "[",
                           "]",
                           "[1,]",
                           "{\"a\":1,}",
                           "{,}",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{a:1}",
                           "{1:2}",
                           "[1 2]",
                           "01",
                           "-",
                           "1.",
                           ".5",
                           "1e",
                           "1e+",
                           "+1",
                           "NaN",
                           "Infinity",
                           "nul",
                           "truee",
                           "tru",
                           "\"",
                           "\"\\\"",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u12g4\"",
                           "\"a\nb\"",
                           "'a'",
                           "1 2",
                           "{} {}",
                           "[}",
                           "{]",
                           "[1}",
                           "{\"a\":1]",
                           "\"\xFF\"",
                           "\"\xC3\"",
                           "\"\xED\xA0\x80\"",
                           "\xEF\xBB\xBF{}",
                           "/* */1"})
    EXPECT_FALSE(validate(text)) << text;
  EXPECT_FALSE(validate(std::string_view("1\0", 2)));
}

TEST(Validate, NamesThePlace) {
  EXPECT_THAT(validate("[1, 2, x]").error().message, HasSubstr("at byte 7"));
  EXPECT_THAT(validate("\"abcdefghijklmnop\nq\"").error().message,
              HasSubstr("control character in a string at byte 17"));
}

TEST(Validate, BoundsTheDepthAndNotTheStack) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(validate(nested(max_depth)));
  EXPECT_FALSE(validate(nested(max_depth + 1)));
  EXPECT_FALSE(validate(nested(10'000'000)));
  EXPECT_TRUE(validate("[[1]]", 2));
  EXPECT_FALSE(validate("[[[]]]", 2));
  EXPECT_FALSE(validate(std::string(10'000'000, '[')));
}

TEST(Members, AreTheTokensAsWritten) {
  const auto found =
      members(" {\"id\" : 9007199254740993, \"sum\":12345678901234567890.10,\"x\\u00e4\":[1, {\"y\":2}] ,\"z\":1e400}");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 4U);
  EXPECT_EQ((*found)[0].key, "id");
  EXPECT_EQ((*found)[0].value, "9007199254740993");
  EXPECT_EQ((*found)[1].value, "12345678901234567890.10");
  EXPECT_EQ((*found)[2].key, "x\\u00e4");
  EXPECT_TRUE(key_is((*found)[2].key, "x\xC3\xA4"));
  EXPECT_EQ((*found)[2].value, "[1, {\"y\":2}]");
  EXPECT_EQ((*found)[3].value, "1e400");
}

TEST(Members, OfAnythingButAnObjectAreAnError) {
  EXPECT_TRUE(members("{}")->empty());
  for (const char* text : {"[]", "1", "", "{\"a\":1", "{\"a\":1}x", "{\"a\":1,}", "{\"a\":[}", "null"})
    EXPECT_FALSE(members(text)) << text;
}

TEST(Elements, AreTheTokensAsWritten) {
  const auto found = elements("[ 1.0 , \"a\", [] ,{}]");
  ASSERT_TRUE(found);
  EXPECT_THAT(*found, testing::ElementsAre("1.0", "\"a\"", "[]", "{}"));
  EXPECT_TRUE(elements("[]")->empty());
  for (const char* text : {"{}", "[1", "[1,]", "[1]]", ""}) EXPECT_FALSE(elements(text)) << text;
}

TEST(Pointer, FindsValues) {
  const std::string text =
      R"({"items":[{"id":7},{"id":"x"}],"a/b":1,"m~n":2,"":3,"k":{"k":{"k":4}},"twice":1,"twice":5,"\u00e4":6})";
  const auto find = [&](std::string_view pointer) { return std::string(at(text, pointer)->value_or("none")); };
  EXPECT_EQ(find(""), text);
  EXPECT_EQ(find("/items/0/id"), "7");
  EXPECT_EQ(find("/items/1/id"), "\"x\"");
  EXPECT_EQ(find("/items/2/id"), "none");
  EXPECT_EQ(find("/items/00/id"), "none");
  EXPECT_EQ(find("/items/-/id"), "none");
  EXPECT_EQ(find("/items/99999999999999999999"), "none");
  EXPECT_EQ(find("/a~1b"), "1");
  EXPECT_EQ(find("/m~0n"), "2");
  EXPECT_EQ(find("/"), "3");
  EXPECT_EQ(find("/k/k/k"), "4");
  EXPECT_EQ(find("/k/k/k/k"), "none");
  EXPECT_EQ(find("/twice"), "5");
  EXPECT_EQ(find("/\xC3\xA4"), "6");
  EXPECT_EQ(*at("[]", "/0"), std::nullopt);
}

TEST(Pointer, RefusesWhatIsMalformed) {
  EXPECT_FALSE(at("{}", "a"));
  EXPECT_FALSE(at("{}", "/~2"));
  EXPECT_FALSE(at("{}", "/~"));
  EXPECT_FALSE(at("{\"a\":1", "/a")) << "text that ends early has no values";
  EXPECT_TRUE(valid_pointer("/a~0~1"));
}

TEST(Equal, ComparesValuesExactly) {
  const auto same = [](const char* a, const char* b) { return equal(a, b) && equal(b, a); };
  EXPECT_TRUE(same("1.50", "1.5"));
  EXPECT_TRUE(same("150e-2", "1.5"));
  EXPECT_TRUE(same("0", "-0.00"));
  EXPECT_TRUE(same("1e400", "10e399"));
  EXPECT_FALSE(same("9007199254740993", "9007199254740992"));
  EXPECT_FALSE(same("12345678901234567890.10", "12345678901234567890.11"));
  EXPECT_FALSE(same("1", "-1"));
  EXPECT_FALSE(same("1", "\"1\""));
  EXPECT_FALSE(same("1", "10"));
  EXPECT_TRUE(same("\"\\u00e4\"", "\"\xC3\xA4\""));
  EXPECT_TRUE(same(" {\"a\":1,\"b\":[true,null]} ", "{\"b\" : [true, null], \"a\":1.0}"));
  EXPECT_FALSE(same("{\"a\":1}", "{\"a\":1,\"b\":2}"));
  EXPECT_FALSE(same("{\"a\":1}", "{\"b\":1}"));
  EXPECT_TRUE(same("{\"a\":1,\"a\":2}", "{\"a\":2}"));
  EXPECT_FALSE(same("[1,2]", "[2,1]"));
  EXPECT_FALSE(same("[1,2]", "[1]"));
  EXPECT_FALSE(same("null", "false"));
  EXPECT_FALSE(same("{", "{"));
  EXPECT_FALSE(same("1e9999999999999999999", "1e9999999999999999998"));
}

/// Whatever the bytes, an answer comes back, and views stay inside the text (the sanitizers watch).
TEST(Scan, SurvivesGarbage) {
  std::mt19937 random(7);
  const std::string alphabet = "{}[]\",:\\u0123456789eE+-.tfnrueals \n\x01\xC3\xA4\xFF";
  std::vector<Member> out;
  for (int round = 0; round < 200'000; ++round) {
    std::string text;
    for (std::size_t n = random() % 40; n > 0; --n) text += alphabet[random() % alphabet.size()];
    const bool valid = validate(text).has_value();
    const bool object = read_members(text, out).has_value();
    if (object) {
      EXPECT_TRUE(valid) << text;
    }
    EXPECT_EQ(elements(text).has_value() || object, valid && text.find_first_of("{[") != std::string::npos &&
                                                        text.find_first_not_of(" \n") == text.find_first_of("{["))
        << text;
    EXPECT_EQ(at(text, "/0").has_value(), valid);
    EXPECT_EQ(equal(text, text), valid);
  }
}

TEST(Scan, SurvivesDamageToAValidText) {
  const std::string whole =
      R"({"id":17,"name":"M\u00fcller \"x\"","list":[1,2.5e3,{"a":null}],"ok":true,"long":"abcdefghijklmnopqrstuvwxyz"})";
  ASSERT_TRUE(validate(whole));
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const std::string text = whole.substr(0, cut);
    EXPECT_FALSE(validate(text)) << text;
    EXPECT_FALSE(members(text)) << text;
  }
  std::mt19937 random(11);
  std::vector<Member> out;
  for (int round = 0; round < 100'000; ++round) {
    std::string text = whole;
    for (int n = 0; n < 3; ++n) text[random() % text.size()] = static_cast<char>(random());
    EXPECT_EQ(read_members(text, out).has_value(), validate(text).has_value() && kind_of(text) == Kind::object) << text;
  }
}

}  // namespace
}  // namespace tandem::json
