#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "accounts.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace {

std::string watch_with(const std::string& settings) {
  return "\n  account:\n    table: public.account\n    routes:\n      - target: second_crm\n" + settings;
}

long long count(Stand& stand, const std::string& condition) {
  return stand.sql().number("select count(*) from tandem.outbox where " + condition);
}

TEST(Coalescing, SendsOnlyTheLastOfManyUpdates) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(watch_account);
  stand.sql().run("insert into account values (1, 'first', 0, true)");
  for (int i = 1; i <= 50; ++i) stand.sql().run("update account set revenue = " + std::to_string(i));
  stand.tandem().start_ready();
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("account", "1", "revenue"), "50.0000");
  EXPECT_EQ(stand.writes_of("account", "1").size(), 1U);
  EXPECT_EQ(count(stand, "outcome = 'superseded'"), 50);
  EXPECT_EQ(count(stand, "outcome = 'delivered'"), 1);
}

TEST(Coalescing, OfCreateAndDeleteSendsNothing) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(watch_account);
  stand.sql().run("insert into account values (1, 'short', 0, true)");
  stand.sql().run("delete from account");
  stand.tandem().start_ready();
  ASSERT_TRUE(stand.settles());
  EXPECT_TRUE(stand.writes_of("account", "1").empty());
  EXPECT_EQ(count(stand, "request_state = 3"), 2);
}

TEST(Coalescing, OfDeleteAndCreateLeavesTheNewObjectThere) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  stand.sql().run("insert into account values (1, 'old', 0, true)");
  ASSERT_TRUE(stand.settles());
  ASSERT_EQ(stand.tandem().stop(), 0);
  stand.sql().run("delete from account");
  stand.sql().run("insert into account values (1, 'new', null, null)");
  stand.tandem().start_ready();
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.object("account", "1"), R"({"nr":1,"name":"new"})");
}

TEST(Coalescing, CanBeSwitchedOff) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(watch_with("        coalesce: false\n"));
  stand.sql().run("insert into account values (1, 'first', 0, true)");
  for (int i = 1; i <= 9; ++i) stand.sql().run("update account set revenue = " + std::to_string(i));
  stand.tandem().start_ready();
  ASSERT_TRUE(stand.settles());
  const auto writes = stand.writes_of("account", "1");
  ASSERT_EQ(writes.size(), 10U);
  for (std::size_t i = 1; i < writes.size(); ++i)
    EXPECT_NE(writes[i].body.find("\"revenue\":" + std::to_string(i) + "."), std::string::npos) << writes[i].body;
}

TEST(Unchanged, IsNotSentAgain) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_with("        unchanged: skip\n        fields: { name: Name }\n"));
  stand.sql().run("insert into account values (1, 'same', 0, true)");
  ASSERT_TRUE(stand.settles());
  stand.sql().run("update account set revenue = 5");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(count(stand, "outcome = 'unchanged'"), 1);
  EXPECT_EQ(stand.writes_of("account", "1").size(), 1U);
  stand.sql().run("update account set name = 'other'");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("account", "1", "Name"), "other");
}

TEST(Unchanged, IsUnknownAfterAnAttemptWithoutAnswer) {
  Stand stand;
  stand.sql().run(account_table);
  std::string target = stand.target();
  target.replace(target.find("timeout: 5s"), 11, "timeout: 1s");
  stand.begin(target, watch_with("        unchanged: skip\n        coalesce: false\n        fields: { name: Name }\n"));
  stand.sql().run("insert into account values (1, 'X', 0, true)");
  ASSERT_TRUE(stand.settles());
  // Y takes effect and its answers are lost; then the user goes back to X, which is what was delivered last.
  stand.set_faults(
      R"([{"kind": "hang", "moment": "after_effect", "times": 1}, {"kind": "status", "status": 400, "times": 1}])");
  stand.sql().run("update account set name = 'Y'");
  ASSERT_TRUE(wait_for([&] { return stand.field("account", "1", "Name") == "Y"; }));
  stand.sql().run("update account set name = 'X'");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("account", "1", "Name"), "X");
}

