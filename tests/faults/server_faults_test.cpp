#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "support/proof.hpp"
#include "support/wait_for.hpp"
#include "workload.hpp"

namespace tandem::test_support {
namespace {

class ServerRestart : public testing::TestWithParam<PrivatePostgres::Shutdown> {};

/// The CRM goes on as CRMs do: each transaction again until the server takes it.
void change_through_faults(PrivatePostgres& postgres, int first, int last) {
  std::optional<Sql> session;
  for (int id = first; id <= last;) {
    try {
      if (!session) session.emplace(postgres.connect());
      session->run(
          "insert into account values (" + std::to_string(id) +
          ", 'n') on conflict do nothing; update account set round = round + 1 where nr = " + std::to_string(id));
      ++id;
    } catch (const std::runtime_error&) {
      session.reset();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
}

TEST_P(ServerRestart, IsSurvivedInTheMiddleOfWork) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  for (int turn = 0; turn < 3; ++turn) {
    std::thread crm([&] { change_through_faults(stand.postgres(), turn * 300 + 1, turn * 300 + 300); });
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + 70 * turn));  // somewhere within
    stand.postgres().restart(GetParam());
    crm.join();
  }
  stand.reconnect();
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60))) << stand.pending() << " records are pending";
  EXPECT_TRUE(stand.tandem().running());
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(How, ServerRestart,
                         testing::Values(PrivatePostgres::Shutdown::fast, PrivatePostgres::Shutdown::immediate),
                         [](const auto& how) {
                           return how.param == PrivatePostgres::Shutdown::fast ? "fast" : "immediate";
                         });

TEST(ServerFault, ASuspendedServerIsWaitedFor) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  stand.sql().run("insert into account select n, 'n' from generate_series(1, 500) n");
  stand.postgres().freeze();
  std::this_thread::sleep_for(std::chrono::seconds(3));
  stand.postgres().thaw();
  make_changes(stand.sql(), 501, 600);
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60))) << stand.pending() << " records are pending";
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

TEST(ServerFault, TerminatedSessionsAreOpenedAgain) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  for (int turn = 0; turn < 4; ++turn) {
    make_changes(stand.sql(), turn * 50 + 1, turn * 50 + 50);
    stand.sql().run("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'tandem_connector'");
  }
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60))) << stand.pending() << " records are pending";
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

TEST(ServerFault, AServerThatIsAwayIsWaitedForAndThenServed) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  EXPECT_EQ(stand.tandem().stop(), 0);
  make_changes(stand.sql(), 1, 50);
  stand.tandem().start_ready();
  stand.postgres().stop();
  EXPECT_TRUE(wait_for([&] { return !stand.tandem().ready(); })) << "it says that it is ready without a database";
  EXPECT_TRUE(stand.tandem().running());
  stand.postgres().start();
  stand.reconnect();
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60)));
  EXPECT_TRUE(wait_for([&] { return stand.tandem().ready(); }));
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

TEST(LongTransaction, HoldsUpNobodyAndIsDeliveredWhenItCommits) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  auto slow = stand.postgres().connect();
  slow.run("begin; insert into account values (1000, 'slow')");
  auto prepared = stand.postgres().connect();
  prepared.run("begin; insert into account values (1001, 'prepared'); prepare transaction 'later'");
  make_changes(stand.sql(), 1, 100);
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  EXPECT_EQ(stand.object("account", "1000"), "");
  slow.run("commit");
  ASSERT_TRUE(wait_for([&] { return !stand.object("account", "1000").empty(); }));
  // The connector may come and go while a transaction stays prepared.
  EXPECT_EQ(stand.tandem().stop(), 0);
  stand.tandem().start_ready();
  prepared.run("commit prepared 'later'");
  ASSERT_TRUE(wait_for([&] { return !stand.object("account", "1001").empty(); }));
  ASSERT_TRUE(stand.settles());
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

}  // namespace
}  // namespace tandem::test_support
