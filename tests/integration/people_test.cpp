#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "accounts.hpp"
#include "support/http_call.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace {

constexpr const char* refuse_seven = R"([{"kind": "status", "status": 422, "external_id": "7"}])";

long long count(Stand& stand, const std::string& condition) {
  return stand.sql().number("select count(*) from tandem.outbox where " + condition);
}

/// A failed record of object 7 beside a delivered one.
class AFailedRecord : public testing::Test {
 protected:
  AFailedRecord() {
    stand.sql().run(account_table);
    stand.begin(watch_account);
    stand.set_faults(refuse_seven);
    stand.sql().run("insert into account values (7, 'seven', 1, true), (8, 'eight', 1, true)");
    if (!stand.settles()) throw std::runtime_error("the records do not settle");
    counter = stand.sql().text("select counter from tandem.outbox where object_id = '7'");
  }
  Stand stand;
  std::string counter;
};

TEST_F(AFailedRecord, SaysWhyAndIsListed) {
  EXPECT_EQ(stand.sql()
                .rows("select request_state, outcome, error_code, answer_status, need_retry, attempts from "
                      "tandem.outbox where object_id = '7'")
                .front(),
            (Sql::Row{"4", "rejected", "rejected", "422", "f", "1"}));
  EXPECT_THAT(stand.tandem().must({"list", "--state", "failed"}),
              testing::AllOf(testing::HasSubstr(counter), testing::HasSubstr("rejected")));
  EXPECT_EQ(stand.tandem().command({"status"}).status, 3);
  EXPECT_THAT(stand.tandem().must({"trace", counter}), testing::HasSubstr("422"));
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.attempt"), 1);
}

TEST_F(AFailedRecord, IsSentAgainOnRetryUnderTheSameKey) {
  stand.set_faults("[]");
  stand.tandem().must({"retry", counter, "--yes"});
  ASSERT_TRUE(wait_for([&] { return stand.outcome_of("7", "account") == "delivered"; }));
  EXPECT_EQ(stand.field("account", "7", "name"), "seven");
  const auto writes = stand.writes_of("account", "7");
  ASSERT_GE(writes.size(), 2U);
  EXPECT_EQ(writes.front().idempotency_key, writes.back().idempotency_key);
  EXPECT_EQ(count(stand, "object_id = '7'"), 1);
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.failed"), 0);
  EXPECT_EQ(stand.tandem().command({"status"}).status, 0);
}

TEST_F(AFailedRecord, ThatWasOvertakenIsNeverSentAgain) {
  stand.set_faults("[]");
  stand.sql().run("update account set name = 'newer' where nr = 7");
  ASSERT_TRUE(wait_for([&] { return stand.field("account", "7", "name") == "newer"; }));
  stand.tandem().must({"retry", counter, "--yes"});
  ASSERT_TRUE(wait_for(
      [&] { return stand.sql().text("select request_state from tandem.outbox where counter = " + counter) == "3"; }));
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("account", "7", "name"), "newer");
  for (const auto& entry : stand.writes_of("account", "7"))
    EXPECT_TRUE(!entry.in_effect || entry.body.find("seven") == std::string::npos) << entry.body;
}

TEST_F(AFailedRecord, CanBeDiscarded) {
  stand.tandem().must({"discard", counter, "--yes", "--reason", "entered by hand"});
  EXPECT_EQ(stand.outcome_of("7", "account"), "discarded");
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.failed"), 0);
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.audit where reason = 'entered by hand'"), 1);
  EXPECT_EQ(stand.object("account", "7"), "");
  EXPECT_EQ(stand.tandem().command({"status"}).status, 0);
}

TEST(Pause, HoldsATargetThroughARestartAndResumeSendsInOrder) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  stand.sql().run("insert into account values (1, 'before', 1, true)");
  ASSERT_TRUE(stand.settles());
  stand.tandem().must({"pause", "second_crm", "--reason", "maintenance over there"});
  EXPECT_EQ(stand.tandem().command({"status"}).status, 3);
  ASSERT_TRUE(wait_for([&] {
    return http_call(stand.tandem().http_port(), "GET", "/metrics")
               .body.find("tandem_target_paused{target=\"second_crm\"} 1") != std::string::npos;
  }));
  stand.sql().run(
      "update account set name = 'while paused'; insert into account select n, 'n', 1, true from generate_series(2, "
      "50) n");
  EXPECT_FALSE(stand.settles(std::chrono::seconds(2)));
  EXPECT_EQ(stand.field("account", "1", "name"), "before");
  EXPECT_EQ(stand.tandem().stop(), 0);
  stand.tandem().start_ready();
  EXPECT_FALSE(stand.settles(std::chrono::seconds(1)));
  EXPECT_EQ(stand.living("account"), 1U);
  stand.tandem().must({"resume", "second_crm"});
  ASSERT_TRUE(stand.settles(std::chrono::seconds(10)));
  EXPECT_EQ(stand.living("account"), 50U);
  EXPECT_EQ(stand.field("account", "1", "name"), "while paused");
  EXPECT_EQ(count(stand, "attempts > 1"), 0);
}