TEST(OnlyChanged, SendsTheDifferenceAndLosesNoFieldOfAFailedRecord) {
  Stand stand;
  stand.sql().run(account_table);
  // PATCH by their id: a field that is not named stays as it is.
  stand.begin("  second_crm:\n    type: rest\n    url: " + stand.crm().url() + std::string(create_and_update),
              watch_with("        send: changed\n        sql: { ExternalId: \"nr::text\" }\n        fields: { name: "
                         "Name, revenue: Revenue, active: Active }\n"));
  stand.sql().run("insert into account values (1, 'n', 1, true)");
  ASSERT_TRUE(stand.settles());
  stand.sql().run("update account set revenue = 2");
  ASSERT_TRUE(stand.settles());
  auto writes = stand.writes_of("account", "1");
  ASSERT_EQ(writes.size(), 2U);
  EXPECT_EQ(writes.back().body.find("Name"), std::string::npos) << writes.back().body;
  EXPECT_NE(writes.back().body.find("2.0000"), std::string::npos) << writes.back().body;
  // A refused record's field goes with the next one.
  stand.set_faults(R"([{"kind": "status", "status": 422, "times": 1}])");
  stand.sql().run("update account set name = 'renamed'");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(count(stand, "outcome = 'rejected'"), 1);
  stand.sql().run("update account set active = false");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("account", "1", "Name"), "renamed");
  EXPECT_EQ(stand.field("account", "1", "Active"), "false");
}

TEST(Latest, SendsTheRowAsItIsWhenItsTurnComes) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(watch_with("        body: latest\n"));
  stand.sql().run("insert into account values (1, 'first', 0, true)");
  stand.sql().run("update account set name = 'last'");
  EXPECT_EQ(count(stand, "body is not null"), 0);
  stand.tandem().start_ready();
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("account", "1", "name"), "last");
  stand.sql().run("delete from account");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("account"), 0U);
}

TEST(When, EnteringARouteIsACreateAndLeavingItWhatTheRouteSays) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_with("        when: \"active\"\n        on_leave: delete\n"));
  stand.sql().run("insert into account values (1, 'draft', 0, false), (2, 'live', 0, true), (3, 'unknown', 0, null)");
  ASSERT_TRUE(wait_for([&] { return stand.living("account") == 1; }));
  stand.sql().run("update account set active = true where nr = 1");
  ASSERT_TRUE(wait_for([&] { return stand.living("account") == 2; }));
  stand.sql().run("update account set active = false where nr = 2");
  ASSERT_TRUE(wait_for([&] { return stand.living("account") == 1; }));
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.object("account", "2"), "");
  EXPECT_EQ(count(stand, "object_id = '3'"), 0);
}

TEST(Columns, OnlyTheirChangesAreCaptured) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_with("        columns: [name]\n"));
  stand.sql().run("insert into account values (1, 'n', 0, true)");
  stand.sql().run("update account set revenue = 7");
  stand.sql().run("update account set name = 'm'");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(count(stand, "true"), 2);
}

