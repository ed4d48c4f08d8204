#include "intake/list_plan.hpp"

#include <gmock/gmock.h>

namespace tandem {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class ListPlan : public ::testing::Test {
 protected:
  ListPlan() {
    RouteSettings route;
    route.target = "crm";
    route.request_type = "account";
    route.apply.emplace();
    settings.routes.push_back(route);
    source.target = "crm";
    source.notification.body = "";
    source.notification.deleted = "/gone";
    list.request_type = "account";
    list.path = "/accounts";
    list.query = {{"updated since", "{since}"}, {"limit", "2"}};
    list.updated = "/at";
    list.records = "/items";
  }
  Result<Page> read(const ListPosition& position, std::string_view answer, std::string_view header = {}) {
    return read_page(list, NotificationReader(settings, source), position, answer, header);
  }
  std::string path(const ListPosition& position) { return request_path(list, position, 60s); }

  Settings settings;
  SourceSettings source;
  ListSettings list;
};

TEST_F(ListPlan, AsksForEverythingFirstAndThenForChangesWithAnOverlap) {
  EXPECT_EQ(path({}), "/accounts?limit=2");
  EXPECT_EQ(path({"2024-01-01T00:01:00Z", {}, {}}), "/accounts?updated%20since=2024-01-01T00%3A00%3A00Z&limit=2");
  EXPECT_EQ(path({"2024-01-01T00:01:00Z", {}, {}, true}), "/accounts?limit=2") << "a complete round";
  list.path = "/search?kind=a";
  EXPECT_EQ(path({}), "/search?kind=a&limit=2");
}

TEST_F(ListPlan, ARoundEndsAtTheNewestTimeOfAllItsPages) {
  list.pages = Pages::cursor;
  list.next = "/next";
  list.query.emplace_back("cursor", "{cursor}");
  auto page = read({}, R"({"items": [{"id": 1, "at": "2024-01-05T00:00:00Z"}, {"id": 2, "at": "2024-01-02T00:00:00Z"}],
                           "next": "c1"})");
  ASSERT_TRUE(page.has_value()) << page.error().message;
  EXPECT_FALSE(page->last);
  EXPECT_EQ(page->position, (ListPosition{"", "2024-01-05T00:00:00Z", "c1"}));
  EXPECT_EQ(path(page->position), "/accounts?limit=2&cursor=c1") << "the round goes on as it was begun";
  page = read(page->position, R"({"items": [{"id": 3, "at": "2024-01-03T00:00:00Z"}], "next": null})");
  ASSERT_TRUE(page.has_value());
  EXPECT_TRUE(page->last);
  EXPECT_EQ(page->position, (ListPosition{"2024-01-05T00:00:00Z", "", ""}));
  page = read(page->position, R"({"items": [{"id": 3, "at": "2024-01-04T23:59:59Z"}]})");
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->position.since, "2024-01-05T00:00:00Z") << "it never goes back";
}

TEST_F(ListPlan, PagesByNumberEndWithAnEmptyOne) {
  list.pages = Pages::number;
  list.first_page = 0;
  list.query = {{"page", "{page}"}};
  EXPECT_EQ(path({}), "/accounts?page=0");
  const auto page = read({}, R"({"items": [{"id": 1, "at": "5"}]})");
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(path(page->position), "/accounts?page=1");
  EXPECT_TRUE(read(page->position, R"({"items": []})")->last);
}

TEST_F(ListPlan, LinksMayStandInAHeader) {
  list.pages = Pages::link;
  list.next = "header:Link";
  const auto page = read({}, R"({"items": []})", R"(<https://x/a?p=1>; rel="prev", <https://x/a?p=3>; rel="next")");
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->position.next, "https://x/a?p=3");
  EXPECT_TRUE(read({}, R"({"items": []})", R"(<https://x/a?p=1>; rel="prev")")->last);
  EXPECT_TRUE(read({}, R"({"items": []})")->last);
}

TEST_F(ListPlan, TheSameStateIsTheSameRecordAndAnotherIsNot) {
  const auto ids = [&](std::string_view items) {
    std::vector<std::string> all;
    const auto page = read({}, R"({"items": [)" + std::string(items) + "]}");
    for (const auto& record : page->records) all.push_back(record.source_record_id);
    return all;
  };
  const auto all = ids(R"({"id": 1, "at": "5", "n": 1}, {"id": 1, "at": "5", "n": 2}, {"id": 2, "at": "5", "n": 1})");
  ASSERT_EQ(all.size(), 3U);
  EXPECT_NE(all[0], all[1]) << "two changes within a second";
  EXPECT_NE(all[0], all[2]);
  EXPECT_EQ(ids(R"({"id": 1, "at": "5", "n": 1})").front(), all[0]);
}

TEST_F(ListPlan, AFlagIsADeleteAndARecordThatIsNotUnderstoodIsListed) {
  const auto page = read({}, R"({"items": [{"id": 1, "at": "5", "gone": true}, {"id": 2}, 3, {"at": "5"}]})");
  ASSERT_TRUE(page.has_value());
  ASSERT_EQ(page->records.size(), 1U);
  EXPECT_EQ(page->records[0].operation, "delete");
  ASSERT_EQ(page->refused.size(), 3U);
  EXPECT_THAT(page->refused[0].reason, HasSubstr("no time at /at"));
  EXPECT_THAT(page->ids, ElementsAre("1", "2")) << "it is there, whatever is wrong with it";
}

TEST_F(ListPlan, AnAnswerThatIsNoSuchListIsAnError) {
  for (const char* answer : {"", "no json", "{}", R"({"items": {}})", R"({"items": null})"})
    EXPECT_FALSE(read({}, answer).has_value()) << answer;
  list.pages = Pages::cursor;
  list.next = "/next";
  EXPECT_FALSE(read({"", "", "c1"}, R"({"items": [], "next": "c1"})").has_value()) << "it would never end";
  list.records = "";
  EXPECT_TRUE(read({}, "[]").has_value());
}

TEST_F(ListPlan, PositionsReadWhatTheyWrite) {
  ListPositions positions;
  positions["account"] = {"t1", "t2", "c", true};
  positions["contact"] = {};
  const std::string text = text_of(positions);
  EXPECT_EQ(text, R"({"account":{"since":"t1","newest":"t2","next":"c","complete":true},"contact":{}})");
  const auto again = parse_positions(text);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(*again, positions);
  EXPECT_FALSE(parse_positions("7").has_value());
}

TEST(PathBelow, LeadsNowhereElse) {
  const auto below = [](std::string_view link) {
    return path_below("https://crm.example/api/", "/accounts?limit=2", link).value_or("refused");
  };
  EXPECT_EQ(below("https://crm.example/api/accounts?page=2"), "/accounts?page=2");
  EXPECT_EQ(below("/api/accounts?page=2"), "/accounts?page=2");
  EXPECT_EQ(below("?page=2"), "/accounts?page=2");
  for (const char* link :
       {"https://evil.example/api/accounts", "http://crm.example/api/accounts", "//evil.example/api/x",
        "https://crm.example/apiary", "https://crm.example.evil/api/x", "/other", "page=2", "/api/../admin",
        "https://crm.example/api/a b", "https://crm.example@evil/api/"})
    EXPECT_EQ(below(link), "refused") << link;
}

}  // namespace
}  // namespace tandem
