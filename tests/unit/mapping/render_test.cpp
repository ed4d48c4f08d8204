#include <gmock/gmock.h>

#include <string>
#include <thread>
#include <vector>

#include "json/scan.hpp"
#include "mapping/mapping.hpp"
#include "unit/mapping/fields.hpp"

namespace tandem {
namespace {

std::string body_of(const RouteSettings& route, std::string_view row, const Lookups& lookups = {}) {
  const auto body = Mapping(route).render(row, lookups);
  return body ? *body : "fault: " + body.error().description;
}

TEST(Render, RenamesAndKeepsTheOrderOfTheFields) {
  EXPECT_EQ(
      body_of(route_with({renamed("name", "Name"), renamed("id", "Id")}), R"({"id": 7, "name": "A", "other": 1})"),
      R"({"Name":"A","Id":7})");
}

TEST(Render, WithoutFieldsEveryColumnTravelsUnderItsOwnName) {
  EXPECT_EQ(body_of(RouteSettings{}, R"({"id": 7, "na\"me": "A", "ä": [1, 2]})"),
            R"({"id":7,"na\"me":"A","ä":[1, 2]})");
  EXPECT_EQ(body_of(RouteSettings{}, "{}"), "{}");
}

TEST(Render, NeverChangesAValue) {
  for (const char* token : {"9007199254740993", "12345678901234567890.10", "-0.00", "1e400", "1E-400", "\"NaN\"",
                            "\"Infinity\"", "10.10", "\"\\u00e4\\n\\\"\\\\ \xC3\xA4 \\ud83d\\ude00 \\u0000\"", "true",
                            "null", "[1.0, {\"a\": 1.50}]", "{}", "\"\""}) {
    const std::string row = std::string("{\"x\": ") + token + "}";
    EXPECT_EQ(body_of(route_with({renamed("x", "X")}), row), std::string("{\"X\":") + token + "}");
  }
}

TEST(Render, CarriesHugeAndDeepValues) {
  const std::string huge = '"' + std::string(10'000'000, 'x') + '"';
  EXPECT_EQ(body_of(route_with({renamed("x", "X")}), "{\"x\":" + huge + "}"), "{\"X\":" + huge + "}");
  const std::string deep = std::string(6'000, '[') + std::string(6'000, ']');
  EXPECT_EQ(body_of(route_with({renamed("x", "X")}), "{\"x\":" + deep + "}"), "{\"X\":" + deep + "}");
  const std::string too_deep = std::string(20'000, '[') + std::string(20'000, ']');
  EXPECT_EQ(body_of(route_with({renamed("x", "X")}), "{\"x\":" + too_deep + "}").substr(0, 40),
            "fault: body: invalid JSON: nested too de");
}

TEST(Render, FindsColumnsWhoseNamesNeedEscapes) {
  EXPECT_EQ(body_of(route_with({renamed("a\"b\\c", "x"), renamed("größe", "y"), renamed("tab\t", "z")}),
                    R"({"a\"b\\c": 1, "größe": 2, "tab\t": 3})"),
            R"({"x":1,"y":2,"z":3})");
}

TEST(Render, BuildsNestedObjects) {
  EXPECT_EQ(body_of(route_with({renamed("a", "Address.City"), renamed("b", "Name"), renamed("c", "Address.Geo.Lat")}),
                    R"({"a":1,"b":2,"c":3})"),
            R"({"Address":{"City":1,"Geo":{"Lat":3}},"Name":2})");
}

TEST(Render, OmitsNullsAndWhatTheyLeaveEmpty) {
  FieldSettings city = renamed("city", "Address.City"), name = renamed("name", "Name");
  city.omit_null = name.omit_null = true;
  EXPECT_EQ(body_of(route_with({city, name, renamed("x", "X")}), R"({"city":null,"name":null,"x":null})"),
            R"({"X":null})");
  EXPECT_EQ(body_of(route_with({renamed("x", "X"), city}), R"({"city":null,"x":1})"), R"({"X":1})");
  EXPECT_EQ(body_of(route_with({city}), R"({"city":null})"), "{}");
}

FieldSettings stage() {
  FieldSettings field = renamed("stage", "StageName");
  field.values = {{"\"open\"", "\"Open\""},
                  {"\"won\"", "\"Closed Won\""},
                  {"1", "\"One\""},
                  {"true", "\"Yes\""},
                  {"null", "\"None\""}};
  return field;
}

TEST(Render, TranslatesByTheTable) {
  const RouteSettings route = route_with({stage()});
  EXPECT_EQ(body_of(route, R"({"stage":"won"})"), R"({"StageName":"Closed Won"})");
  EXPECT_EQ(body_of(route, R"({"stage":"\u006fpen"})"), R"({"StageName":"Open"})") << "however it is escaped";
  EXPECT_EQ(body_of(route, R"({"stage":"1"})"), R"({"StageName":"One"})") << "YAML does not tell 1 from \"1\"";
  EXPECT_EQ(body_of(route, R"({"stage":1.0})"), R"({"StageName":"One"})");
  EXPECT_EQ(body_of(route, R"({"stage":true})"), R"({"StageName":"Yes"})");
  EXPECT_EQ(body_of(route, R"({"stage":null})"), R"({"StageName":"None"})");
}

TEST(Render, AValueOutsideTheTableFaultsAndNamesTheField) {
  const auto body = Mapping(route_with({stage()})).render(R"({"stage":"Perdu"})", {});
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().field, "stage");
  EXPECT_EQ(body.error().description, "field stage: no value for \"Perdu\" in its table");
  EXPECT_FALSE(body.error().waits_for_parent);
}

