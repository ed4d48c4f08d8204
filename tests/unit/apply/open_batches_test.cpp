#include "apply/open_batches.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tandem {
namespace {

using namespace std::chrono_literals;
using Way = OpenBatches::Way;

class OpenBatchesOfTwo : public ::testing::Test {
 protected:
  OpenBatchesOfTwo() {
    there.name = elsewhere.name = "there";
    there.target = "there";
    elsewhere.target = "elsewhere";
  }

  InboxRecord record(const std::string& remote_id, const std::string& operation = "update") {
    InboxRecord out;
    out.counter = ++counter;
    out.source = &there;
    out.request_type = "account";
    out.operation = operation;
    out.remote_id = remote_id;
    return out;
  }
  /// Records of objects that come once.
  std::vector<InboxRecord> records(std::size_t count) {
    std::vector<InboxRecord> out;
    for (std::size_t at = 0; at < count; ++at) out.push_back(record("r" + std::to_string(counter + 1)));
    return out;
  }
  std::int64_t first_of(const OpenBatches::Batch* batch) {
    return batch == nullptr ? 0 : batch->records.front().counter;
  }
  std::size_t size_of(const OpenBatches::Batch* batch) { return batch == nullptr ? 0 : batch->records.size(); }
  /// 1: commit, -1: taken back, 0: nothing is to be done.
  int verdict(std::size_t session) {
    const auto verdict = batches.next_verdict();
    if (!verdict) return 0;
    EXPECT_EQ(verdict->session, session);
    return verdict->commits ? 1 : -1;
  }
  void whole(const OpenBatches::Batch* batch, RowMarks rows = {}) {
    batches.is_ready(batch->session, batch->records.size(), 10ms, std::move(rows));
  }

