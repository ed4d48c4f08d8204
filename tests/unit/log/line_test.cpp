#include "log/line.hpp"

#include <gtest/gtest.h>

#include <type_traits>

#include "config/secret.hpp"

namespace tandem::log {
namespace {

using namespace std::chrono;

const auto moment = sys_days{year{2026} / 11 / 22} + 1h + 2min + 3s + 45ms;

Line line(std::span<const Field> fields, std::string_view sentence = "the target is down") {
  return {moment, Level::warn, "loop 1", sentence, fields};
}

TEST(LogLine, IsOneJsonObjectWithNamesFromOneHeader) {
  const Field fields[] = {{field::target, "second_crm"},
                          {field::counter, Counter{42}},
                          {field::elapsed_ms, 1500us},
                          {field::lsn, Lsn{0x16B374D848}}};
  EXPECT_EQ(as_json(line(fields)),
            R"({"time":"2026-11-22T01:02:03.045Z","level":"warn","message":"the target is down","thread":"loop 1",)"
            R"("target":"second_crm","counter":42,"elapsed_ms":1,"lsn":"16/B374D848"})"
            "\n");
}

TEST(LogLine, IsASentenceAndWordsOnATerminal) {
  const Field fields[] = {{field::target, "second_crm"}, {field::error, "no route to host"}, {field::attempt, 3}};
  EXPECT_EQ(
      as_text(line(fields)),
      "2026-11-22T01:02:03.045Z warn  the target is down target=second_crm error=\"no route to host\" attempt=3\n");
}

TEST(LogLine, NoTextBreaksTheLine) {
  const Field fields[] = {{field::object_id, "a\nb\"c\\d\x01\x1b[31m"}, {field::error, "\xff\xfe"}};
  EXPECT_EQ(
      as_json(line(fields, "two\nlines")),
      "{\"time\":\"2026-11-22T01:02:03.045Z\",\"level\":\"warn\",\"message\":\"two\\nlines\",\"thread\":\"loop 1\","
      "\"object_id\":\"a\\nb\\\"c\\\\d\\u0001\\u001b[31m\",\"error\":\"\xef\xbf\xbd\xef\xbf\xbd\"}\n");
  const std::string text = as_text(line(fields, "two\nlines"));
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(LogLine, LeavesEmptyTextsOut) {
  const Field fields[] = {{field::hint, ""}, {field::count, 0}};
  EXPECT_EQ(as_text(line(fields)), "2026-11-22T01:02:03.045Z warn  the target is down count=0\n");
}

TEST(LogLine, SaysHowOftenItWasSaid) {
  EXPECT_EQ(with_count("{\"a\":1}\n", Format::json, 7), "{\"a\":1,\"repeated\":7}\n");
  EXPECT_EQ(with_count("a\n", Format::text, 7), "a repeated=7\n");
}

TEST(LogField, CannotBeMadeOfASecret) {
  static_assert(!std::is_constructible_v<Field, FieldName, Secret>);
  static_assert(std::is_constructible_v<Field, FieldName, std::string>);
}

}  // namespace
}  // namespace tandem::log
