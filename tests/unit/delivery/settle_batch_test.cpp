#include "delivery/settle_batch.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

using namespace std::chrono_literals;
using Kind = Settlement::Kind;

const SteadyTime start{1h};

Settlement about(std::int64_t counter, Kind kind = Kind::outcome) {
  Settlement settlement;
  settlement.counter = Counter{counter};
  settlement.kind = kind;
  return settlement;
}
Settlement urgent(std::int64_t counter) {
  auto settlement = about(counter);
  settlement.lane_waits = true;
  return settlement;
}
std::vector<std::int64_t> counters(const std::vector<Settlement>& flush) {
  std::vector<std::int64_t> out;
  for (const auto& settlement : flush) out.push_back(settlement.counter.value);
  return out;
}

TEST(SettleBatch, WaitsFiftyMillisecondsForMore) {
  SettleBatch batch;
  EXPECT_FALSE(batch.due());
  batch.add(about(1), start);
  batch.add(about(2), start + 20ms);
  EXPECT_EQ(batch.due(), start + 50ms);
}

TEST(SettleBatch, ALaneOrAnAttemptThatWaitsIsServedAtOnce) {
  SettleBatch lane, attempt;
  lane.add(about(1), start);
  lane.add(urgent(2), start + 5ms);
  EXPECT_LE(*lane.due(), start + 5ms);
  attempt.add(about(1, Kind::intent), start);
  EXPECT_EQ(attempt.due(), start);
}

TEST(SettleBatch, AThousandRowsAreAFlush) {
  SettleBatch batch;
  for (int counter = 1; counter < 1'000; ++counter) batch.add(about(counter), start);
  EXPECT_EQ(batch.due(), start + 50ms);
  batch.add(about(1'000), start);
  EXPECT_EQ(batch.due(), start);
}

TEST(SettleBatch, WhatHasPiledUpGoesOutTogetherWithinBounds) {
  SettleBatch batch;
  for (int counter = 1; counter <= 4'200; ++counter) batch.add(about(counter), start);
  EXPECT_EQ(batch.take(start).size(), SettleBatch::most_rows);
  EXPECT_EQ(batch.size(), 200u);
  EXPECT_EQ(batch.due(), start + 50ms);
}

TEST(SettleBatch, WhatWasUrgentHurriesNobodyOnceItIsTakenAndAgainWhenItFails) {
  SettleBatch batch;
  batch.add(urgent(1), start);
  for (int counter = 2; counter <= 4'100; ++counter) batch.add(about(counter), start);
  auto flush = batch.take(start);
  EXPECT_EQ(batch.due(), start + 50ms);
  batch.add_later(std::move(flush.front()), start + 1s);
  EXPECT_EQ(batch.take(start + 50ms).size(), 100u);
  EXPECT_EQ(batch.due(), start + 1s);
  batch.add(about(5'000), start + 990ms);
  EXPECT_EQ(counters(batch.take(start + 1s)), (std::vector<std::int64_t>{1, 5'000}));
  batch.add(about(5'001), start + 1s);
  EXPECT_EQ(batch.due(), start + 1s + 50ms);
}

TEST(SettleBatch, OfANoteAndALaterWriteOnlyTheLaterCounts) {
  SettleBatch batch;
  batch.add(about(1, Kind::note), start);
  batch.add(about(2), start);
  batch.add(about(1), start);
  const auto flush = batch.take(start);
  EXPECT_EQ(counters(flush), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(flush[0].kind, Kind::outcome);
  EXPECT_EQ(batch.size(), 0u);
}

TEST(SettleBatch, ARecordStandsInOneFlushOnce) {
  SettleBatch batch;
  batch.add(about(1, Kind::intent), start);
  batch.add(about(1), start);
  batch.add(about(1, Kind::note), start);
  EXPECT_EQ(batch.take(start).size(), 1u);
  EXPECT_EQ(counters(batch.take(start)), (std::vector<std::int64_t>{1}));
  EXPECT_EQ(batch.size(), 0u);
}

TEST(SettleBatch, ANoteThatSaysMoreThanAWordIsWrittenBeforeTheLaterWrite) {
  SettleBatch batch;
  auto note = about(1, Kind::note);
  note.agreed = Settlement::AgreedWrite::unsettled;
  batch.add(note, start);
  batch.add(about(1), start);
  EXPECT_EQ(batch.take(start).at(0).kind, Kind::note);
  EXPECT_EQ(batch.take(start + 1s).at(0).kind, Kind::outcome);
}

TEST(SettleBatch, AnOlderWriteNeverReplacesANewerOne) {
  SettleBatch batch;
  batch.add(about(1), start);
  batch.add_later(about(1, Kind::note), start);
  EXPECT_EQ(batch.take(start).at(0).kind, Kind::outcome) << "the note is older: it gives way";
  batch.add_later(about(2, Kind::park), start + 1s);
  batch.add(about(2, Kind::note), start);
  EXPECT_TRUE(batch.take(start).empty()) << "what its record waits for comes first";
  EXPECT_EQ(batch.take(start + 1s).at(0).kind, Kind::park);
}

TEST(SettleBatch, WhatIsTriedLaterWaitsForItsTime) {
  SettleBatch batch;
  batch.add_later(about(1), start + 1s);
  EXPECT_EQ(batch.due(), start + 1s);
  EXPECT_TRUE(batch.take(start).empty());
  EXPECT_EQ(counters(batch.take(start + 1s)), (std::vector<std::int64_t>{1}));
  EXPECT_FALSE(batch.due());
}

}  // namespace
}  // namespace tandem
