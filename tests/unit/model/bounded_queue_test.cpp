#include "model/bounded_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

namespace tandem {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(BoundedQueue, HandsOutEverythingInOrder) {
  BoundedQueue<int> queue(10);
  EXPECT_TRUE(queue.push(1));
  EXPECT_TRUE(queue.try_push(2));
  EXPECT_TRUE(queue.push_unbounded(3));
  EXPECT_THAT(queue.drain(), ElementsAre(1, 2, 3));
  EXPECT_THAT(queue.drain(), IsEmpty());
}

TEST(BoundedQueue, IsBoundedByWeight) {
  BoundedQueue<int> queue(10);
  EXPECT_TRUE(queue.try_push(1, 6));
  EXPECT_FALSE(queue.try_push(2, 5));
  EXPECT_TRUE(queue.try_push(3, 4));
  EXPECT_EQ(queue.weight(), 10U);
  EXPECT_TRUE(queue.push_unbounded(4, 100));
  EXPECT_THAT(queue.drain(), ElementsAre(1, 3, 4));
  EXPECT_EQ(queue.weight(), 0U);
}

TEST(BoundedQueue, LetsAnItemHeavierThanTheBoundPassAlone) {
  BoundedQueue<int> queue(10);
  EXPECT_TRUE(queue.try_push(1, 50));
  EXPECT_FALSE(queue.try_push(2, 1));
}

TEST(BoundedQueue, PushWaitsForRoom) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.push(1));
  std::atomic<bool> through{false};
  std::jthread writer([&] {
    EXPECT_TRUE(queue.push(2));
    through = true;
  });
  EXPECT_FALSE(through);
  EXPECT_THAT(queue.drain(), ElementsAre(1));
  EXPECT_THAT(queue.drain_for(10s), ElementsAre(2));
}

TEST(BoundedQueue, CloseWakesEverybodyAndKeepsWhatIsThere) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.push(1));
  std::jthread writer([&] { EXPECT_FALSE(queue.push(2)); });
  queue.close();
  writer.join();
  EXPECT_FALSE(queue.try_push(3));
  EXPECT_FALSE(queue.push_unbounded(4));
  EXPECT_THAT(queue.drain_for(10s), ElementsAre(1));
  EXPECT_THAT(queue.drain_for(10s), IsEmpty()) << "and does not wait";
}

TEST(BoundedQueue, WakesAReaderThatSleepsElsewhere) {
  int woken = 0;
  BoundedQueue<int> queue(2, [&] { ++woken; });
  EXPECT_TRUE(queue.push(1));
  EXPECT_TRUE(queue.try_push(2));
  EXPECT_FALSE(queue.try_push(3));
  queue.close();
  EXPECT_EQ(woken, 3);
}

TEST(BoundedQueue, CarriesWhatCannotBeCopied) {
  BoundedQueue<std::unique_ptr<int>> queue(2);
  EXPECT_TRUE(queue.push(std::make_unique<int>(7)));
  EXPECT_EQ(*queue.drain().at(0), 7);
}

TEST(BoundedQueue, LosesNothingAndStaysBoundedUnderThreads) {
  constexpr int writers = 4, each = 20'000;
  BoundedQueue<int> queue(100);
  std::vector<std::jthread> threads;
  for (int w = 0; w < writers; ++w)
    threads.emplace_back([&queue, w] {
      for (int i = 0; i < each; ++i) EXPECT_TRUE(queue.push(w * each + i));
    });
  std::vector<int> last(writers, -1);
  int taken = 0;
  while (taken < writers * each) {
    const auto items = queue.drain_for(30s);
    ASSERT_FALSE(items.empty());
    ASSERT_LE(items.size(), 100U);
    for (const int item : items) {
      EXPECT_LT(last[static_cast<std::size_t>(item / each)], item % each) << "each writer's order is kept";
      last[static_cast<std::size_t>(item / each)] = item % each;
    }
    taken += static_cast<int>(items.size());
  }
  EXPECT_EQ(taken, writers * each);
}

}  // namespace
}  // namespace tandem