TEST(Refs, ParentsGoFirstAndAChildWaitsForItsOwn) {
  Stand stand({.crm = {}});
  stand.sql().run(
      "create table account (nr text primary key, name text); create table contact (nr int primary key, account_id "
      "text, last text)");
  stand.begin(R"(
  account:
    table: public.account
    routes:
      - { target: second_crm, fields: { name: Name } }
  contact:
    table: public.contact
    routes:
      - { target: second_crm, fields: { account_id: { to: AccountId, ref: account }, last: LastName } }
)");
  stand.sql().run(
      "begin; insert into contact values (1, 'a', 'Child'); insert into account values ('a', 'Parent'); commit");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  const auto parent = stand.crm().ask([](second_crm::Api& api) { return api.store().find("account", "a")->id; });
  EXPECT_EQ(stand.field("contact", "1", "AccountId"), parent);

  // Its parent has no record yet: the child waits, in state 2, and says for what.
  stand.sql().run("insert into contact values (2, 'b', 'Early')");
  ASSERT_TRUE(wait_for(
      [&] { return count(stand, "object_id = '2' and request_state = 2 and description like '%account%b%'") == 1; }));
  EXPECT_EQ(stand.object("contact", "2"), "");
  stand.sql().run("insert into account values ('b', 'Late parent')");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  EXPECT_NE(stand.object("contact", "2"), "");
}

TEST(Refs, ChildrenAreDeletedBeforeTheirParents) {
  Stand stand({.crm = {}});
  stand.sql().run(
      "create table account (nr text primary key, name text); "
      "create table contact (nr int primary key, account_id text references account, last text)");
  stand.begin(R"(
  account:
    table: public.account
    routes:
      - { target: second_crm, fields: { name: Name } }
  contact:
    table: public.contact
    routes:
      - { target: second_crm, fields: { account_id: { to: AccountId, ref: account }, last: LastName } }
)");
  stand.sql().run(
      "insert into account select 'a' || n, 'Parent' from generate_series(1, 20) n; "
      "insert into contact select n, 'a' || 1 + n % 20, 'Child' from generate_series(1, 100) n");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  stand.sql().run("begin; delete from contact; delete from account; commit");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  EXPECT_EQ(stand.living("account") + stand.living("contact"), 0U) << stand.sql().text(
      "select string_agg(distinct outcome || ' ' || description, '; ') from tandem.outbox where request_state = 4");
}

TEST(OnMissing, FailsOrMakesTheObjectAgain) {
  Stand stand;
  stand.sql().run(
      "create table account (nr text primary key, name text); create table contact (nr text primary key, name text)");
  stand.begin("  second_crm:\n    type: rest\n    url: " + stand.crm().url() + std::string(create_and_update), R"(
  account:
    table: public.account
    routes:
      - { target: second_crm, fields: { nr: ExternalId, name: Name } }
  contact:
    table: public.contact
    routes:
      - { target: second_crm, fields: { nr: ExternalId, name: Name }, on_missing: recreate }
)");
  stand.sql().run("insert into account values ('a', 'n'); insert into contact values ('c', 'n')");
  ASSERT_TRUE(stand.settles());
  stand.crm().ask([](second_crm::Api& api) {  // somebody deletes both over there
    for (const auto& [type, id] : {std::pair{"account", "a"}, std::pair{"contact", "c"}})
      api.store().remove(type, api.store().find(type, id)->id, 0, second_crm::Time{});
    return true;
  });
  stand.sql().run("update account set name = 'm'; update contact set name = 'm'");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.outcome_of("a", "account"), "rejected");
  EXPECT_EQ(count(stand, "object_id = 'a' and error_code = 'not_found'"), 1);
  EXPECT_EQ(stand.outcome_of("c", "contact"), "delivered");
  EXPECT_EQ(stand.field("contact", "c", "Name"), "m");
}

TEST(Mapping, RenamesTranslatesAndComputes) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_with(R"yaml(        fields:
          name: { to: Company.Name }
          active: { to: Status, values: { true: Live, false: Sleeping }, default: Unknown }
          revenue: { to: Revenue, omit_null: true }
        constants: { Source: tandem, Weight: 1.50 }
        sql: { RevenueWithTax: "revenue * 1.19", Upper: "upper(name)" }
)yaml"));
  stand.sql().run("insert into account values (1, 'ü', 100.0000, true), (2, 'b', null, null)");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(
      stand.object("account", "1"),
      R"({"Company":{"Name":"ü"},"Status":"Live","Revenue":100.0000,"Source":"tandem","Weight":1.50,"RevenueWithTax":119.000000,"Upper":"Ü"})");
  EXPECT_EQ(stand.field("account", "2", "Status"), "Unknown");
  EXPECT_EQ(stand.field("account", "2", "Revenue"), "");
}

