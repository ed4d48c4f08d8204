#include <gtest/gtest.h>

#include <string>

#include "accounts.hpp"
#include "support/http_call.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

/// `then`: calls that follow a change, as records of their own.
namespace tandem::test_support {
namespace {

using namespace std::chrono_literals;

constexpr auto bound = std::chrono::seconds(60);

/// The call creates an object of a type that the configuration names in its body.
std::string target(Stand& stand, const std::string& call = R"(path: "/{body.start}")") {
  return "  second_crm:\n    type: rest\n    url: " + stand.crm().url() + R"(
    timeout: 5s
    retry: { count: 3, first: 100ms, factor: 1.5 }
    requests:
      create: { method: POST, path: "/{request_type}", remote_id: /id }
      update: { method: PATCH, path: "/{request_type}/{remote_id}" }
      delete: { method: DELETE, path: "/{request_type}/{remote_id}" }
      lookup: { method: GET, path: "/{request_type}?external_id={object_id}", remote_id: /items/0/id }
      call: { method: POST, )" +
         call + " }\n";
}
std::string watch(const std::string& then, const std::string& more = "") {
  return "\n  account:\n    table: public.account\n    routes:\n      - target: second_crm\n        fields: { name: "
         "Name }\n        "
         "then: " +
         then + "\n" + more;
}
std::vector<second_crm::Entry> calls(Stand& stand, const std::string& type) {
  return stand.crm().ask([&](second_crm::Api& api) {
    std::vector<second_crm::Entry> out;
    for (const auto& entry : api.journal().entries())
      if (entry.type == type) out.push_back(entry);
    return out;
  });
}
std::string story(Stand& stand) {
  return stand.sql().text(
      "select string_agg(operation || ' ' || coalesce(outcome, 'pending'), ', ' order by counter) from tandem.outbox");
}

TEST(FollowUps, ACallFollowsTheDeliveryThatCausesIt) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(
      target(stand),
      watch("[ { body: { start: process, priority: 1 } }, { after: [update, delete], body: { start: audit } } ]"));
  stand.sql().run("insert into account values (1, 'one', 0, true)");
  ASSERT_TRUE(stand.settles(bound));
  ASSERT_TRUE(wait_for([&] { return story(stand) == "create delivered, call delivered"; }, bound)) << story(stand);
  const auto started = calls(stand, "process");
  ASSERT_EQ(started.size(), 1U);
  const auto cause = stand.sql().text("select record_id from tandem.outbox where operation = 'create'");
  EXPECT_EQ(started[0].body, R"({"start": "process", "priority": 1, "caused_by": ")" + cause + "\"}")
      << "as the database prints it";
  EXPECT_EQ(started[0].idempotency_key,
            stand.sql().text("select record_id from tandem.outbox where operation = 'call'"));
  stand.sql().run("update account set name = 'uno'");
  ASSERT_TRUE(wait_for([&] { return calls(stand, "audit").size() == 1; }, bound));
  stand.sql().run("delete from account");
  ASSERT_TRUE(wait_for([&] { return calls(stand, "audit").size() == 2; }, bound));
  ASSERT_TRUE(stand.settles(bound));
  EXPECT_EQ(story(stand),
            "create delivered, call delivered, update delivered, call delivered, delete delivered, call delivered");
  EXPECT_EQ(calls(stand, "process").size(), 1U);
}

TEST(FollowUps, ACallHasRetriesAndAFateOfItsOwn) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(target(stand), watch("{ body: { start: process } }"));
  stand.set_faults(R"([{"kind": "status", "status": 503, "times": 2, "type": "process"}])");
  stand.sql().run("insert into account values (1, 'one', 0, true)");
  ASSERT_TRUE(wait_for([&] { return story(stand) == "create delivered, call delivered"; }, bound)) << story(stand);
  const auto tried = calls(stand, "process");
  ASSERT_EQ(tried.size(), 3U);
  EXPECT_EQ(tried[0].idempotency_key, tried[2].idempotency_key);
  EXPECT_EQ(tried[0].body, tried[2].body);
  stand.set_faults(R"([{"kind": "status", "status": 422, "type": "process"}])");
  stand.sql().run("insert into account values (2, 'two', 0, true)");
  ASSERT_TRUE(wait_for([&] { return stand.sql().number("select count(*) from tandem.failed") == 1; }, bound));
  stand.set_faults("[]");
  stand.sql().run("update account set name = 'dos' where nr = 2");
  ASSERT_TRUE(stand.settles(bound));
  EXPECT_EQ(stand.sql().text("select outcome from tandem.outbox where operation = 'call' and object_id = '2'"),
            "rejected")
      << "a later change does not make up for it";
  stand.sql().run("select tandem.retry(record_id) from tandem.outbox where operation = 'call' and object_id = '2'");
  ASSERT_TRUE(stand.settles(bound));
  EXPECT_EQ(stand.sql().text("select outcome from tandem.outbox where operation = 'call' and object_id = '2'"),
            "delivered")
      << "nor does it stand in for it";
}

