#include <gtest/gtest.h>

#include "store/start.hpp"

namespace tandem::store {
namespace {

RouteTable two_targets() {
  Settings settings;
  settings.targets.emplace_back().name = "alpha";
  settings.targets.emplace_back().name = "beta";
  return RouteTable(settings);
}

TEST(CheckStart, ASequenceAboveEverythingIsSound) {
  EXPECT_TRUE(check_start({Counter{10}, Counter{10}, {Counter{10}, Counter{0}}, "", "", 0, 0}, two_targets()));
}

TEST(CheckStart, ASequenceBelowItsTableOrAFloorIsRefused) {
  const auto behind_table =
      check_start({Counter{9}, Counter{10}, {Counter{0}, Counter{0}}, "", "", 0, 0}, two_targets());
  ASSERT_FALSE(behind_table);
  EXPECT_EQ(behind_table.error().kind, ErrorKind::refused);
  const auto behind_floor =
      check_start({Counter{9}, Counter{4}, {Counter{0}, Counter{12}}, "", "", 0, 0}, two_targets());
  ASSERT_FALSE(behind_floor);
  EXPECT_EQ(behind_floor.error().message,
            "the sequence of tandem.outbox stands at 9, below the floor 12 of target beta");
}

TEST(OtherServer, IsToldBySystemIdOrTimeline) {
  StartFacts facts{{}, {}, {}, "77", "77", 1, 1};
  EXPECT_FALSE(other_server(facts));
  facts.timeline = 2;
  EXPECT_TRUE(other_server(facts));
  facts = {{}, {}, {}, "78", "77", 1, 1};
  EXPECT_TRUE(other_server(facts));
  facts.known_system_id = "";
  EXPECT_FALSE(other_server(facts)) << "the first start";
}

}  // namespace
}  // namespace tandem::store
