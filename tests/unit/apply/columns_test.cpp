#include "apply/columns.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace tandem {
namespace {

std::string shown(const Columns& columns) {
  std::string out;
  for (const auto& [name, value] : columns) out.append(name).append("=").append(value).append(" ");
  return out;
}

TEST(Columns, HoldEachNameOnce) {
  Columns columns{{"b", "1"}, {"a", "2"}, {"b", "3"}};
  EXPECT_EQ(shown(columns), "b=1 a=2 ");
  columns.emplace("a", "4");
  columns.insert_or_assign("b", "5");
  columns.insert_or_assign("c", "6");
  EXPECT_EQ(shown(columns), "b=5 a=2 c=6 ");
  columns.erase("a");
  columns.erase("nobody");
  EXPECT_EQ(shown(columns), "b=5 c=6 ");
}

TEST(Columns, AreFoundWhereverTheyStand) {
  const Columns columns{{"name", "1"}, {"nam", "2"}, {"id", "3"}};
  ASSERT_TRUE(columns.contains("nam"));
  EXPECT_EQ(columns.find("nam")->second, "2");
  EXPECT_EQ(columns.find("id")->second, "3");
  EXPECT_EQ(columns.find("i"), columns.end());
}

TEST(Columns, OfTwoListsTheFirstOneCounts) {
  Columns columns{{"b", "1"}};
  columns.merge({{"b", "2"}, {"a", "3"}});
  EXPECT_EQ(shown(columns), "b=1 a=3 ");
}

TEST(Columns, AreSortedByName) {
  Columns columns{{"c", "1"}, {"a", "2"}, {"b", "3"}};
  columns.sort();
  EXPECT_EQ(shown(columns), "a=2 b=3 c=1 ");
}

TEST(Columns, ThatDoNotStayMayBeTaken) {
  Columns columns{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}};
  std::vector<std::string> taken;
  columns.keep_if([&](Columns::Column& column) {
    if (column.first == "b" || column.first == "d") return true;
    taken.push_back(std::move(column.second));
    return false;
  });
  EXPECT_EQ(shown(columns), "b=2 d=4 ");
  EXPECT_EQ(taken, (std::vector<std::string>{"1", "3"}));
}

TEST(Columns, OfManyWithEqualNamesTheLastOneCounts) {
  std::vector<Columns::Column> many;
  for (int number = 0; number < 300; ++number)
    many.emplace_back("column " + std::to_string(number * 7 % 100), std::to_string(number));
  const auto columns = Columns::of(std::move(many));
  EXPECT_EQ(columns.size(), 100U);
  for (const auto& [name, value] : columns) EXPECT_EQ(name, "column " + std::to_string(std::stoi(value) * 7 % 100));
  EXPECT_EQ(columns.find("column 0")->second, "200");
  EXPECT_EQ(columns.find("column 93")->second, "299");
}

TEST(Columns, OfAnObjectAreItsMembersOfEqualOnesTheLast) {
  EXPECT_EQ(shown(columns_of(R"({"b": 1, "a": {"x": []}, "b": "2", "\u0063": null})")), R"(b="2" a={"x": []} c=null )");
  EXPECT_TRUE(columns_of("[1]").empty());
}

}  // namespace
}  // namespace tandem
