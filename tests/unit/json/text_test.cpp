#include "json/text.hpp"

#include <gmock/gmock.h>

#include <string>

#include "json/scan.hpp"
#include "json/writer.hpp"

namespace tandem::json {
namespace {

TEST(Quote, EscapesWhatMustBe) {
  EXPECT_EQ(quote("a\"b\\c\n\t\x01\xC3\xA4"), "\"a\\\"b\\\\c\\n\\t\\u0001\xC3\xA4\"");
  EXPECT_EQ(quote(std::string_view("\0", 1)), "\"\\u0000\"");
  EXPECT_EQ(quote(""), "\"\"");
}

TEST(Quote, WritesValidTextWhateverTheBytes) {
  EXPECT_EQ(quote("a\xFF"
                  "b\xC3"),
            "\"a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\"");
  for (int c = 0; c < 256; ++c) EXPECT_TRUE(validate(quote(std::string(3, static_cast<char>(c))))) << c;
}

TEST(Unquote, GivesTheCharacters) {
  EXPECT_EQ(*unquote(R"("a\"\\\/\b\f\n\r\tz")"), "a\"\\/\b\f\n\r\tz");
  EXPECT_EQ(*unquote(R"("\u0041\u00e4\u20ac\ud83d\ude00")"), "A\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(*unquote(R"("\u0000")"), std::string(1, '\0'));
}

TEST(Unquote, RefusesWhatHasNoCharacters) {
  for (const char* token :
       {"", "\"", "1", "null", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\u12\"", "\"\\q\"", "\"\\\""})
    EXPECT_FALSE(unquote(token)) << token;
}

TEST(Unquote, UndoesQuote) {
  for (int c = 0; c < 128; ++c) {
    const std::string text = std::string("x") + static_cast<char>(c) + "\xF0\x9F\x98\x80";
    EXPECT_EQ(*unquote(quote(text)), text) << c;
  }
}

TEST(ScalarText, IsTheTokenOfANumber) {
  EXPECT_EQ(*scalar_text("9007199254740993"), "9007199254740993");
  EXPECT_EQ(*scalar_text("\"x\""), "x");
  EXPECT_FALSE(scalar_text("null"));
  EXPECT_FALSE(scalar_text("{}"));
}

TEST(Writer, WritesInOrder) {
  Writer w;
  w.open_object()
      .key("a")
      .number(-7)
      .key("b")
      .open_array()
      .string("x\"")
      .boolean(true)
      .null()
      .open_object()
      .close_object()
      .close_array();
  w.key("c").raw("1.50").close_object();
  EXPECT_EQ(w.text(), R"({"a":-7,"b":["x\"",true,null,{}],"c":1.50})");
  EXPECT_TRUE(validate(w.take()));
  EXPECT_EQ(w.open_array().close_array().take(), "[]");
}

}  // namespace
}  // namespace tandem::json
