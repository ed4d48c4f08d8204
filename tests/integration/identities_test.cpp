#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "accounts.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace {

constexpr const char* account_by_text = "create table account (nr text primary key, name text not null, tier int)";
constexpr const char* watch_by_text = R"(
  account:
    table: public.account
    routes:
      - { target: second_crm, fields: { nr: ExternalId, name: Name, tier: Tier } }
)";

/// A target that creates with POST; `timeout` short, since lost answers are what this is about.
std::string creating_target(Stand& stand, const std::string& requests = create_and_update) {
  return "  second_crm:\n    type: rest\n    url: " + stand.crm().url() +
         "\n    timeout: 1s\n    retry: { count: 3, first: 200ms, factor: 1.5 }" + requests;
}

int creates_in_effect(Stand& stand) {
  return stand.crm().ask([](second_crm::Api& api) {
    int count = 0;
    for (const auto& entry : api.journal().entries())
      count += entry.operation == second_crm::Operation::create && entry.in_effect ? 1 : 0;
    return count;
  });
}

TEST(Identities, ArePairedByTheCreateAndUsedByWhatFollows) {
  Stand stand;
  stand.sql().run(account_by_text);
  stand.begin(creating_target(stand), watch_by_text);
  stand.sql().run("insert into account values ('a', 'n', 1)");
  ASSERT_TRUE(stand.settles());
  const auto pair = stand.sql().rows("select object_id, remote_id, state from tandem.identity");
  ASSERT_EQ(pair.size(), 1U);
  EXPECT_EQ(pair[0][0], "a");
  EXPECT_EQ(pair[0][1], stand.crm().ask([](second_crm::Api& api) { return api.store().find("account", "a")->id; }));
  EXPECT_EQ(pair[0][2], "paired");
  stand.sql().run("update account set tier = 2");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("account", "a", "Tier"), "2");
  stand.sql().run("delete from account");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("account"), 0U);
  EXPECT_EQ(stand.sql().text("select state from tandem.identity"), "deleted");
}

TEST(Identities, ACreateWithoutAnswerIsLookedUpBeforeItIsTriedAgain) {
  Stand stand;
  stand.sql().run(account_by_text);
  stand.begin(creating_target(stand), watch_by_text);
  stand.set_faults(R"([{"kind": "hang", "moment": "after_effect", "method": "POST", "times": 1}])");
  stand.sql().run("insert into account values ('a', 'n', 1)");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  EXPECT_EQ(stand.outcome_of("a", "account"), "delivered");
  EXPECT_EQ(creates_in_effect(stand), 1);
  EXPECT_EQ(stand.sql().text("select state from tandem.identity"), "paired");
}

TEST(Identities, ACreateThatNeverArrivedIsMadeAfterTheLookupFoundNothingTwice) {
  Stand stand;
  stand.sql().run(account_by_text);
  stand.begin(creating_target(stand), watch_by_text);
  stand.set_faults(R"([{"kind": "hang", "moment": "before_effect", "method": "POST", "times": 1}])");
  stand.sql().run("insert into account values ('a', 'n', 1)");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  EXPECT_EQ(stand.outcome_of("a", "account"), "delivered");
  EXPECT_EQ(stand.living("account"), 1U);
  const auto lookups = stand.crm().ask([](second_crm::Api& api) {
    int count = 0;
    for (const auto& entry : api.journal().entries()) count += entry.operation == second_crm::Operation::lookup ? 1 : 0;
    return count;
  });
  EXPECT_GE(lookups, 2);
}

TEST(Identities, WhereNeitherLookupNorUpsertExistsAnUnknownCreateFailsAsSuch) {
  Stand stand;
  stand.sql().run(account_by_text);
  stand.begin(creating_target(stand, R"(
    requests:
      create: { method: POST, path: "/{request_type}", remote_id: /id }
      update: { method: PATCH, path: "/{request_type}/{remote_id}" }
      delete: { method: DELETE, path: "/{request_type}/{remote_id}" }
)"),
              watch_by_text);
  stand.set_faults(R"([{"kind": "hang", "moment": "after_effect", "method": "POST", "times": 1}])");
  stand.sql().run("insert into account values ('a', 'n', 1)");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  EXPECT_EQ(stand.outcome_of("a", "account"), "outcome_unknown");
  EXPECT_EQ(creates_in_effect(stand), 1);
  // What has one id only is listed for people.
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.unpaired"), 1);
  // A newer change of the object creates nothing blindly either.
  stand.sql().run("update account set tier = 9");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  EXPECT_EQ(creates_in_effect(stand), 1);
}

TEST(Identities, ARekeyMovesThePairAndTheObjectStaysOne) {
  Stand stand;
  stand.sql().run(account_by_text);
  stand.begin(creating_target(stand), watch_by_text);
  stand.sql().run("insert into account values ('old', 'n', 1)");
  ASSERT_TRUE(stand.settles());
  const auto remote = stand.sql().text("select remote_id from tandem.identity");
  stand.sql().run("update account set nr = 'new', tier = 2");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("account"), 1U);
  EXPECT_EQ(stand.field("account", "new", "Tier"), "2");
  EXPECT_EQ(stand.sql().text("select remote_id from tandem.identity where object_id = 'new' and state = 'paired'"),
            remote);
}

TEST(Identities, ALookupThatLagsBehindDoublesNothing) {
  auto settings = Stand::open_crm();
  settings.lookup_lag = std::chrono::milliseconds(700);
  Stand stand({.crm = settings});
  stand.sql().run(account_by_text);
  stand.begin(creating_target(stand), watch_by_text);
  stand.set_faults(R"([{"kind": "cut", "moment": "after_effect", "bytes": 5, "method": "POST", "times": 5}])");
  for (int i = 0; i < 20; ++i) stand.sql().run("insert into account values ('a" + std::to_string(i) + "', 'n', 1)");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60)));
  EXPECT_EQ(stand.living("account"), 20U);
  EXPECT_EQ(creates_in_effect(stand), 20);
}

}  // namespace
}  // namespace tandem::test_support
