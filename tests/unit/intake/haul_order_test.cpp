#include "intake/haul_order.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace tandem {
namespace {

/// Records with these source_record_ids, and counters from `counter` on.
Haul haul(std::initializer_list<const char*> ids, std::int64_t counter) {
  Haul out;
  for (const auto* id : ids) {
    store::Incoming record;
    record.source_record_id = id;
    record.counter = Counter{counter++};
    out.records.push_back(std::move(record));
  }
  return out;
}

std::string ids(const Haul& haul) {
  std::string out;
  for (const auto& record : haul.records) out += record.source_record_id + " ";
  return out;
}

TEST(HaulOrder, WhatTheHaulBeforeHoldsTooWaitsForIt) {
  const auto before = haul({"a", "b", "c"}, 1);
  auto next = haul({"d", "b", "e", "a", "f"}, 4);
  EXPECT_EQ(put_in_front_what_need_not_wait(&before, next), 3U);
  EXPECT_EQ(ids(next), "d e f b a ");
  EXPECT_EQ(next.records[3].counter, Counter{5}) << "its place is told by the counter";
}

TEST(HaulOrder, ConfirmationsWaitAndNothingElseDoesWhereNothingIsBeingStored) {
  auto next = haul({"a", "b", "c"}, 1);
  next.records[1].confirms = "a record of ours";
  EXPECT_EQ(put_in_front_what_need_not_wait(nullptr, next), 2U);
  EXPECT_EQ(ids(next), "a c b ");
}

TEST(HaulOrder, WithoutItsTransactionAHaulIsAsItWasRead) {
  const auto before = haul({"a", "b", "c"}, 1);
  auto next = haul({"d", "b", "e", "a", "f"}, 4);
  EXPECT_EQ(put_in_front_what_need_not_wait(&before, next), 3U);
  forget_counters(next);
  EXPECT_EQ(ids(next), "d b e a f ");
  for (const auto& record : next.records) EXPECT_EQ(record.counter, Counter{0});
}

TEST(HaulOrder, WhatHasNoCounterKeepsItsOrder) {
  Haul read;
  for (int i = 0; i < 100; ++i) {
    read.records.emplace_back();
    read.records.back().source_record_id = std::to_string(i);
  }
  const auto before = ids(read);
  forget_counters(read);
  EXPECT_EQ(ids(read), before);
}

}  // namespace
}  // namespace tandem
