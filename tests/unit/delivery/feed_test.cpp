#include "delivery/feed.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace tandem {
namespace {

using Ranges = std::vector<CounterRange>;

CounterRange range(std::int64_t first, std::int64_t last) {
  return {Counter{first}, Counter{last}};
}

std::vector<Counter> counters(std::initializer_list<std::int64_t> values) {
  std::vector<Counter> out;
  for (const auto value : values) out.push_back(Counter{value});
  return out;
}

Feed started(std::initializer_list<std::int64_t> floors = {0}) {
  return Feed(counters(floors));
}

/// One window of all attached targets that saw these counters; xmin 0 proves nothing.
void window(Feed& feed, std::initializer_list<std::int64_t> seen, std::size_t rows = 1000, std::int64_t xmin = 0) {
  const auto asked = feed.shared_window(rows);
  feed.answered(asked, counters(seen), Xid{xmin});
}
void window_of(Feed& feed, TargetIndex target, std::initializer_list<std::int64_t> seen, std::size_t rows = 1000,
               std::size_t reach = 1'000'000) {
  const auto asked = feed.detached_window(target, rows, reach);
  feed.answered(asked, counters(seen), Xid{0});
}

TEST(Feed, StartsAtTheFloorWithoutGaps) {
  const auto feed = started({40});
  EXPECT_EQ(feed.position(), Counter{40});
  EXPECT_EQ(feed.safe(0), Counter{40});
  EXPECT_TRUE(feed.state().shared.gaps.empty());
  const auto asked = feed.shared_window(7);
  EXPECT_EQ(asked.after, Counter{40});
  EXPECT_EQ(asked.rows, 7u);
  EXPECT_FALSE(asked.through);
}

TEST(Feed, SkippedCountersBecomeGapsAndLateOnesLeaveThem) {
  auto feed = started();
  window(feed, {1, 4, 5, 9});
  EXPECT_EQ(feed.position(), Counter{9});
  EXPECT_EQ(feed.state().shared.gaps, (Ranges{range(2, 3), range(6, 8)}));
  window(feed, {3, 7, 10});
  EXPECT_EQ(feed.state().shared.gaps, (Ranges{range(2, 2), range(6, 6), range(8, 8)}));
  EXPECT_EQ(feed.shared_window(10).gaps, feed.state().shared.gaps);
  EXPECT_EQ(feed.position(), Counter{10});
}

TEST(Feed, ACutWindowKeepsTheGapsBeyondItsLastRow) {
  auto feed = started();
  window(feed, {1, 9});
  window(feed, {3, 5}, 2);
  EXPECT_EQ(feed.state().shared.gaps, (Ranges{range(2, 2), range(4, 4), range(6, 8)}));
  EXPECT_EQ(feed.position(), Counter{9});
}

TEST(Feed, SafeFollowsAnOwnTransactionIdThatAWindowHasPassed) {
  auto feed = started();
  window(feed, {1, 4});
  EXPECT_TRUE(feed.wants_xid());
  feed.drawn(feed.position(), Xid{100});
  EXPECT_FALSE(feed.wants_xid());
  window(feed, {6}, 1000, 100);
  EXPECT_EQ(feed.safe(0), Counter{0}) << "xmin = W: the transaction W itself may still run, and others below it";
  window(feed, {}, 1000, 101);
  EXPECT_EQ(feed.safe(0), Counter{4});
  EXPECT_EQ(feed.state().shared.gaps, (Ranges{range(5, 5)}));
  EXPECT_TRUE(feed.wants_xid()) << "position 6 was reached after the note";
}

TEST(Feed, APositionIsNotedBeforeTheTransactionIdIsDrawn) {
  auto feed = started();
  window(feed, {1, 4});
  const auto noted = feed.position();
  window(feed, {8});
  feed.drawn(noted, Xid{100});
  window(feed, {}, 1000, 200);
  EXPECT_EQ(feed.safe(0), Counter{4});
  EXPECT_EQ(feed.state().shared.gaps, (Ranges{range(5, 7)}));
}

TEST(Feed, ACutWindowProvesOnlyWhatItHasRead) {
  auto feed = started();
  window(feed, {1, 4, 9});
  feed.drawn(feed.position(), Xid{100});
  window(feed, {2}, 1, 200);
  EXPECT_EQ(feed.safe(0), Counter{0}) << "cut before the noted position: gap 5 to 8 was not probed";
  window(feed, {6, 10}, 2, 200);
  EXPECT_EQ(feed.safe(0), Counter{9}) << "cut behind it";
  EXPECT_TRUE(feed.state().shared.gaps.empty());
}

TEST(Feed, AnEarlierCandidateIsNotReplaced) {
  auto feed = started();
  window(feed, {1});
  feed.drawn(Counter{1}, Xid{100});
  window(feed, {2});
  feed.drawn(Counter{2}, Xid{300});
  window(feed, {}, 1000, 200);
  EXPECT_EQ(feed.safe(0), Counter{1});
}

TEST(Feed, ANoteThatProvesNothingIsIgnored) {
  auto feed = started({5});
  feed.drawn(Counter{5}, Xid{100});
  EXPECT_FALSE(feed.state().candidate);
  EXPECT_FALSE(feed.wants_xid());
}

TEST(Feed, ANotedPositionBeyondItsOwnIsIgnored) {
  auto feed = started({5});
  window(feed, {6, 7});
  feed.drawn(Counter{8}, Xid{100});
  EXPECT_FALSE(feed.state().candidate) << "of an earlier start, whose counters may be given away again";
}

TEST(Feed, ABellIsAnsweredWhenItsCounterHasBeenPassed) {
  auto feed = started();
  EXPECT_FALSE(feed.has_passed(Counter{2}));
  window(feed, {1, 4});
  EXPECT_TRUE(feed.has_passed(Counter{4}));
  EXPECT_FALSE(feed.has_passed(Counter{2})) << "decoded, not yet visible: it keeps ringing";
  EXPECT_FALSE(feed.has_passed(Counter{5}));
  window(feed, {2});
  EXPECT_TRUE(feed.has_passed(Counter{2}));
}

TEST(Feed, ALowerFloorStartsDetached) {
  const auto feed = started({10, 90});
  EXPECT_FALSE(feed.attached(0));
  EXPECT_TRUE(feed.attached(1));
  EXPECT_EQ(feed.position(), Counter{90});
  const auto asked = feed.detached_window(0, 5, 1'000'000);
  EXPECT_EQ(asked.target, TargetIndex{0});
  EXPECT_EQ(asked.gaps, (Ranges{range(11, 90)}));
  EXPECT_EQ(asked.through, Counter{90});
  EXPECT_EQ(feed.safe(0), Counter{10});
  EXPECT_EQ(feed.safe(1), Counter{90});
}

TEST(Feed, ADetachedTargetReadsUpToTheSharedPositionAndJoinsAgain) {
  auto feed = started({0, 0});
  window(feed, {1, 3});
  feed.detach(1);
  window(feed, {6, 8});
  window_of(feed, 1, {6}, 1);
  EXPECT_EQ(*feed.state().detached[1], (Feed::Head{Counter{6}, {range(2, 2), range(4, 5)}}));
  EXPECT_FALSE(feed.attach(1));
  window_of(feed, 1, {8});
  EXPECT_TRUE(feed.attach(1));
  EXPECT_TRUE(feed.attached(1));
}

TEST(Feed, TwoVersionsInOneTransactionAreReadInOrderByADetachedTarget) {
  auto feed = started({0, 0});
  window(feed, {2});
  feed.detach(1);
  window(feed, {4});
  // 1 and 3, of one object, become visible: 3 lies above what the target has read, 1 below it.
  EXPECT_EQ(feed.detached_window(1, 1000, 100).gaps, (Ranges{range(4, 4)}));
  window_of(feed, 1, {4});
  EXPECT_TRUE(feed.attach(1));
  window(feed, {1, 3});
  EXPECT_TRUE(feed.state().shared.gaps.empty());
}

TEST(Feed, ADetachedTargetReadsALateRowOnceTheSharedHeadHasSeenIt) {
  auto feed = started({0, 0});
  window(feed, {1, 3});
  feed.detach(1);
  window(feed, {2});
  EXPECT_FALSE(feed.attach(1));
  EXPECT_EQ(feed.detached_window(1, 1000, 100).gaps, (Ranges{range(2, 2)}));
  window_of(feed, 1, {2});
  EXPECT_TRUE(feed.attach(1));
}

TEST(Feed, ADetachedTargetForgetsAGapOnlyAfterAWindowOfItsOwn) {
  auto feed = started({0, 0});
  window(feed, {1, 3});
  feed.detach(1);
  feed.drawn(Counter{3}, Xid{100});
  window(feed, {2}, 1000, 200);
  EXPECT_EQ(feed.safe(0), Counter{3});
  EXPECT_EQ(feed.safe(1), Counter{1}) << "2 became visible after this target had read past it";
  window_of(feed, 1, {2});
  EXPECT_EQ(feed.safe(1), Counter{3});
  EXPECT_TRUE(feed.attach(1));
}

TEST(Feed, ADetachedWindowCutInsideTheGapsKeepsTheRest) {
  auto feed = started({0, 0});
  window(feed, {1, 9});
  feed.detach(1);
  window(feed, {4, 7});
  window_of(feed, 1, {4}, 1);
  EXPECT_EQ(feed.detached_window(1, 1000, 100).gaps, (Ranges{range(7, 7)}));
  EXPECT_EQ(feed.safe(1), Counter{0});
  EXPECT_FALSE(feed.attach(1));
  window_of(feed, 1, {7});
  EXPECT_TRUE(feed.attach(1));
}

TEST(Feed, ADetachedWindowSeesItsOwnRowsOnly) {
  auto feed = started({0, 0});
  window(feed, {1, 3});
  feed.detach(1);
  window(feed, {2, 6, 8});
  EXPECT_EQ(feed.detached_window(1, 1000, 100).gaps, (Ranges{range(2, 2), range(6, 6), range(8, 8)}));
  window_of(feed, 1, {6});
  EXPECT_EQ(*feed.state().detached[1], (Feed::Head{Counter{8}, {range(4, 5), range(7, 7)}})) << "2 is another target's";
  EXPECT_TRUE(feed.attach(1));
}

TEST(Feed, ADetachedWindowReachesNoFurtherThanItsBound) {
  auto feed = started({0, 0});
  window(feed, {1, 2});
  feed.detach(1);
  for (std::int64_t counter = 3; counter <= 90; ++counter) window(feed, {counter});
  EXPECT_EQ(feed.lag(1), 88);
  EXPECT_EQ(feed.detached_window(1, 1000, 5).gaps, (Ranges{range(3, 7)}));
  window_of(feed, 1, {}, 1000, 5);
  EXPECT_EQ(*feed.state().detached[1], (Feed::Head{Counter{7}, {}}));
  EXPECT_FALSE(feed.attach(1));
  window_of(feed, 1, {90}, 1000, 83);
  EXPECT_EQ(feed.lag(1), 0);
  EXPECT_TRUE(feed.attach(1));
  EXPECT_EQ(feed.lag(1), 0);
}

TEST(Feed, ADetachedTargetLeavesToTheSharedHeadWhatThatStillLooksFor) {
  auto feed = started({0, 0});
  window(feed, {1, 50});
  feed.detach(1);
  window(feed, {20, 30, 31, 90});
  const auto cut = feed.detached_window(1, 1000, 2);
  EXPECT_EQ(cut.gaps, (std::vector{range(20, 20), range(30, 30)}));
  EXPECT_EQ(cut.through, Counter{30});
  window_of(feed, 1, {30}, 1000, 2);
  EXPECT_EQ(*feed.state().detached[1], (Feed::Head{Counter{50}, {range(2, 19), range(21, 29), range(31, 49)}}));
  const auto rest = feed.detached_window(1, 1000, 100);
  EXPECT_EQ(rest.gaps, (std::vector{range(31, 31), range(90, 90)}));
  EXPECT_EQ(rest.through, Counter{90});
  window_of(feed, 1, {90}, 1000, 100);
  EXPECT_TRUE(feed.attach(1));
}

TEST(Feed, CountsItsGaps) {
  auto feed = started({0, 0});
  window(feed, {1, 3, 5});
  EXPECT_EQ(feed.gap_ranges(), 2u);
}

}  // namespace
}  // namespace tandem
