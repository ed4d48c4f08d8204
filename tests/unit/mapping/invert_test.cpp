#include <gmock/gmock.h>

#include <string>

#include "mapping/mapping.hpp"
#include "unit/mapping/fields.hpp"

namespace tandem {
namespace {

/// "column=json(ref);…", or the fault.
std::string columns_of(const RouteSettings& route, std::string_view their_body) {
  const auto inverse = Mapping(route).invert(their_body);
  if (!inverse) return "fault: " + inverse.error().description;
  std::string out;
  for (const auto& column : inverse->columns)
    out += column.column + "=" + column.json + (column.ref.empty() ? "" : "(" + column.ref + ")") + ";";
  return out;
}

FieldSettings stage() {
  FieldSettings field = renamed("stage", "StageName");
  field.values = {{"\"open\"", "\"Open\""}, {"\"won\"", "\"Closed Won\""}};
  return field;
}

TEST(Invert, ReadsRenamedAndNestedFieldsAsWritten) {
  const RouteSettings route = route_with({renamed("amount", "Amount"), renamed("city", "Address.City")});
  EXPECT_EQ(columns_of(route, R"({"Address":{"City":"K\u00f6ln"},"Amount":12345678901234567890.10,"Their":1})"),
            R"(amount=12345678901234567890.10;city="K\u00f6ln";)");
}

TEST(Invert, WhatIsNotMentionedIsAbsent) {
  const RouteSettings route = route_with({renamed("a", "A"), renamed("b", "B.C"), renamed("d", "D")});
  EXPECT_EQ(columns_of(route, R"({"B":{},"D":null})"), "d=null;");
  EXPECT_EQ(columns_of(route, R"({"B":7})"), "");
}

TEST(Invert, TranslatesBackByTheTable) {
  EXPECT_EQ(columns_of(route_with({stage()}), R"({"StageName":"Closed Won"})"), R"(stage="won";)");
  EXPECT_EQ(columns_of(route_with({stage()}), R"({"StageName":null})"), "stage=null;");
  EXPECT_EQ(columns_of(route_with({stage()}), R"({"StageName":"Lost"})"),
            "fault: field stage: nothing of ours stands for \"Lost\" in its table");
}

TEST(Invert, OurDefaultTellsNothing) {
  FieldSettings field = stage();
  field.fallback = "\"Unknown\"";
  EXPECT_EQ(columns_of(route_with({field}), R"({"StageName":"Unknown"})"), "");
  field.fallback = "\"Open\"";
  EXPECT_EQ(columns_of(route_with({field}), R"({"StageName":"Open"})"), R"(stage="open";)");
}

TEST(Invert, AReferenceIsLeftToTheIdentities) {
  const RouteSettings route = route_with({reference("account_id", "AccountId", "account")});
  EXPECT_EQ(columns_of(route, R"({"AccountId":"001xx"})"), R"(account_id="001xx"(account);)");
  EXPECT_EQ(columns_of(route, R"({"AccountId":null})"), "account_id=null;");
}

TEST(Invert, OtherMembersAreColumnsWhereColumnsTravelUnderTheirOwnNames) {
  RouteSettings route = route_with({renamed("name", "Name"), constant("Source", "1")});
  route.all_columns = true;
  EXPECT_EQ(columns_of(route, R"({"Name":"A","Source":1,"z\u00e4":2,"name":3})"), "name=\"A\";z\xC3\xA4=2;");
}

TEST(Invert, ReportsTheFieldsItPassesOver) {
  FieldSettings lossy = stage();
  lossy.values.emplace_back("\"reopened\"", "\"Open\"");
  const Mapping mapping(
      route_with({lossy, computed("Tax", "amount"), constant("Source", "1"), renamed("a", "A"), renamed("a", "B")}));
  ASSERT_EQ(mapping.not_invertible().size(), 3U);
  EXPECT_EQ(mapping.not_invertible()[0].field, "stage");
  EXPECT_EQ(mapping.not_invertible()[1].field, "Tax");
  EXPECT_EQ(mapping.not_invertible()[2].reason, "its column is already read from A");
  const auto inverse = mapping.invert(R"({"StageName":"Open","Tax":1,"Source":1,"A":2,"B":3})");
  ASSERT_TRUE(inverse);
  ASSERT_EQ(inverse->columns.size(), 1U);
  EXPECT_EQ(inverse->columns[0].json, "2");
}

TEST(Invert, UndoesRender) {
  FieldSettings omitted = renamed("note", "Note");
  omitted.omit_null = true;
  const RouteSettings route = route_with({stage(), renamed("id", "Deep.Id"), omitted});
  const std::string row = R"({"stage":"won","id":9007199254740993,"note":"x"})";
  EXPECT_EQ(columns_of(route, *Mapping(route).render(row, {})), R"(stage="won";id=9007199254740993;note="x";)");
}

TEST(Invert, RefusesWhatIsNoObject) {
  for (const char* body : {"", "[]", "{\"a\":1", "null"}) EXPECT_FALSE(Mapping(RouteSettings{}).invert(body)) << body;
}

}  // namespace
}  // namespace tandem
