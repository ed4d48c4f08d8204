#include <gtest/gtest.h>

#include <csignal>

#include "accounts.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace {

using namespace std::chrono_literals;

TEST(TakeOver, OfTwoConnectorsWithOneNameOnlyTheNewerSettles) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  stand.sql().run("insert into account select n, 'n', 1, true from generate_series(1, 100) n");
  ASSERT_TRUE(stand.settles());
  // The first freezes in the middle of its life; a second takes over once the lease has run out.
  TandemProcess second(stand.configuration(stand.target(), watch_account));
  stand.tandem().signal(SIGSTOP);
  second.start();
  ASSERT_TRUE(wait_for([&] { return second.ready(); }, std::chrono::seconds(60))) << second.log();
  stand.sql().run("update account set name = 'm'");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  stand.tandem().signal(SIGCONT);
  const auto status = stand.tandem().wait(std::chrono::seconds(30));
  ASSERT_TRUE(status.has_value()) << "the older connector goes on";
  EXPECT_NE(*status, 0);
  stand.sql().run("update account set name = 'o'");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  EXPECT_EQ(stand.field("account", "50", "name"), "o");
  EXPECT_EQ(second.stop(), 0);
}

/// A request of ours lies in the target, which acts on it seconds later, whoever waits for the answer.
class LateEffect : public testing::Test {
 protected:
  LateEffect() {
    stand.sql().run(account_table);
    stand.begin(watch_account);
    stand.sql().run("insert into account values (1, 'begin', 1, true)");
    settled_before_ = stand.settles();
    stand.set_faults(R"([{"kind": "late", "delay_ms": 3500, "times": 1}])");
    stand.sql().run("update account set name = 'old'");
    lies_there_ =
        wait_for([&] { return stand.crm().ask([](second_crm::Api& api) { return api.faults().hits() == 1; }); });
  }
  void SetUp() override { ASSERT_TRUE(settled_before_ && lies_there_); }

  std::string name_there() { return stand.field("account", "1", "name"); }

  Stand stand;

 private:
  bool settled_before_ = false, lies_there_ = false;
};

TEST_F(LateEffect, OfAKilledConnectorIsWaitedForBeforeNewerIsSent) {
  stand.tandem().kill();
  stand.sql().run("update account set name = 'new'");
  stand.tandem().start_ready(30s);
  ASSERT_TRUE(stand.settles(60s));
  // What the killed connector had sent is sent again: nobody knows whether it arrived.
  ASSERT_EQ(stand.writes_of("account", "1").size(), 4U);
  EXPECT_EQ(name_there(), "new");
}

TEST_F(LateEffect, OfAFrozenConnectorIsWaitedForBeforeItsSuccessorSendsNewer) {
  stand.tandem().signal(SIGSTOP);
  stand.sql().run("update account set name = 'new'");
  TandemProcess second(stand.configuration(stand.target(), watch_account));
  second.start();
  ASSERT_TRUE(wait_for([&] { return second.ready(); }, 60s)) << second.log();
  ASSERT_TRUE(stand.settles(60s));
  EXPECT_EQ(name_there(), "new");
  // It wakes: what it held is not its own any more.
  stand.sql().run("update account set name = 'newest'");
  stand.tandem().signal(SIGCONT);
  ASSERT_TRUE(stand.tandem().wait(60s).has_value()) << "the older connector goes on";
  ASSERT_TRUE(stand.settles(60s));
  EXPECT_EQ(name_there(), "newest");
  EXPECT_EQ(second.stop(), 0);
}

}  // namespace
}  // namespace tandem::test_support