  SourceSettings there, elsewhere;
  std::int64_t counter = 0;
  OpenBatches batches{2, [](const InboxRecord& record) { return record.operation != "delete"; }};
};

TEST_F(OpenBatchesOfTwo, ALittleIsAppliedAlone) {
  batches.add(records(40));
  const auto* batch = batches.begin(false);
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(batch->way, Way::alone);
  EXPECT_EQ(batch->records.size(), 40U);
  batches.add(records(600));
  EXPECT_EQ(batches.begin(false), nullptr) << "nothing stands beside what is applied alone";
  batches.was_applied(batch->session, {});
  EXPECT_EQ(batches.begin(false)->way, Way::beside);
}

TEST_F(OpenBatchesOfTwo, CommitInTheInboxsOrderWhoeverIsReadyFirst) {
  batches.add(records(2'000));
  const auto *first = batches.begin(false), *second = batches.begin(false);
  ASSERT_EQ(first_of(second), 501);
  EXPECT_EQ(batches.begin(false), nullptr) << "there are two sessions";
  whole(second);
  EXPECT_EQ(verdict(0), 0) << "the first one is still at work";
  whole(first);
  ASSERT_EQ(verdict(first->session), 1);
  EXPECT_EQ(verdict(0), 0) << "the first one has not committed yet";
  batches.has_committed(first->session);
  const auto* third = batches.begin(false);
  EXPECT_EQ(first_of(third), 1'001) << "the session that is free goes on";
  EXPECT_EQ(third->before.size(), 1U);
  ASSERT_EQ(verdict(second->session), 1);
}

TEST_F(OpenBatchesOfTwo, ABatchEndsBeforeAnObjectThatAnOpenOneTellsOf) {
  auto all = records(700);
  all[610].remote_id = all[3].remote_id;
  batches.add(std::move(all));
  const auto *first = batches.begin(false), *second = batches.begin(false);
  ASSERT_EQ(size_of(first), 500U);
  EXPECT_EQ(size_of(second), 110U);
}

TEST_F(OpenBatchesOfTwo, NothingStandsBesideADeleteThatReachesFurther) {
  auto all = records(1'200);
  all[500].operation = "delete";
  batches.add(std::move(all));
  const auto* first = batches.begin(false);
  ASSERT_EQ(size_of(first), 500U);
  EXPECT_EQ(batches.begin(false), nullptr);
  whole(first);
  ASSERT_EQ(verdict(first->session), 1);
  batches.has_committed(first->session);
  const auto* second = batches.begin(false);
  EXPECT_EQ(second->way, Way::alone);
  EXPECT_EQ(first_of(second), 501);
}

TEST_F(OpenBatchesOfTwo, WhatTheFirstOneMeetsTakesBackAllBehindIt) {
  batches.add(records(1'000));
  const auto *first = batches.begin(false), *second = batches.begin(false);
  const auto session = second->session;
  batches.is_taken_back(first->session);
  EXPECT_EQ(batches.begin(false), nullptr) << "the second one may hold what the first one has met";
  whole(second);
  ASSERT_EQ(verdict(session), -1);
  EXPECT_EQ(batches.begin(false), nullptr);
  batches.is_taken_back(session);
  const auto* again = batches.begin(false);
  EXPECT_EQ(again->way, Way::alone);
  EXPECT_EQ(first_of(again), 1) << "in the inbox's order";
  batches.was_applied(again->session, {});
  EXPECT_EQ(first_of(batches.begin(true)), 501);
}

TEST_F(OpenBatchesOfTwo, WhatTheSecondOneMeetsIsAppliedAloneBehindTheFirst) {
  batches.add(records(1'000));
  const auto *first = batches.begin(false), *second = batches.begin(false);
  batches.is_taken_back(second->session);
  EXPECT_EQ(batches.begin(false), nullptr);
  whole(first);
  ASSERT_EQ(verdict(first->session), 1);
  batches.has_committed(first->session);
  const auto* again = batches.begin(false);
  EXPECT_EQ(again->way, Way::alone);
  EXPECT_EQ(first_of(again), 501);
}

TEST_F(OpenBatchesOfTwo, WhatASessionHasNotTakenComesBeforeWhatHadBegunBehindIt) {
  batches.add(records(1'000));
  const auto *first = batches.begin(false), *second = batches.begin(false);
  const auto behind = second->session;
  batches.is_ready(first->session, 300, 100ms, {});
  ASSERT_EQ(verdict(first->session), 1);
  batches.has_committed(first->session);
  EXPECT_EQ(batches.begin(false), nullptr) << "the second one has begun too early";
  batches.is_ready(behind, 500, 500ms, {});
  ASSERT_EQ(verdict(behind), -1);
  batches.is_taken_back(behind);
  const auto* next = batches.begin(false);
  EXPECT_EQ(first_of(next), 301);
  EXPECT_EQ(size_of(next), 70U) << "as many as a session takes in time";
}

TEST_F(OpenBatchesOfTwo, OneThatCanTakeNothingBeginsAgainWhenThoseBeforeItHaveCommitted) {
  batches.add(records(1'000));
  const auto *first = batches.begin(false), *second = batches.begin(false);
  const auto session = second->session;
  batches.is_ready(session, 0, 10ms, {});
  ASSERT_EQ(verdict(session), -1);
  batches.is_taken_back(session);
  EXPECT_EQ(batches.begin(false), nullptr) << "it would end like that again";
  whole(first);
  ASSERT_EQ(verdict(first->session), 1);
  batches.has_committed(first->session);
  const auto* again = batches.begin(true);
  EXPECT_EQ(first_of(again), 501);
  EXPECT_TRUE(again->before.empty());
}

TEST_F(OpenBatchesOfTwo, TwoThatAreAboutOneRowAreAppliedOneAfterTheOther) {
  batches.add(records(1'000));
  const auto *first = batches.begin(false), *second = batches.begin(false);
  const auto session = second->session;
  whole(first, {3, 8, 12});
  whole(second, {1, 8});
  ASSERT_EQ(verdict(first->session), 1);
  batches.has_committed(first->session);
  ASSERT_EQ(verdict(session), -1);
  batches.is_taken_back(session);
  const auto* again = batches.begin(true);
  EXPECT_EQ(first_of(again), 501);
  whole(again, {1, 8});
  EXPECT_EQ(verdict(again->session), 1) << "nothing is open before it";
}

TEST_F(OpenBatchesOfTwo, WhatStandsBehindAParkedRecordIsPassedOver) {
  batches.add(records(60));
  batches.add({record("r7")});
  LaneLine line;
  line.parked(record("r7"), Waits::lane);
  const auto* batch = batches.begin(false);
  ASSERT_EQ(size_of(batch), 61U);
  batches.add({record("r7"), record("another")});
  batches.was_applied(batch->session, line);
  EXPECT_TRUE(batches.has_parked());
  EXPECT_EQ(batches.waiting(), 1U);
  batches.add({record("r7")});
  EXPECT_EQ(batches.waiting(), 1U);
  batches.clear();
  EXPECT_FALSE(batches.has_parked());
}

TEST_F(OpenBatchesOfTwo, AreGivenUpWhenEachHasAnswered) {
  batches.add(records(1'200));
  const auto *first = batches.begin(false), *second = batches.begin(false);
  batches.give_up();
  batches.is_taken_back(first->session);  // its session is lost
  EXPECT_FALSE(batches.idle());
  const auto session = second->session;
  whole(second);
  ASSERT_EQ(verdict(session), -1);
  batches.is_taken_back(session);
  EXPECT_TRUE(batches.idle());
}

TEST_F(OpenBatchesOfTwo, KnowWhichRecordsHaveBeenRead) {
  batches.add(records(600));
  ASSERT_NE(batches.begin(false), nullptr);
  ASSERT_NE(batches.begin(false), nullptr);
  batches.add(records(3));
  const auto counters = batches.counters();
  EXPECT_EQ(std::set<std::int64_t>(counters.begin(), counters.end()).size(), 603U);
}

TEST(OpenBatches, OfOneSessionAreAllApplied) {
  SourceSettings source;
  OpenBatches batches(1, [](const InboxRecord&) { return true; });
  std::vector<InboxRecord> records(1'200);
  for (auto& record : records) record.source = &source;
  batches.add(std::move(records));
  const auto* batch = batches.begin(true);
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(batch->way, Way::alone);
  EXPECT_EQ(batch->records.size(), 500U);
}

}  // namespace
}  // namespace tandem
