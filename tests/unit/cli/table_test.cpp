#include "cli/table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem::cli {
namespace {

using ::testing::HasSubstr;

TEST(Table, AlignsTextLeftAndNumbersRight) {
  Table table({{"target"}, {"failed", CellKind::number}});
  table.add({"crm", "5"});
  table.add({"second_crm", "12345678"});
  EXPECT_EQ(table.text(),
            "target        failed\n"
            "──────────  ────────\n"
            "crm                5\n"
            "second_crm  12345678\n");
}

TEST(Table, CountsColumnsOfTheTerminalNotBytes) {
  EXPECT_EQ(display_width("Ünïcode"), 7U);
  EXPECT_EQ(display_width("客户"), 4U);
  EXPECT_EQ(display_width("e\u0301"), 1U);
}

TEST(Table, ShowsControlCharactersInsteadOfObeyingThem) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(printable("a\nb"), "a⏎b");
  EXPECT_EQ(printable("a\u202eb"), "a\\u202eb");
  EXPECT_EQ(printable("Zürich"), "Zürich");
}

TEST(Table, CutsLongTexts) {
  Table table({{"x", CellKind::text, 5}});
  table.add({"abcdefgh"});
  EXPECT_THAT(table.text(), HasSubstr("abcd…\n"));
}

TEST(Table, WritesTypedJson) {
  Table table({{"name"}, {"count", CellKind::number}, {"ok", CellKind::flag}, {"detail", CellKind::json}, {"none"}});
  table.add({"a \"b\"", "9007199254740993", "t", R"({"x": 1})", std::nullopt});
  json::Writer w;
  table.write(w);
  EXPECT_EQ(w.take(), R"([{"name":"a \"b\"","count":9007199254740993,"ok":true,"detail":{"x": 1},"none":null}])");
}

}  // namespace
}  // namespace tandem::cli
