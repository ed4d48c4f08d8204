#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "accounts.hpp"
#include "support/http_call.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace {

using testing::HasSubstr;

class Watchful : public testing::Test {
 protected:
  Watchful() { stand.sql().run(account_table); }
  Stand stand;
};

TEST_F(Watchful, DriftOfATableIsShownAndStopsNobody) {
  stand.begin(watch_account);
  EXPECT_EQ(stand.tandem().stop(), 0);
  stand.sql().run("insert into account values (1, 'one', 1, true); alter table account disable trigger user");
  stand.tandem().start_ready();
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.outcome_of("1", "account"), "delivered");
  EXPECT_TRUE(wait_for([&] { return stand.tandem().logged("a watched table is not captured as it should be"); }));
  const auto shown = stand.tandem().command({"status"});
  EXPECT_EQ(shown.status, 3);
  EXPECT_THAT(shown.output, HasSubstr("trigger missing or disabled"));
}

TEST_F(Watchful, AnAlertIsShownUntilItIsClosed) {
  stand.begin(watch_account);
  EXPECT_EQ(stand.tandem().command({"status"}).status, 0);
  stand.sql().run("insert into tandem.alert (kind, subject, description) values ('truncate', 'account', 'emptied')");
  const auto shown = stand.tandem().command({"status"});
  EXPECT_EQ(shown.status, 3);
  EXPECT_THAT(shown.output, HasSubstr("emptied"));
  stand.sql().run("update tandem.alert set recovered_at = now()");
  EXPECT_EQ(stand.tandem().command({"status"}).status, 0);
}

TEST_F(Watchful, ATargetThatIsDownIsNoPeacefulWork) {
  stand.begin(watch_account);
  stand.set_faults(R"([{"kind": "status", "status": 503}])");
  // Enough objects to open the breaker: with it open they wait instead of being exhausted.
  stand.sql().run("insert into account select n, 'one', 1, true from generate_series(1, 40) n");
  Finished shown;
  ASSERT_TRUE(wait_for([&] {
    shown = stand.tandem().command({"status"});
    return shown.output.find("target fault") != std::string::npos;
  }));
  EXPECT_EQ(shown.status, 3);
  stand.set_faults("[]");
  ASSERT_TRUE(stand.settles());
}

TEST_F(Watchful, ASecondConnectorOfAnotherNameIsRefused) {
  stand.begin(watch_account);
  std::string other = stand.configuration(stand.target(), watch_account);
  other.replace(other.find("connector: main"), 15, "connector: twin");
  TandemProcess twin(other);
  const auto refused = twin.command({"run"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.output, HasSubstr("the connector main is alive and delivers to second_crm"));
}

TEST_F(Watchful, NoRowIsWrittenMoreThanOnceASecondWhileASnapshotIsHeld) {  // under it each version of a row stays
  stand.begin(watch_account);
  stand.sql().run("insert into account values (1, 'one', 1, true)");
  ASSERT_TRUE(stand.settles());
  auto snapshot = stand.postgres().connect();
  snapshot.run("begin isolation level repeatable read; select from account");
  const auto begin = std::chrono::steady_clock::now();
  for (int change = 0; change < 200; ++change) {
    stand.sql().run("update account set revenue = " + std::to_string(change));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ASSERT_TRUE(stand.settles());
  snapshot.run("rollback");
  // The statistics come when the connector's sessions are idle or end.
  EXPECT_EQ(stand.tandem().stop(), 0);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_EQ(stand.sql().text("select coalesce(string_agg(relname || ': ' || n_tup_upd, ', '), '') "
                             "from pg_stat_user_tables where schemaname = 'tandem' and relname not in "
                             "('outbox', 'identity', 'agreed') and n_tup_upd > " +
                             std::to_string(seconds + 5)),
            "");
  EXPECT_TRUE(wait_for([&] {  // so it would have been seen
    stand.sql().run("select pg_stat_force_next_flush()");
    return stand.sql().number("select n_tup_upd from pg_stat_user_tables where relname = 'account'") >= 200;
  }));
}

}  // namespace
}  // namespace tandem::test_support