TEST(Pause, OfOneRouteLeavesTheOthers) {
  Stand stand;
  stand.sql().run(std::string(account_table) + "; create table contact (nr int primary key, name text)");
  stand.begin(std::string(watch_account) +
              "  contact:\n    table: public.contact\n    routes:\n      - { target: second_crm }\n");
  stand.tandem().must({"pause", "second_crm", "--request-type", "account"});
  int last = 0;
  ASSERT_TRUE(wait_for([&] {  // until the connector has noticed, changes go out
    stand.sql().run("insert into account values (" + std::to_string(++last) + ", 'n', 1, true)");
    return stand.sql().number("select count(*) from tandem.parked where reason = 'pause'") > 0;
  }));
  const auto before = stand.living("account");
  stand.sql().run("insert into account values (0, 'n', 1, true); insert into contact values (1, 'c')");
  ASSERT_TRUE(wait_for([&] { return stand.living("contact") == 1; }));
  EXPECT_FALSE(stand.settles(std::chrono::seconds(1)));
  EXPECT_EQ(stand.living("account"), before);
  stand.tandem().must({"resume", "second_crm", "--request-type", "account"});
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("account"), static_cast<std::size_t>(last) + 1);
}

TEST(OnFailure, BlockHoldsTheObjectAndSupersedeOvertakesIt) {
  Stand stand;
  stand.sql().run(std::string(account_table) + "; create table contact (nr int primary key, name text)");
  stand.begin(R"(
  account:
    table: public.account
    routes:
      - { target: second_crm, on_failure: block }
  contact:
    table: public.contact
    routes:
      - { target: second_crm, on_failure: supersede }
)");
  stand.set_faults(
      R"([{"kind": "status", "status": 422, "type": "account", "times": 1}, {"kind": "status", "status": 422, "type": "contact", "times": 1}])");
  stand.sql().run("insert into account values (1, 'first', 1, true); insert into contact values (1, 'first')");
  ASSERT_TRUE(wait_for([&] { return count(stand, "request_state = 4") == 2; }));
  stand.sql().run("update account set name = 'second'; update contact set name = 'second'");
  ASSERT_TRUE(wait_for([&] { return stand.field("contact", "1", "name") == "second"; }));
  EXPECT_EQ(stand.object("account", "1"), "");
  ASSERT_TRUE(wait_for([&] { return count(stand, "request_type = 'account' and request_state in (1, 2)") == 1; }));
  stand.tandem().must({"retry", "--all", "--yes"});
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("account", "1", "name"), "second");
}

TEST(Version, IsToldInBothForms) {
  Stand stand;
  EXPECT_THAT(stand.tandem().must({"version"}), testing::HasSubstr("tandem"));
  EXPECT_THAT(stand.tandem().must({"version", "--json"}), testing::StartsWith("{"));
}

TEST(Doctor, FindsNothingInAFreshInstallationAndTheDisabledTriggerLater) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  const auto healthy = stand.tandem().command({"doctor"});
  EXPECT_NE(healthy.status, 1) << healthy.output;
  stand.sql().run("alter table account disable trigger all");
  const auto ill = stand.tandem().command({"doctor"});
  EXPECT_EQ(ill.status, 1) << ill.output;
  EXPECT_THAT(ill.output, testing::HasSubstr("account"));
}

TEST(Doctor, LooksAtTheServerBeforeAnythingIsInstalled) {
  Stand stand;
  stand.sql().run(account_table);
  stand.tandem().write_configuration(stand.configuration(stand.target(), watch_account));
  const auto told = stand.tandem().command({"doctor"});
  EXPECT_EQ(told.status, 1) << told.output;
  EXPECT_THAT(told.output, testing::HasSubstr("run `tandem migrate` first"));
  EXPECT_THAT(told.output, testing::HasSubstr("wal_level is logical"));
  EXPECT_THAT(told.output, testing::HasSubstr("clocks agree"));
}

TEST(Doctor, TellsWhenTheServerAllowsNoPluginOfOurs) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  stand.sql().run("alter system set output_plugin_libraries = test_decoding");
  stand.sql().run("select pg_reload_conf()");
  ASSERT_TRUE(wait_for([&] {
    return stand.tandem().command({"doctor"}).output.find("output_plugin_libraries does not list pgoutput") !=
           std::string::npos;
  }));
}

TEST(Mistyped, IsToldInWordsAndByTheExitCode) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(watch_account);
  EXPECT_NE(stand.tandem().command({"retry", "99999"}).status, 0);
  EXPECT_NE(stand.tandem().command({"discard", "99999"}).status, 0);
  EXPECT_EQ(stand.tandem().command({"retry", "--all", "--yes"}).status, 0) << "nothing has failed";
  const auto nobody = stand.tandem().command({"pause", "second_crn"});
  EXPECT_NE(nobody.status, 0);
  EXPECT_THAT(nobody.output,
              testing::AllOf(testing::HasSubstr("there is no target second_crn"),
                             testing::HasSubstr("known here: second_crm"), testing::Not(testing::HasSubstr("select"))));
  EXPECT_THAT(stand.tandem().command({"pause", "second_crm", "--request-type", "acount"}).output,
              testing::AllOf(testing::HasSubstr("there is no route of acount to second_crm"),
                             testing::HasSubstr("known here: account")));
}

TEST(Unwatch, DrainsWhatWasCapturedAndCapturesNoMore) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  stand.tandem().must({"pause", "second_crm"});
  stand.sql().run("insert into account values (1, 'captured', 1, true)");
  stand.sql().run("select tandem.unwatch('account')");
  stand.sql().run("insert into account values (2, 'not captured', 1, true)");
  stand.tandem().must({"resume", "second_crm"});
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("account"), 1U);
  EXPECT_EQ(count(stand, "true"), 1);
}

}  // namespace
}  // namespace tandem::test_support
