#include <gmock/gmock.h>

#include <string>

#include "accounts.hpp"
#include "support/http_call.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

/// `settle_on: confirmed`: a record is done when a source says that it has taken effect there.
namespace tandem::test_support {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto bound = std::chrono::seconds(60);

class Confirmed : public ::testing::Test {
 protected:
  Confirmed() : stand(options()) { stand.sql().run(account_table); }

  static Stand::Options options() {
    Stand::Options out;
    out.top =
        "sources:\n  second_crm: { event: /event, confirmations: { record_id: /confirms, failed: /error, error: "
        "/error, "
        "remote_id: /id } }\n";
    return out;
  }
  void begin(const std::string& within = "10m") {
    std::string target = stand.target();
    target.replace(target.find("count: 3"), 8, "count: 1");
    begin_with(target, within);
  }
  void begin_with(const std::string& target, const std::string& within) {
    stand.begin(target,
                "\n  account:\n    table: public.account\n    routes:\n      - target: second_crm\n        settle_on: "
                "confirmed\n        confirm_within: " +
                    within + "\n");
  }

  /// Waits until the newest record of an object has been accepted, and names it.
  std::string accepted(const std::string& object_id) {
    const auto waiting = [&] {
      return stand.sql().text(
          "select coalesce(max(o.record_id::text), '') from tandem.parked p join tandem.outbox o on o.counter = "
          "p.counter "
          "where p.reason = 'confirmation' and o.object_id = '" +
          object_id + "'");
    };
    EXPECT_TRUE(wait_for([&] { return !waiting().empty(); }, bound)) << "of " << object_id;
    return waiting();
  }
  int tell(const std::string& record_id, const std::string& more = "") {
    return tell_as("e" + std::to_string(++events), record_id, more);
  }
  int tell_as(const std::string& event, const std::string& record_id, const std::string& more = "") {
    return http_call(stand.tandem().http_port(), "POST", "/v1/intake/second_crm",
                     R"({"event":")" + event + R"(","confirms":")" + record_id + "\"" + more + "}")
        .status;
  }
  std::string standing(const std::string& record_id) {
    return stand.sql().text(
        "select concat_ws(' ', request_state, outcome, attempts) from tandem.outbox where record_id = '" + record_id +
        "'");
  }
  bool comes_to(const std::string& record_id, const std::string& wanted) {
    return wait_for([&] { return standing(record_id) == wanted; }, bound);
  }

  Stand stand;
  int events = 0;
};

TEST_F(Confirmed, ARecordIsDoneWithItsConfirmationAndItsObjectWaitsUntilThen) {
  begin();
  stand.sql().run("insert into account values (1, 'first', 0, true), (2, 'other', 0, true)");
  const auto first = accepted("1"), other = accepted("2");
  EXPECT_EQ(standing(first), "2 0");
  EXPECT_EQ(stand.sql().text("select description from tandem.outbox where record_id = '" + first + "'"),
            "accepted; waits for its confirmation");
  stand.sql().run("update account set name = 'second' where nr = 1");
  ASSERT_EQ(tell(other), 202);
  ASSERT_TRUE(comes_to(other, "3 delivered 1")) << standing(other);
  EXPECT_EQ(stand.field("account", "1", "name"), "first") << "the lane is held";
  ASSERT_EQ(tell(first), 202);
  ASSERT_TRUE(comes_to(first, "3 delivered 1")) << standing(first);
  const auto second = accepted("1");
  EXPECT_EQ(stand.field("account", "1", "name"), "second");
  ASSERT_EQ(tell(second), 202);
  ASSERT_TRUE(stand.settles(bound));
  EXPECT_EQ(stand.writes_of("account", "1").size(), 2U);
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.confirmation"), 0);
  stand.sql().run("delete from account where nr = 1");
  ASSERT_EQ(tell(accepted("1")), 202);
  ASSERT_TRUE(stand.settles(bound));
  EXPECT_EQ(stand.object("account", "1"), "");
}

TEST_F(Confirmed, ARefusalFailsItInTheirWordsAndARetryWaitsForAnother) {
  begin();
  stand.sql().run("insert into account values (1, 'first', 0, true)");
  const auto record = accepted("1");
  ASSERT_EQ(tell(record, R"(,"error":"no such customer")"), 202);
  ASSERT_TRUE(comes_to(record, "4 rejected 1")) << standing(record);
  EXPECT_EQ(stand.sql().text("select description from tandem.outbox"), "no such customer");
  EXPECT_EQ(stand.sql().text("select string_agg(outcome, ' ') from tandem.failures"), "rejected");
  stand.sql().run("select tandem.retry(record_id => '" + record + "')");
  EXPECT_EQ(accepted("1"), record);
  ASSERT_EQ(tell(record), 202);
  ASSERT_TRUE(comes_to(record, "3 delivered 1")) << standing(record);
}

