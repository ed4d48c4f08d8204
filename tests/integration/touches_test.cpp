#include <gtest/gtest.h>

#include <string>

#include "support/stand.hpp"
#include "support/wait_for.hpp"

/// `touches`: a changed line sends its quote.
namespace tandem::test_support {
namespace {

constexpr const char* tables =
    "create table quote (id bigint primary key, name text not null, stage text not null default 'open');"
    "create table line (id bigint primary key, quote_id bigint references quote on update cascade on delete cascade, "
    "n integer not null)";

/// The lines come first in the file: their trigger needs what comes after them.
std::string watches(const std::string& route = "") {
  return R"yaml(
  line:
    table: public.line
    touches: { watch: quote, by: quote_id }
  quote:
    table: public.quote
    routes:
      - target: second_crm
        fields: { name: Name }
        sql: { Total: "(select coalesce(sum(n), 0) from line where quote_id = quote.id)" }
)yaml" + route;
}

long long count(Stand& stand, const std::string& condition) {
  return stand.sql().number("select count(*) from tandem.outbox where " + condition);
}

TEST(Touches, AChangedLineSendsItsQuote) {
  Stand stand;
  stand.sql().run(tables);
  stand.begin(watches());
  stand.sql().run("insert into quote values (1, 'one'), (2, 'two')");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("quote", "1", "Total"), "0");
  stand.sql().run("insert into line select g, 1, g from generate_series(1, 4) as g");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("quote", "1", "Total"), "10");
  EXPECT_EQ(stand.writes_of("quote", "1").size(), 2U) << "one transaction, one call";
  stand.sql().run("update line set quote_id = 2 where id = 4");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("quote", "1", "Total"), "6");
  EXPECT_EQ(stand.field("quote", "2", "Total"), "4");
  stand.sql().run("delete from line where id in (1, 4)");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("quote", "1", "Total"), "5");
  EXPECT_EQ(stand.field("quote", "2", "Total"), "0");
  stand.sql().run("truncate line");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("quote", "1", "Total"), "0");
  EXPECT_EQ(count(stand, "request_state = 4"), 0);
}

TEST(Touches, LinesThatArrivedWhileTheConnectorWasAwayAreOneCall) {
  Stand stand;
  stand.sql().run(tables);
  stand.install(watches());
  stand.sql().run("insert into quote values (1, 'one')");
  for (int i = 1; i <= 20; ++i) stand.sql().run("insert into line values (" + std::to_string(i) + ", 1, 1)");
  stand.tandem().start_ready();
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("quote", "1", "Total"), "20");
  EXPECT_LE(stand.writes_of("quote", "1").size(), 2U) << "the image, and the row as it is now";
}

TEST(Touches, AQuoteThatIsNotInTheRouteIsNotSentAndOneThatEntersComesWithItsLines) {
  Stand stand;
  stand.sql().run(tables);
  stand.begin(watches("        when: \"stage <> 'draft'\"\n"));
  stand.sql().run("insert into quote values (1, 'one', 'draft')");
  stand.sql().run("insert into line values (1, 1, 7)");
  ASSERT_TRUE(wait_for([&] { return stand.outcome_of("1", "quote") == "filtered"; }));
  EXPECT_EQ(stand.living("quote"), 0U);
  stand.sql().run("update quote set stage = 'open'");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("quote", "1", "Total"), "7");
  stand.sql().run("update quote set stage = 'draft'");  // on_leave: ignore
  stand.sql().run("update line set n = 8");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("quote", "1", "Total"), "7");
  EXPECT_EQ(stand.outcome_of("1", "quote"), "filtered");
}

TEST(Touches, AQuoteThatIsGoneOrHasAnotherKeyIsSettledByItsOwnRecords) {
  Stand stand;
  stand.sql().run(tables);
  stand.begin(watches());
  stand.sql().run("insert into quote values (1, 'one'), (2, 'two')");
  stand.sql().run("insert into line values (1, 1, 1), (2, 2, 2)");
  ASSERT_TRUE(stand.settles());
  stand.sql().run("delete from quote where id = 1");
  stand.sql().run("update quote set id = 3 where id = 2");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.object("quote", "1"), "");
  EXPECT_EQ(stand.object("quote", "2"), "");
  EXPECT_EQ(stand.field("quote", "3", "Total"), "2");
  EXPECT_EQ(stand.living("quote"), 1U);
  EXPECT_EQ(count(stand, "request_state = 4"), 0);
}

TEST(Touches, EndWithTheWatchThatAsksForThem) {
  Stand stand;
  stand.sql().run(tables);
  stand.install(watches());
  const std::string all = watches();
  stand.tandem().write_configuration(stand.configuration(stand.target(), all.substr(all.find("  quote:"))));
  stand.tandem().must({"apply"});
  EXPECT_EQ(stand.sql().number("select count(*) from pg_trigger where tgname like '!tandem_touch%'"), 0);
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.watch where watch = 'line'"), 0);
  stand.tandem().start_ready();
  stand.sql().run("insert into quote values (1, 'one')");
  stand.sql().run("insert into line values (1, 1, 1)");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(count(stand, "true"), 1);
}

}  // namespace
}  // namespace tandem::test_support
