#include <gtest/gtest.h>

#include <string>

#include "both_ways.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

/// `write_back`: the CRM's own rows are told their objects' ids and how their changes have ended.
namespace tandem::test_support {
namespace {

using namespace std::chrono_literals;

constexpr auto bound = std::chrono::seconds(60);
constexpr const char* table =
    "create table account (nr bigint primary key, name text not null, changed_at timestamptz, crm_id text, crm_state "
    "text)";
/// The CRM keeps the time of each of its changes, as many do.
constexpr const char* stamped =
    "create function stamp() returns trigger language plpgsql as $$ begin new.changed_at := clock_timestamp(); return "
    "new; end $$;"
    "create trigger stamp before update of name on account for each row execute function stamp()";
constexpr const char* watch = R"(
  account:
    table: public.account
    routes:
      - target: second_crm
        write_back: { remote_id: crm_id, status: crm_state }
)";

class WriteBack : public ::testing::Test {
 protected:
  WriteBack() {
    stand.sql().run(table);
    stand.sql().run(stamped);
  }
  std::string row(int nr) {
    return stand.sql().text("select concat_ws(' ', name, crm_id, crm_state) from account where nr = " +
                            std::to_string(nr));
  }
  std::string remote_id() { return stand.sql().text("select remote_id from tandem.identity where state = 'paired'"); }
  bool told(int nr, const std::string& wanted) {
    return wait_for([&] { return row(nr) == wanted; }, bound);
  }
  long long records() { return stand.sql().number("select count(*) from tandem.outbox"); }
  bool rests() {
    return stand.settles(bound) &&
           wait_for([&] { return stand.sql().number("select count(*) from tandem.write_back") == 0; }, bound);
  }
  Stand stand;
};

TEST_F(WriteBack, TheRowIsToldTheIdAndTheStatusWithoutAnEcho) {
  stand.begin(watch);
  stand.sql().run("insert into account values (1, 'one')");
  ASSERT_TRUE(rests());
  ASSERT_TRUE(told(1, "one " + remote_id() + " synced")) << row(1);
  EXPECT_EQ(records(), 1);
  EXPECT_EQ(stand.object("account", "1").find("crm_id"), std::string::npos) << "they do not travel";
  EXPECT_EQ(stand.sql().text("select changed_at is null from account"), "t") << "nothing else was touched";
  stand.sql().run("update account set name = 'uno'");
  ASSERT_TRUE(rests());
  EXPECT_EQ(records(), 2);
  EXPECT_EQ(stand.field("account", "1", "name"), "uno");
  // Who deletes the object has no row to be told.
  stand.sql().run("delete from account");
  ASSERT_TRUE(rests());
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.alert"), 0);
}

TEST_F(WriteBack, AFailureIsToldAndTheNextSuccessAsWell) {
  stand.begin(watch);
  stand.set_faults(R"([{"kind": "status", "status": 422, "times": 1}])");
  stand.sql().run("insert into account values (1, 'one')");
  ASSERT_TRUE(told(1, "one rejected")) << row(1);
  stand.sql().run("update account set name = 'uno'");
  ASSERT_TRUE(rests());
  EXPECT_TRUE(told(1, "uno " + remote_id() + " synced")) << row(1);
  EXPECT_EQ(records(), 2);
}

TEST_F(WriteBack, ARowThatTheCrmHoldsDelaysWhatIsToldAndNotTheDelivery) {
  stand.begin(watch);
  stand.sql().run("insert into account values (1, 'one'), (2, 'two')");
  ASSERT_TRUE(rests());
  auto person = stand.postgres().connect();
  person.run("begin; update account set crm_state = 'busy' where nr = 1");
  stand.set_faults(R"([{"kind": "status", "status": 422, "times": 1, "external_id": "2"}])");
  auto other = stand.postgres().connect();
  other.run("select tandem.enqueue('second_crm', 'account', '1')");
  other.run("update account set name = 'dos' where nr = 2");
  ASSERT_TRUE(stand.settles(bound)) << "the delivery does not wait";
  ASSERT_TRUE(wait_for([&] { return other.text("select crm_state from account where nr = 2") == "rejected"; }, bound))
      << "nor do other rows";
  ASSERT_TRUE(
      wait_for([&] { return other.number("select count(*) from tandem.write_back where tries > 0") > 0; }, bound));
  person.run("commit");
  EXPECT_TRUE(wait_for([&] { return other.text("select crm_state from account where nr = 1") == "synced"; }, bound));
}

TEST_F(WriteBack, ARestartForgetsNothing) {
  stand.begin(watch);
  auto person = stand.postgres().connect();
  stand.sql().run("insert into account values (1, 'one')");
  ASSERT_TRUE(rests());
  person.run("begin; select from account where nr = 1 for update");
  stand.sql().run(
      "delete from tandem.failed; insert into tandem.write_back (target, request_type, object_id) values "
      "('second_crm', 'account', '1')");
  stand.sql().run("update tandem.identity set remote_id = 'another'");
  ASSERT_TRUE(wait_for([&] { return stand.sql().number("select count(*) from tandem.write_back where tries > 0") > 0; },
                       bound));
  stand.tandem().kill();
  person.run("commit");
  stand.tandem().start_ready(bound);
  EXPECT_TRUE(told(1, "one another synced")) << row(1);
}

TEST_F(WriteBack, ARouteThatCarriesTheColumnSendsItOnceAndComesToRest) {
  const std::string second = stand.target_named("other", stand.crm().url());
  stand.begin(stand.target() + second,
              std::string(watch) +
                  "      - target: other\n        request_type: copy\n        fields: { name: Name, crm_id: "
                  "CrmId }\n");
  stand.sql().run("insert into account values (1, 'one')");
  ASSERT_TRUE(
      wait_for([&] { return !remote_id().empty() && stand.field("copy", "1", "CrmId") == remote_id(); }, bound));
  ASSERT_TRUE(rests());
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.outbox where target = 'second_crm'"), 1);
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.outbox where target = 'other'"), 2);
}

TEST(WriteBackBothWays, WhatTheyCreateIsToldToo) {
  Stand::Options options;
  options.top = "sources:\n  second_crm: { request_type: /type, operation: /op, event: /event }\n";
  Stand stand(options);
  stand.sql().run(
      "create table account (id bigint generated by default as identity primary key, name text, crm_id text)");
  stand.begin("  second_crm:\n    type: rest\n    url: " + stand.crm().url() + R"(
    requests:
      create: { method: POST, path: "/{request_type}", remote_id: /id }
      update: { method: PATCH, path: "/{request_type}/{remote_id}" }
      delete: { method: DELETE, path: "/{request_type}/{remote_id}" }
)",
              R"(
  account:
    table: public.account
    routes:
      - target: second_crm
        fields: { name: Name }
        apply: {}
        write_back: { remote_id: crm_id }
)");
  ASSERT_EQ(http_call(stand.tandem().http_port(), "POST", "/v1/intake/second_crm",
                      R"({"event":"1","type":"account","op":"create","id":"theirs","data":{"Name":"new"}})")
                .status,
            202);
  EXPECT_TRUE(wait_for(
      [&] {
        return stand.sql().text("select coalesce(max(concat_ws(' ', name, crm_id)), '') from account") == "new theirs";
      },
      bound));
  ASSERT_TRUE(stand.settles(bound));
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.outbox"), 0) << "nothing goes back";
}

}  // namespace
}  // namespace tandem::test_support
