#include "apply/round.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

class RoundOfRecords : public ::testing::Test {
 protected:
  RoundOfRecords() { source.name = "there"; }

  void add(const std::string& remote_id, const std::string& operation = "update") {
    InboxRecord& record = records.emplace_back();
    record.source = &source;
    record.request_type = "account";
    record.operation = operation;
    record.remote_id = remote_id;
  }

  SourceSettings source;
  std::vector<InboxRecord> records;
  LaneLine line;
};

TEST_F(RoundOfRecords, EndsWhereAnObjectComesASecondTime) {
  for (const auto* id : {"a", "b", "c", "b", "d"}) add(id);
  EXPECT_EQ(Round(records, line, 10).taken(), 3U);
  EXPECT_EQ(Round(records, line, 2).taken(), 2U);
  const Round rest(std::span<const InboxRecord>(records).subspan(3), line, 10);
  EXPECT_EQ(rest.turns.size(), 2U);
  EXPECT_FALSE(rest.was_cut());
}

TEST_F(RoundOfRecords, PassesOverWhatStandsBehindAParkedRecord) {
  for (const auto* id : {"a", "b", "b", "c"}) add(id);
  line.parked(records[1], Waits::parent);
  const Round round(records, line, 10);
  EXPECT_EQ(round.taken(), 4U) << "held records are no second ones";
  ASSERT_EQ(round.turns.size(), 2U);
  EXPECT_EQ(round.turns[1].record, &records[3]);
}

TEST_F(RoundOfRecords, PutsOffWhatDependsOnAnEarlierRecord) {
  for (const auto* id : {"held", "a", "b", "c"}) add(id);
  line.parked(records[0], Waits::parent);
  Round round(records, line, 10);
  EXPECT_TRUE(round.told_before(2, "account", "a"));
  EXPECT_FALSE(round.told_before(0, "account", "a")) << "not before itself";
  EXPECT_FALSE(round.told_before(2, "contact", "a"));
  round.cut(2);
  EXPECT_EQ(round.taken(), 3U) << "the one that is held counts as passed";
  EXPECT_EQ(round.turns.size(), 2U);
  EXPECT_TRUE(round.was_cut());
}

TEST_F(RoundOfRecords, HasEachRowOnce) {
  CrmTable account("account", "public.account", {"id"}), same("client", "public.account", {"id"}),
      contact("contact", "public.contact", {"id"});
  for (const auto* id : {"a", "b", "c", "d"}) add(id);
  Round round(records, line, 10);
  const std::vector<CrmTable*> tables{&account, &contact, &account, &same};
  const std::vector<std::string> ids{"7", "7", "", "7"};
  for (std::size_t at = 0; at < ids.size(); ++at) {
    round.turns[at].table = tables[at];
    round.turns[at].object_id = ids[at];
  }
  round.cut_at_second_of_a_row();
  EXPECT_EQ(round.taken(), 3U) << "one row under two names; a row that is not there yet is nobody's second";
}

TEST_F(RoundOfRecords, KnowsWhichParentsAnEarlierRecordDeletes) {
  add("a");
  add("b", "delete");
  add("c");
  add("", "delete");
  records.back().object_id = "14";
  add("e");
  const Round round(records, line, 10);
  EXPECT_TRUE(round.ended_before(2, "account", "b", "12"));
  EXPECT_FALSE(round.ended_before(0, "account", "b", "12")) << "a later one";
  EXPECT_FALSE(round.ended_before(2, "contact", "b", "12")) << "another type";
  EXPECT_FALSE(round.ended_before(2, "account", "a", "11")) << "that is no delete";
  EXPECT_TRUE(round.ended_before(4, "account", "d", "14")) << "it is told by our id";
}

TEST_F(RoundOfRecords, IsCutWhereTheNaturalKeyMayFindWhatAnEarlierRecordWrites) {
  CrmTable account("account", "public.account", {"id"}), same("client", "public.account", {"id"});
  RouteSettings settings, another;
  const ApplyRoute route{&settings, Mapping(settings)}, client{&another, Mapping(another)};
  for (const auto* id : {"a", "b", "c", "d"}) add(id);
  const auto cut = [&](const std::vector<int>& partners, std::size_t clients_from) {
    Round round(records, line, 10);
    for (std::size_t at = 0; at < partners.size(); ++at) {
      round.turns[at].partners = partners[at];
      round.turns[at].table = at < clients_from ? &account : &same;
      round.turns[at].route = at < clients_from ? &route : &client;
    }
    round.cut_at_uncertain_partner();
    return round.taken();
  };
  EXPECT_EQ(cut({0, 1, 0, 1}, 4), 4U) << "whatever one route inserts or finds is paired then";
  EXPECT_EQ(cut({0, 1, 2, 1}, 4), 2U) << "one of the two may be taken before";
  EXPECT_EQ(cut({2, 1, 0, 1}, 4), 4U) << "nothing is before the first";
  EXPECT_EQ(cut({0, 0, 0, 0}, 2), 2U) << "the other route's row may be the one";
  EXPECT_EQ(cut({-1, -1, -1, -1}, 2), 4U) << "nothing is looked for";
}

TEST(RoundSize, ShrinksWhereRoundsAreCutOrSlowAndGrowsAgain) {
  RoundSize size;
  for (int i = 0; i < 10; ++i) size.ended(false);
  const auto full = size.most();
  EXPECT_EQ(full, 500U);
  size.cut_to(60);
  EXPECT_EQ(size.most(), 120U);
  size.cut_to(1);
  const auto fewest = size.most();
  EXPECT_GT(fewest, 1U);
  size.ended(false);
  EXPECT_EQ(size.most(), 2 * fewest);
  for (int i = 0; i < 10; ++i) size.ended(true);
  EXPECT_EQ(size.most(), 1U) << "rows of which each is slow go one by one";
}

}  // namespace
}  // namespace tandem
