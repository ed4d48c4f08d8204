#include "delivery/lane_book.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace tandem {
namespace {

using namespace std::chrono_literals;

Record record(std::int64_t counter, std::uint64_t lane) {
  Record r;
  r.counter = Counter{counter};
  r.lane = LaneHash{lane};
  r.body = "{}";
  return r;
}

class LaneBookTest : public testing::Test {
 protected:
  Held* add(std::int64_t counter, std::uint64_t lane, std::uint32_t slot = 0) {
    Held* held = book.add(record(counter, lane), slot, {});
    if (held != nullptr) book.rearm(*held->lane);
    return held;
  }
  void done(Lane& lane) {
    book.remove(*lane.first);
    book.put_back(lane);
  }
  LaneBook book{2};
};

TEST_F(LaneBookTest, GivesEachLaneOneTurnARound) {
  add(1, 'a'), add(2, 'a'), add(3, 'b'), add(4, 'a');
  std::vector<std::int64_t> order;
  while (Lane* lane = book.take(0)) {
    order.push_back(lane->first->record.counter.value);
    done(*lane);
  }
  EXPECT_EQ(order, (std::vector<std::int64_t>{1, 3, 2, 4}));
  EXPECT_EQ(book.lanes(), 0U);
}

TEST_F(LaneBookTest, SortsALateCounterBeforeNewerOnes) {
  add(5, 'a'), add(9, 'a'), add(7, 'a'), add(2, 'a');
  EXPECT_EQ(*book.lowest(), Counter{2});
  std::vector<std::int64_t> order;
  while (Lane* lane = book.take(0)) {
    order.push_back(lane->first->record.counter.value);
    done(*lane);
  }
  EXPECT_EQ(order, (std::vector<std::int64_t>{2, 5, 7, 9}));
}

TEST_F(LaneBookTest, ALaneInHandIsNotGivenAgain) {
  add(1, 'a');
  Lane* lane = book.take(0);
  add(2, 'a');
  EXPECT_EQ(book.take(0), nullptr);
  lane->unsettled = 1;
  book.remove(*lane->first);
  book.put_back(*lane);
  EXPECT_EQ(book.take(0), nullptr) << "its settlement has not committed";
  lane->unsettled = 0;
  book.rearm(*lane);
  EXPECT_EQ(book.take(0), lane);
}

TEST_F(LaneBookTest, KnowsARecordThatItHolds) {
  EXPECT_NE(add(1, 'a'), nullptr);
  EXPECT_EQ(add(1, 'a'), nullptr);
  EXPECT_EQ(book.records(), 1U);
}

TEST_F(LaneBookTest, ABlockedLaneIsKeptAndNotGiven) {
  book.block(LaneHash{'a'});
  add(8, 'a');
  EXPECT_EQ(book.take(0), nullptr);
  Lane* lane = book.find(LaneHash{'a'});
  ASSERT_NE(lane, nullptr);
  book.unblock(*lane);
  add(3, 'a');
  ASSERT_EQ(book.take(0), lane);
  EXPECT_EQ(lane->first->record.counter, Counter{3});
}

TEST_F(LaneBookTest, OfALaneThatIsParkedWholeOnlyTheHashIsKept) {
  const SteadyTime now{1h};
  Held* held = book.add(record(1, 'a'), 0, {});
  Lane* lane = held->lane;
  lane->blocked = true;
  book.remove(*held);
  book.rest(*lane, now);
  book.compact(now);
  EXPECT_EQ(book.lanes(), 1U) << "a take-up that has not seen its parking may still come";
  book.compact(now + 1ms);
  EXPECT_EQ(book.lanes(), 0U);
  EXPECT_EQ(book.resting(), 1U);
  add(2, 'a');
  EXPECT_EQ(book.take(0), nullptr) << "it joins the parked ones";
  EXPECT_EQ(book.resting(), 0U);
  lane = book.find(LaneHash{'a'});
  book.unblock(*lane);
  book.rearm(*lane);
  EXPECT_EQ(book.take(0), lane);
}

TEST_F(LaneBookTest, ALaneThatWaitsIsListedInItsTime) {
  const SteadyTime now{1h};
  add(1, 'a');
  Lane* lane = book.take(0);
  book.wait_until(*lane, now + 1s);
  book.put_back(*lane);
  add(2, 'a');
  book.wake(now);
  EXPECT_EQ(book.take(0), nullptr);
  EXPECT_EQ(*book.wakes(), now + 1s);
  book.wake(now + 1s);
  EXPECT_EQ(book.take(0), lane);
}

TEST_F(LaneBookTest, AnswersWithTheRoomThatRecordsTook) {
  const Record r = record(1, 'a');
  const std::size_t bytes = footprint(r);
  Held* held = add(1, 'a');
  EXPECT_EQ(held->charged, bytes);
  add(2, 'b');
  Lane* lane = book.take(0);
  EXPECT_EQ(book.remove(*lane->first), bytes);
  book.put_back(*lane);
  EXPECT_EQ(book.clear(), bytes);
  EXPECT_FALSE(book.lowest());
}

// Random events against a model that is too simple to be wrong.
TEST(LaneBookProperty, KeepsOrderGivesEachLaneOnceAndForgetsNothing) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<std::uint32_t>(n)); };
    LaneBook book(1);
    std::map<std::uint64_t, std::set<std::int64_t>> model;
    std::set<std::int64_t> all;
    std::map<std::uint64_t, Lane*> in_hand;
    std::set<std::uint64_t> blocked, waiting;
    SteadyTime now{1h};
    for (int step = 0; step < 400; ++step) {
      switch (pick(7)) {
        case 0:
        case 1: {
          const std::int64_t counter = pick(1'000);
          const auto lane = static_cast<std::uint64_t>(counter % 7);
          Held* held = book.add(record(counter, lane), 0, now);
          ASSERT_EQ(held != nullptr, all.insert(counter).second);
          model[lane].insert(counter);
          if (held != nullptr) book.rearm(*held->lane);
          break;
        }
        case 2:
          if (Lane* lane = book.take(0)) {
            const auto hash = lane->hash.value;
            ASSERT_FALSE(in_hand.contains(hash) || blocked.contains(hash) || waiting.contains(hash)) << "seed " << seed;
            ASSERT_EQ(lane->first->record.counter.value, *model[hash].begin()) << "seed " << seed;
            in_hand[hash] = lane;
          }
          break;
        case 3:
          if (!in_hand.empty()) {
            auto [hash, lane] = *in_hand.begin();
            in_hand.erase(hash);
            all.erase(lane->first->record.counter.value);
            model[hash].erase(lane->first->record.counter.value);
            book.remove(*lane->first);
            book.put_back(*lane);
          }
          break;
        case 4:
          if (!in_hand.empty()) {
            auto [hash, lane] = *in_hand.begin();
            in_hand.erase(hash);
            if (pick(2) == 0) {
              book.wait_until(*lane, now + std::chrono::milliseconds(pick(50)));
              waiting.insert(hash);
            } else {
              lane->blocked = true;
              blocked.insert(hash);
            }
            book.put_back(*lane);
          }
          break;
        case 5:
          now += 60ms;
          waiting.clear();
          book.wake(now);
          break;
        default:
          if (!blocked.empty()) {
            Lane* lane = book.find(LaneHash{*blocked.begin()});
            ASSERT_NE(lane, nullptr);
            blocked.erase(blocked.begin());
            book.unblock(*lane);
            book.rearm(*lane);
          }
      }
      ASSERT_EQ(book.records(), all.size());
      ASSERT_EQ(book.lowest().has_value(), !all.empty());
      if (!all.empty()) {
        ASSERT_EQ(book.lowest()->value, *all.begin());
      }
    }
    // In the end everything comes out, once, in order.
    book.wake(now + 1h);
    for (const auto hash : blocked) {
      Lane* lane = book.find(LaneHash{hash});
      book.unblock(*lane);
      book.rearm(*lane);
    }
    for (const auto& [hash, lane] : in_hand) book.put_back(*lane);
    std::map<std::uint64_t, std::int64_t> last;
    std::size_t left = all.size();
    while (Lane* lane = book.take(0)) {
      const auto counter = lane->first->record.counter.value;
      ASSERT_LT(last.contains(lane->hash.value) ? last[lane->hash.value] : -1, counter);
      last[lane->hash.value] = counter;
      book.remove(*lane->first);
      book.put_back(*lane);
      --left;
    }
    ASSERT_EQ(left, 0U) << "seed " << seed;
    ASSERT_EQ(book.lanes(), 0U);
  }
}

}  // namespace
}  // namespace tandem
