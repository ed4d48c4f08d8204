#include "intake/haul_order.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tandem {
namespace {

/// `count` records of the objects first, first + 1 …
Haul haul(int first, int count) {
  Haul out;
  for (int i = first; i < first + count; ++i) {
    store::Incoming record;
    record.operation = "update";
    record.remote_id = std::to_string(i);
    record.source_record_id = "event " + std::to_string(i) + " of " + std::to_string(first);
    out.records.push_back(std::move(record));
  }
  return out;
}

std::vector<std::string> objects(const Haul& haul, std::size_t first, std::size_t count) {
  std::vector<std::string> out;
  for (std::size_t i = first; i < first + count; ++i) out.push_back(haul.records[i].remote_id);
  return out;
}

TEST(HaulOrder, OtherObjectsGoBesideAndTheRestBehind) {
  const auto before = haul(0, 1'000);
  auto next = haul(800, 1'000);
  next.records.push_back(next.records.front());
  next.records.back().source_record_id = "another event of 800";
  EXPECT_EQ(put_in_front_what_goes_beside(before, next), 800U);
  EXPECT_EQ(objects(next, 0, 3), (std::vector<std::string>{"1000", "1001", "1002"}));
  EXPECT_EQ(objects(next, 799, 3), (std::vector<std::string>{"1799", "800", "801"}));
  EXPECT_EQ(next.records[800].source_record_id, "event 800 of 800");
  EXPECT_EQ(next.records[1'000].source_record_id, "another event of 800") << "behind the older one of its object";
}

TEST(HaulOrder, AnObjectWithARepeatedEventStaysWhole) {
  const auto before = haul(0, 1'000);
  auto next = haul(2'000, 1'000);
  next.records[1].remote_id = next.records[0].remote_id;
  next.records[0].source_record_id = before.records[5].source_record_id;
  EXPECT_EQ(put_in_front_what_goes_beside(before, next), 998U);
  EXPECT_EQ(objects(next, 998, 2), (std::vector<std::string>{"2000", "2000"}));
  EXPECT_EQ(next.records[998].source_record_id, before.records[5].source_record_id);
}

TEST(HaulOrder, ConfirmationsGoBehind) {
  auto next = haul(2'000, 1'000);
  next.records[0].confirms = "a record of ours";
  EXPECT_EQ(put_in_front_what_goes_beside(haul(0, 1'000), next), 999U);
  EXPECT_EQ(next.records[999].confirms, "a record of ours");
}

TEST(HaulOrder, ADeletionAndAnObjectOfOurNameKeepTheirPlace) {
  const auto change = [](Haul& haul, auto record) {
    haul.records[500].operation = record.operation;
    haul.records[500].remote_id = record.remote_id;
  };
  store::Incoming deletion, ours;
  deletion.operation = "delete", deletion.remote_id = "9";
  ours.operation = "update", ours.object_id = "9";
  for (const auto& record : {deletion, ours}) {
    auto before = haul(0, 1'000), next = haul(2'000, 1'000);
    change(before, record);
    EXPECT_EQ(put_in_front_what_goes_beside(before, next), 0U);
    before = haul(0, 1'000);
    change(next, record);
    EXPECT_EQ(put_in_front_what_goes_beside(before, next), 0U);
    EXPECT_EQ(objects(next, 0, 2), (std::vector<std::string>{"2000", "2001"})) << "left as it was";
  }
}

TEST(HaulOrder, FewRecordsAreNotWorthATransaction) {
  const auto before = haul(0, 1'000);
  auto small = haul(2'000, 400);
  EXPECT_EQ(put_in_front_what_goes_beside(before, small), 0U);
  auto mostly_the_same = haul(400, 1'000);
  EXPECT_EQ(put_in_front_what_goes_beside(before, mostly_the_same), 0U);
}

}  // namespace
}  // namespace tandem