TEST(Mapping, AFaultFailsItsRecordOnlyAndNamesTheField) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_with(R"yaml(        fields:
          name: { to: Stage, values: { open: Open, won: Won } }
          revenue: Revenue
        sql: { PerHead: "1 / (revenue - 5)" }
)yaml"));
  stand.sql().run(
      "insert into account values (1, 'open', 1, true), (2, 'perdu', 1, true), (3, 'won', 5, true), (4, 'won', 6, "
      "true)");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(count(stand, "object_id in ('1', '4') and outcome = 'delivered'"), 2);
  const auto failed = stand.sql().rows(
      "select object_id, error_code, description from tandem.outbox where request_state = 4 order by object_id");
  ASSERT_EQ(failed.size(), 2U);
  EXPECT_EQ(failed[0][1], "mapping");
  EXPECT_NE(failed[0][2].value_or("").find("name"), std::string::npos) << failed[0][2].value_or("");
  EXPECT_NE(failed[0][2].value_or("").find("perdu"), std::string::npos) << failed[0][2].value_or("");
  EXPECT_EQ(failed[1][1], "mapping");
  EXPECT_NE(failed[1][2].value_or("").find("PerHead"), std::string::npos) << failed[1][2].value_or("");
}

TEST(Batches, CarryManyRecordsAndTellTheBadOneFromTheGood) {
  second_crm::Settings settings = Stand::open_crm();
  Stand stand({.crm = settings});
  stand.sql().run(account_table);
  stand.install(stand.target(R"yaml(      batch:
        { method: POST, path: "/batch/{request_type}", wrap: '{"records":[{body}]}',
          each: '{"id":{record_id},"op":"upsert","external_id":{object_id},"data":{body}}', max_records: 100,
          answers: /results, match: /id, match_by: record_id, ok: /ok, status: /status, error: /error, remote_id: /remote_id, operations: [create, update] }
)yaml"),
                watch_account);
  stand.sql().run("insert into account select n, 'n' || n, n, true from generate_series(1, 1000) n");
  stand.set_faults(R"([{"kind": "status", "status": 422, "external_id": "500"}])");
  stand.tandem().start_ready();
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  EXPECT_EQ(stand.living("account"), 999U);
  EXPECT_EQ(count(stand, "request_state = 4 and object_id = '500' and outcome = 'rejected'"), 1);
  EXPECT_EQ(count(stand, "outcome = 'delivered'"), 999);
  EXPECT_EQ(stand.field("account", "777", "name"), "n777");
}

TEST(Batches, APoisonedOneIsSplitUntilTheBadRecordStandsAlone) {
  second_crm::Settings settings = Stand::open_crm();
  settings.atomic_batches = true;
  Stand stand({.crm = settings});
  stand.sql().run(account_table);
  stand.install(stand.target(R"yaml(      batch:
        { method: POST, path: "/batch/{request_type}", wrap: '{"records":[{body}]}',
          each: '{"id":{record_id},"op":"upsert","external_id":{object_id},"data":{body}}', max_records: 64,
          answers: /results, match: /id, match_by: record_id, ok: /ok, status: /status, error: /error, remote_id: /remote_id, operations: [create, update] }
)yaml"),
                watch_account);
  stand.sql().run("insert into account select n, 'n' || n, n, true from generate_series(1, 200) n");
  stand.set_faults(R"([{"kind": "status", "status": 422, "external_id": "50"}])");
  stand.tandem().start_ready();
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  EXPECT_EQ(stand.living("account"), 199U);
  EXPECT_EQ(count(stand, "request_state = 4"), 1);
}

}  // namespace
}  // namespace tandem::test_support
