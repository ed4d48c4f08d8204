#include "store/take_over.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "daemon/take_turn.hpp"
#include "outbox_scene.hpp"

namespace tandem::test_support {
namespace {

using namespace std::chrono_literals;

constexpr auto lease = 10s;

/// A connector named "test" that serves alpha and beta, and one that has another name.
class TakeOver : public testing::Test {
 protected:
  TakeOver() {
    other.connector = "other";
    for (TargetSettings& target : other.targets) target.timeout = 0ms;
  }
  static bool no_pause(std::chrono::milliseconds) { return true; }
  [[nodiscard]] Result<store::Tenure> start(const Settings& settings) const {
    return take_turn(settings, lease, no_pause);
  }
  /// Says that the connector is another process, which lives: one with our own pid can only be an earlier one.
  void elsewhere(const std::string& name) {
    scene.admin->run("update tandem.connector_alive set pid = " + std::to_string(::getppid()) + " where name = '" +
                     name + "'");
  }
  /// Makes a connector's sign of life older.
  void age(const std::string& name, const std::string& by) {
    scene.admin->run("update tandem.connector_alive set alive_at = alive_at - interval '" + by + "' where name = '" +
                     name + "'");
  }

  OutboxScene scene;
  Settings other = scene.settings;
};

TEST_F(TakeOver, SaysThatItLivesInTheSameTransaction) {
  const auto tenure = scene.take_over();
  EXPECT_EQ(scene.admin->number("select epoch from tandem.connector_alive where name = 'test'"), tenure.epoch.value);
}

TEST_F(TakeOver, IsRefusedWhileAnotherNameDeliversToItsTargets) {
  ASSERT_TRUE(start(scene.settings));
  elsewhere("test");
  const auto refused = start(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
  EXPECT_NE(refused.error().message.find("the connector test is alive and delivers to alpha, beta"), std::string::npos)
      << refused.error().message;
}

TEST_F(TakeOver, OfAConnectorThatHadOurPidNeedsNoLease) {
  ASSERT_TRUE(start(scene.settings));
  EXPECT_TRUE(start(other)) << "a container that is started again has the same pid";
}

TEST_F(TakeOver, OfOtherTargetsIsNobodysBusiness) {
  ASSERT_TRUE(start(scene.settings));
  other.targets.resize(1);
  other.targets[0].name = "gamma";
  EXPECT_TRUE(start(other));
}

TEST_F(TakeOver, OfTheTargetsOfADeadConnectorFencesIt) {
  const auto dead = start(scene.settings);
  ASSERT_TRUE(dead);
  age("test", "1 hour");
  const auto tenure = start(other);
  ASSERT_TRUE(tenure);
  EXPECT_TRUE(tenure->unclean);
  auto session = scene.session();
  EXPECT_EQ(store::still_alive(session, "test", dead->epoch).error().kind, ErrorKind::fenced);
  elsewhere("other");
  EXPECT_FALSE(start(scene.settings)) << "it must not take them back";
}

TEST_F(TakeOver, AfterACleanStopNeedsNoWait) {
  const auto first = start(scene.settings);
  auto session = scene.session();
  ASSERT_TRUE(store::stop_cleanly(session, "test", first->epoch));
  const auto tenure = start(other);
  ASSERT_TRUE(tenure);
  EXPECT_FALSE(tenure->unclean);
}

TEST_F(TakeOver, OnlyOneOfTwoThatHaveSeenTheSame) {
  auto session = scene.session();
  const store::Claim claim{{"alpha"}, {}, 0ms};
  EXPECT_TRUE(store::take_over(session, "one", Epoch{}, claim));
  const auto late = store::take_over(session, "two", Epoch{}, claim);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::fenced);
}

TEST_F(TakeOver, InterruptedInItsWaitIsWaitedForAgain) {
  auto session = scene.session();
  ASSERT_TRUE(store::take_over(session, "test", Epoch{}, {{}, {}, 1h}));
  const auto before = store::predecessor(session, "test");
  ASSERT_TRUE(before);
  EXPECT_GT(before->quiet, 59min);
  EXPECT_GT(store::plan_start(*before, true, lease, 0ms).wait, 59min);
}

}  // namespace
}  // namespace tandem::test_support
