#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "support/proof.hpp"
#include "support/wait_for.hpp"
#include "workload.hpp"

namespace tandem::test_support {
namespace {

struct Misbehaviour {
  const char* name;
  const char* faults;
};

void PrintTo(const Misbehaviour& parameter, std::ostream* out) {
  *out << parameter.name;
}

std::string name_of(const testing::TestParamInfo<Misbehaviour>& info) {
  return info.param.name;
}

/// A fifth of the requests go wrong for a while; then the target is well again.
class TargetFaults : public testing::TestWithParam<Misbehaviour> {};

TEST_P(TargetFaults, CostTimeAndNothingElse) {
  Stand stand;
  stand.sql().run(account_table);
  std::string target = stand.target();
  target.replace(target.find("timeout: 5s"), 11, "timeout: 1s");
  stand.begin(target, watch_account);
  stand.set_faults(GetParam().faults);
  make_changes(stand.sql(), 1, 150);
  stand.settles(std::chrono::seconds(4));
  stand.set_faults("[]");
  make_changes(stand.sql(), 151, 200);
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60))) << stand.pending() << " records are pending";
  // What spent its attempts has failed and says why; a person sends it again.
  EXPECT_EQ(
      stand.sql().number(
          "select count(*) from tandem.outbox where request_state = 4 and (error_code is null or description is null)"),
      0);
  stand.sql().run("select tandem.retry('second_crm', most => 100000)");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60))) << stand.pending() << " records are pending";
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, TargetFaults,
    testing::Values(
        Misbehaviour{"Answers500", R"([{"kind": "status", "status": 500, "share": 0.2}])"},
        Misbehaviour{"Answers500AfterItsEffect",
                     R"([{"kind": "status", "status": 500, "moment": "after_effect", "share": 0.2}])"},
        Misbehaviour{"Answers503WithRetryAfter",
                     R"([{"kind": "status", "status": 503, "retry_after": 1, "share": 0.05, "times": 3}])"},
        Misbehaviour{"Answers429",
                     R"([{"kind": "status", "status": 429, "retry_after": 1, "share": 0.1, "times": 3}])"},
        Misbehaviour{"Answers400", R"([{"kind": "status", "status": 400, "share": 0.2, "times": 30}])"},
        Misbehaviour{"IsSlow", R"([{"kind": "slow", "delay_ms": 300, "share": 0.2}])"},
        Misbehaviour{"AnswersGarbage", R"([{"kind": "garbage", "moment": "after_effect", "share": 0.2, "times": 40}])"},
        Misbehaviour{"HidesAnErrorInA200", R"([{"kind": "hidden_error", "share": 0.2, "times": 30}])"},
        Misbehaviour{"CutsItsAnswerBeforeTheEffect", R"([{"kind": "cut", "bytes": 10, "share": 0.2, "times": 40}])"},
        Misbehaviour{"CutsItsAnswerAfterTheEffect",
                     R"([{"kind": "cut", "moment": "after_effect", "bytes": 10, "share": 0.2, "times": 40}])"},
        Misbehaviour{"SaysNothing", R"([{"kind": "hang", "share": 0.1, "times": 10}])"},
        Misbehaviour{"SaysNothingAfterTheEffect",
                     R"([{"kind": "hang", "moment": "after_effect", "share": 0.1, "times": 10}])"}),
    name_of);

TEST(TargetDown, CostsTheRecordsNoAttempt) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  make_changes(stand.sql(), 1, 40);
  ASSERT_TRUE(stand.settles());
  stand.crm().go_down();
  make_changes(stand.sql(), 41, 150);
  ASSERT_TRUE(wait_for([&] { return stand.pending() > 0; }));
  EXPECT_FALSE(stand.settles(std::chrono::seconds(3)));
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.outbox where request_state = 4"), 0);
  stand.crm().come_up();
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30))) << stand.pending() << " records are pending";
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.outbox where attempts > 1"), 0);
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

TEST(TargetDown, AtTheStartAndThroughARestart) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(watch_account);
  stand.crm().go_down();
  make_changes(stand.sql(), 1, 60);
  stand.tandem().start_ready();
  EXPECT_FALSE(stand.settles(std::chrono::seconds(2)));
  EXPECT_EQ(stand.tandem().stop(), 0);
  stand.tandem().start_ready();
  make_changes(stand.sql(), 61, 120);
  stand.crm().come_up();
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30))) << stand.pending() << " records are pending";
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

TEST(TargetFault, APoisonedObjectStopsOnlyItself) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  stand.set_faults(R"([{"kind": "status", "status": 500, "external_id": "7"}])");
  stand.sql().run("insert into account select n, 'name' from generate_series(1, 100) n");
  ASSERT_TRUE(wait_for([&] { return stand.living("account") == 99; }));
  ASSERT_TRUE(stand.settles());
  const auto failed = stand.sql().rows(
      "select object_id, outcome, error_code, attempts, need_retry from tandem.outbox where request_state = 4");
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed.front(), (Sql::Row{"7", "exhausted", "unavailable", "4", "t"}));
  stand.set_faults("[]");
  // Exhausted by the target's fault: sent again, by a person here.
  stand.sql().run("select tandem.retry('second_crm', most => 100000)");
  ASSERT_TRUE(stand.settles());
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

}  // namespace
}  // namespace tandem::test_support