TEST_F(Confirmed, WhatConfirmsNothingIsCountedAndNeverAnError) {
  begin();
  stand.sql().run("insert into account values (1, 'first', 0, true)");
  const auto record = accepted("1");
  EXPECT_EQ(tell("00000000-0fff-8abc-9def-0123456789ab"), 202) << "nobody's";
  EXPECT_EQ(tell_as("twice", record), 202);
  EXPECT_EQ(tell_as("twice", record), 202) << "the same message";
  ASSERT_TRUE(comes_to(record, "3 delivered 1")) << standing(record);
  EXPECT_EQ(tell(record), 202) << "late";
  EXPECT_EQ(tell(record, R"(,"error":"changed my mind")"), 202);
  EXPECT_EQ(tell("7"), 422);
  EXPECT_EQ(standing(record), "3 delivered 1");
  EXPECT_EQ(
      stand.sql().text("select string_agg(outcome || ' ' || split_part(description, ':', 1), ', ' order by counter) "
                       "from tandem.inbox"),
      "discarded confirms a record that is not known, applied confirms, discarded confirms a record that is settled "
      "already, discarded confirms a record that is settled already");
  const auto metrics = http_call(stand.tandem().http_port(), "GET", "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr(R"(tandem_intake_confirmations_total{source="second_crm",use="used"} 1)"));
  EXPECT_THAT(metrics, HasSubstr(R"(tandem_intake_confirmations_total{source="second_crm",use="surplus"} 3)"));
}

TEST_F(Confirmed, AfterItsTimeItIsSentAgainUnderTheSameKeyAndThenItFails) {
  begin("300ms");
  stand.sql().run("insert into account values (1, 'first', 0, true)");
  ASSERT_TRUE(wait_for([&] { return stand.outcome_of("1", "account") == "exhausted"; }, bound));
  const auto writes = stand.writes_of("account", "1");
  ASSERT_GE(writes.size(), 2U) << "the first, and one retry";
  EXPECT_EQ(writes[0].idempotency_key, writes[1].idempotency_key);
  EXPECT_EQ(writes[0].body, writes[1].body);
  EXPECT_EQ(stand.sql().text("select string_agg(distinct description, '') from tandem.attempt where attempt = 1"),
            "not confirmed within 300ms");
  EXPECT_EQ(stand.sql().text("select concat_ws(' ', error_code, need_retry) from tandem.outbox"), "timeout t");
}

TEST_F(Confirmed, OneThatOvertakesTheAnswerIsNotLost) {
  begin();
  stand.set_faults(R"([{"kind": "slow", "delay_ms": 1500, "times": 1}])");
  stand.sql().run("insert into account values (1, 'first', 0, true)");
  ASSERT_TRUE(wait_for([&] { return stand.living("account") == 1; }, bound)) << "it takes effect before it is answered";
  const auto record = stand.sql().text("select record_id from tandem.outbox");
  ASSERT_EQ(tell(record), 202);
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.confirmation"), 1);
  ASSERT_TRUE(comes_to(record, "3 delivered 1")) << standing(record);
  EXPECT_EQ(stand.writes_of("account", "1").size(), 1U);
}

TEST_F(Confirmed, ARestartBetweenAcceptanceAndConfirmationLosesNothing) {
  begin();
  stand.sql().run("insert into account values (1, 'first', 0, true)");
  const auto record = accepted("1");
  stand.tandem().kill();
  stand.sql().run("update account set name = 'second' where nr = 1");
  stand.tandem().start_ready(bound);
  EXPECT_EQ(accepted("1"), record);
  ASSERT_EQ(tell(record), 202);
  ASSERT_TRUE(comes_to(record, "3 delivered 1")) << standing(record);
  ASSERT_EQ(tell(accepted("1")), 202);
  ASSERT_TRUE(stand.settles(bound));
  EXPECT_EQ(stand.field("account", "1", "name"), "second");
  EXPECT_EQ(stand.writes_of("account", "1").size(), 2U);
}

TEST_F(Confirmed, AConfirmationThatIsStoredWhenTheConnectorDiesSettlesItsRecordAfterwards) {
  begin();
  stand.sql().run("insert into account values (1, 'first', 0, true)");
  const auto record = accepted("1");
  stand.tandem().kill();
  stand.sql().run(
      "insert into tandem.confirmation (counter, record_id, source) select counter, record_id, 'second_crm' from "
      "tandem.outbox");
  stand.tandem().start_ready(bound);
  ASSERT_TRUE(comes_to(record, "3 delivered 1")) << standing(record);
  EXPECT_EQ(stand.writes_of("account", "1").size(), 1U);
}

TEST_F(Confirmed, TheirIdComesWithTheConfirmation) {
  begin_with("  second_crm:\n    type: rest\n    url: " + stand.crm().url() + std::string(create_and_update) +
                 "      idempotency_key: true\n",
             "10m");
  stand.sql().run("insert into account values (1, 'first', 0, true)");
  const auto record = accepted("1");
  EXPECT_EQ(stand.sql().text("select state from tandem.identity"), "pending") << "accepted only";
  const auto id = stand.sql().text("select remote_id from tandem.identity");
  ASSERT_EQ(tell(record, R"(,"id":")" + id + "\""), 202);
  ASSERT_TRUE(comes_to(record, "3 delivered 1")) << standing(record);
  EXPECT_EQ(stand.sql().text("select state || ' ' || remote_id from tandem.identity"), "paired " + id);
  stand.sql().run("update account set name = 'second'");
  const auto second = accepted("1");
  ASSERT_EQ(tell(second), 202);
  ASSERT_TRUE(stand.settles(bound));
  EXPECT_EQ(stand.living("account"), 1U) << "an update by their id";
}

}  // namespace
}  // namespace tandem::test_support