TEST(FollowUps, AKilledConnectorCallsOncePerCause) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(target(stand), watch("{ body: { start: process } }"));
  stand.sql().run("insert into account select g, 'n' || g, 0, true from generate_series(1, 20) as g");
  for (const char* point : {"after_flush:2", "after_flush:1"}) {
    stand.tandem().start({{"TANDEM_FAIL_POINT", point}});
    ASSERT_TRUE(stand.tandem().wait(bound)) << point;
  }
  stand.tandem().start_ready(bound);
  ASSERT_TRUE(wait_for(
      [&] { return stand.sql().number("select count(*) from tandem.outbox where operation = 'call'") == 20; }, bound));
  ASSERT_TRUE(stand.settles(bound));
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.outbox where operation = 'call'"), 20)
      << "one for each cause";
  EXPECT_EQ(
      stand.sql().number("select count(distinct body ->> 'caused_by') from tandem.outbox where operation = 'call'"),
      20);
}

TEST(FollowUps, AChangeThatComesInIsFollowedToo) {
  Stand::Options options;
  options.top = "sources:\n  second_crm: { request_type: /type, operation: /op, event: /event }\n";
  Stand stand(options);
  stand.sql().run(account_table);
  stand.sql().run("alter table account alter nr add generated by default as identity");
  stand.begin(target(stand, R"(path: "/{body.start}", wrap: '{"for": {body}}')"),
              watch("{ after: [create], on: [applied], body: { start: process } }",
                    "        apply: { natural_key: [name] }\n"));
  const auto tell = [&](int event, const std::string& operation, const std::string& name) {
    const auto status = http_call(stand.tandem().http_port(), "POST", "/v1/intake/second_crm",
                                  R"({"event":")" + std::to_string(event) + R"(","type":"account","op":")" + operation +
                                      R"(","id":"theirs","data":{"Name":")" + name + R"("}})")
                            .status;
    EXPECT_EQ(status, 202);
  };
  tell(1, "create", "new");
  ASSERT_TRUE(wait_for([&] { return calls(stand, "process").size() == 1; }, bound));
  tell(2, "update", "newer");
  ASSERT_TRUE(
      wait_for([&] { return stand.sql().text("select coalesce(max(name), '') from account") == "newer"; }, bound));
  ASSERT_TRUE(stand.settles(bound));
  EXPECT_EQ(story(stand), "call delivered") << "an update is followed by nothing";
  EXPECT_EQ(
      stand.sql().text(
          "select body ->> 'caused_by' = (select record_id::text from tandem.inbox order by counter limit 1) from "
          "tandem.outbox"),
      "t");
}

TEST(FollowUps, PeopleAndApplicationsMayCallToo) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(target(stand), watch("{ body: { start: process } }"));
  stand.sql().run("insert into account values (1, 'one', 0, true)");
  ASSERT_TRUE(wait_for([&] { return story(stand) == "create delivered, call delivered"; }, bound)) << story(stand);
  // A pending change, a call and a change of the whole, in one transaction: none stands in for another.
  stand.sql().run(
      "begin; select tandem.enqueue('second_crm', 'account', '1'); select tandem.enqueue('second_crm', 'account', '1', "
      "'call', "
      "'{\"start\": \"audit\", \"n\": 1}'); update account set name = 'uno'; commit");
  ASSERT_TRUE(wait_for([&] { return calls(stand, "audit").size() == 1; }, bound));
  ASSERT_TRUE(stand.settles(bound));
  EXPECT_EQ(calls(stand, "audit")[0].body, R"({"n": 1, "start": "audit"})") << "sent as it is";
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.outbox where request_state = 4"), 0);
  const auto id = stand.sql().text("select remote_id from tandem.identity");
  EXPECT_EQ(stand.crm()
                    .ask([&](second_crm::Api& api) {
                      const auto effect = api.store().get("account", id);
                      return effect.object == nullptr ? std::string() : second_crm::print(*effect.object);
                    })
                    .find("\"uno\"") != std::string::npos,
            true);
}

}  // namespace
}  // namespace tandem::test_support
