#include "delivery/room.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

TEST(Room, TellsOnceWhenThereIsSomeAgain) {
  int told = 0;
  Room room(1'000, [&] { ++told; });
  room.take(900);
  EXPECT_TRUE(room.scarce());
  room.give(100);
  EXPECT_EQ(told, 0) << "less than a quarter";
  room.give(100);
  EXPECT_EQ(told, 1);
  room.give(100);
  EXPECT_EQ(told, 1);
  EXPECT_FALSE(room.scarce());
}

TEST(Room, HalfOfItIsForBodiesAndOneMayAlwaysCome) {
  int told = 0;
  Room room(1'000, [&] { ++told; });
  room.take(5'000);
  EXPECT_TRUE(room.admits_bodies()) << "records do not keep it out";
  room.take_bodies(2'000);
  EXPECT_FALSE(room.admits_bodies());
  room.give_bodies(1'400);
  EXPECT_EQ(told, 0);
  room.give_bodies(200);
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(room.admits_bodies());
  room.give_bodies(400);
  EXPECT_EQ(room.free(), -4'000);
}

TEST(Room, NobodyIsToldWhoDidNotAsk) {
  int told = 0;
  Room room(1'000, [&] { ++told; });
  room.take(1'500);
  room.give(1'500);
  EXPECT_EQ(told, 0);
  EXPECT_EQ(room.free(), 1'000);
}

}  // namespace
}  // namespace tandem