TEST(Render, UsesTheDefaultForNullAndForValuesOutsideTheTable) {
  FieldSettings plain = renamed("x", "X"), table = stage();
  plain.fallback = "0";
  table.fallback = "\"Open\"";
  table.values.pop_back();
  const RouteSettings route = route_with({plain, table});
  EXPECT_EQ(body_of(route, R"({"x":null,"stage":"Perdu"})"), R"({"X":0,"StageName":"Open"})");
  EXPECT_EQ(body_of(route, R"({"x":5,"stage":null})"), R"({"X":5,"StageName":"Open"})");
}

TEST(Render, AMissingColumnFaults) {
  EXPECT_EQ(body_of(route_with({renamed("amount", "Amount")}), R"({"id":1})"),
            "fault: field amount: the row has no column amount");
}

TEST(Render, WritesConstantsAndComputedValues) {
  const RouteSettings route = route_with({constant("Source", "\"tandem\""), computed("Tax", "amount * 1.2")});
  EXPECT_EQ(body_of(route, "{}", {{{1, true, "12345678901234567890.12"}}}),
            R"({"Source":"tandem","Tax":12345678901234567890.12})");
  EXPECT_EQ(body_of(route, "{}"), "fault: field Tax: the database computed no value for it");
  EXPECT_EQ(body_of(route, "{}", {{{1, true, "nonsense"}}}), "fault: field Tax: the database computed no value for it");
}

TEST(Render, PutsTheirIdForAReference) {
  const RouteSettings route = route_with({reference("account_id", "AccountId", "account")});
  EXPECT_EQ(body_of(route, R"({"account_id":7})", {{{0, true, "\"001xx\""}}}), R"({"AccountId":"001xx"})");
  EXPECT_EQ(body_of(route, R"({"account_id":null})"), R"({"AccountId":null})");
}

TEST(Render, WaitsForTheParentOfAReference) {
  const auto body = Mapping(route_with({reference("account_id", "AccountId", "account")}))
                        .render(R"({"account_id":"A-7"})", {{{0, false, ""}}});
  ASSERT_FALSE(body);
  EXPECT_TRUE(body.error().waits_for_parent);
  EXPECT_EQ(body.error().parent_type, "account");
  EXPECT_EQ(body.error().parent_object_id, "A-7");
  EXPECT_EQ(body.error().field, "account_id");
}

TEST(Render, OtherColumnsTravelBesideTheFields) {
  RouteSettings route = route_with({renamed("name", "Name")});
  route.all_columns = true;
  EXPECT_EQ(body_of(route, R"({"id":1,"name":"A","z":2})"), R"({"Name":"A","id":1,"z":2})");
  EXPECT_EQ(body_of(route, R"({"Name":1,"name":"A"})"), "fault: field Name: the row has a column of this name as well");
}

TEST(Render, ColumnsThatTandemWritesItselfDoNotTravelUnderTheirOwnNames) {
  RouteSettings route;
  route.all_columns = true;
  route.ignores = {"crm_id"};
  EXPECT_EQ(Mapping(route).render(R"({"id":1,"crm_id":"R1","n":2})", {}), R"({"id":1,"n":2})");
  const auto inverse = Mapping(route).invert(R"({"n":3,"crm_id":"forged"})");
  ASSERT_TRUE(inverse);
  ASSERT_EQ(inverse->columns.size(), 1U);
  EXPECT_EQ(inverse->columns[0].column, "n");
}

TEST(Render, RefusesABodyThatIsNoObject) {
  for (const char* row : {"", "null", "[]", "{\"a\":", "{\"a\":\"\xFF\"}", "garbage"}) {
    const auto body = Mapping(RouteSettings{}).render(row, {});
    ASSERT_FALSE(body) << row;
    EXPECT_THAT(body.error().description, testing::StartsWith("body: "));
  }
}

TEST(Render, WritesValidJsonWhateverTheMapping) {
  RouteSettings route = route_with({stage(), renamed("x", "A.B"), constant("A.C", "[1]")});
  route.all_columns = true;
  const std::string body = body_of(route, R"({"stage":"open","x":{"y":[]},"last":"{"})");
  EXPECT_TRUE(json::validate(body)) << body;
}

TEST(Render, IsThreadSafe) {
  const Mapping mapping(route_with({stage(), renamed("x", "X")}));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&mapping, t] {
      const std::string row = R"({"stage":"open","x":)" + std::to_string(t) + "}";
      for (int i = 0; i < 1000; ++i)
        ASSERT_EQ(*mapping.render(row, {}), R"({"StageName":"Open","X":)" + std::to_string(t) + "}");
    });
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace tandem
