#include "apply/bookkeeping.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "store/queries.hpp"

namespace tandem {
namespace {

using Then = Step::Then;
namespace queries = store::queries;

class Bookkeeping : public ::testing::Test {
 protected:
  Bookkeeping() { source.name = "there"; }

  Turn& add(const std::string& remote_id) {
    InboxRecord& record = records.emplace_back();
    record.source = &source;
    record.request_type = "account";
    record.remote_id = remote_id;
    Turn& turn = turns.emplace_back();
    turn.record = &record;
    turn.remote_id = remote_id;
    turn.object_id = "7";
    turn.step.then = Then::settle;
    return turn;
  }
  static std::vector<std::string> names(const std::vector<postgres::Statement>& statements) {
    std::vector<std::string> out;
    for (const auto& statement : statements) out.emplace_back(statement.query.name);
    return out;
  }
  using Names = std::vector<std::string>;

  SourceSettings source;
  std::deque<InboxRecord> records;
  std::vector<Turn> turns;
};

TEST_F(Bookkeeping, IsOneStatementOfEachKindForAllRecords) {
  for (const auto* id : {"a", "b", "c"}) {
    Turn& turn = add(id);
    turn.step.pair = turn.step.follow = turn.step.supersede = true;
    turn.step.agree = {"{}", false};
    turn.waiting = {4, 5};
  }
  EXPECT_EQ(names(pairs_of("there", turns, KeysUsed::once)),
            (Names{"apply_supersede", "apply_pair", "apply_agree", "apply_follow"}));
  EXPECT_EQ(names(ends_of({"me", Epoch{1}}, turns)), (Names{"apply_settle"}));
  turns[1].step.then = Then::park;
  EXPECT_EQ(names(ends_of({"me", Epoch{1}}, turns)), (Names{"apply_settle", "apply_park"}));
}

TEST_F(Bookkeeping, LeavesAPairAloneThatStandsAsTold) {
  Turn& turn = add("a");
  turn.step.pair = true;
  turn.lane.paired = true;
  turn.pair.paired_with = "a";
  EXPECT_TRUE(pairs_of("there", turns, KeysUsed::once).empty());
  turn.lane.paired = false;
  EXPECT_EQ(pairs_of("there", turns, KeysUsed::once).size(), 1U) << "a pair that is pending becomes one";
}

TEST_F(Bookkeeping, WritesAnImageWhereItStandsIfItIsKnown) {
  for (const auto* id : {"a", "b", "c"}) add(id).step.agree = {"{}", false};
  turns[1].lane.agreed_id = 4;
  const auto statements = pairs_of("there", turns, KeysUsed::once);
  EXPECT_EQ(names(statements), (Names{"apply_agree", "apply_agree_again"}));
  turns[0].lane.agreed_id = turns[2].lane.agreed_id = 5;
  EXPECT_EQ(names(pairs_of("there", turns, KeysUsed::once)), (Names{"apply_agree_again"}));
}

TEST_F(Bookkeeping, InsertsWhatIsNewWithoutALookUnlessKeysAreUsedAgain) {
  for (const auto* id : {"a", "b"}) {
    Turn& turn = add(id);
    turn.step.pair = true;
    turn.step.agree = {"{}", false};
  }
  turns[1].fresh = true;
  EXPECT_EQ(names(pairs_of("there", turns, KeysUsed::once)),
            (Names{"apply_pair", "apply_pair_fresh", "apply_agree", "apply_agree_fresh"}));
  EXPECT_EQ(names(pairs_of("there", turns, KeysUsed::again)), (Names{"apply_pair", "apply_agree"}));
}

TEST_F(Bookkeeping, KnowsTheErrorsOfAUsedKey) {
  Error error;
  error.sqlstate = "23505";
  error.message = R"(duplicate key value violates unique constraint "agreed_is_one_per_object")";
  EXPECT_TRUE(tells_of_a_used_key(error));
  error.message = R"(duplicate key value violates unique constraint "name_is_unique")";
  EXPECT_FALSE(tells_of_a_used_key(error)) << "that is the CRM's own";
}

TEST_F(Bookkeeping, ConflictsAndDecisionsAreStatementsOfTheirOwn) {
  for (const auto* id : {"a", "b"}) {
    Turn& turn = add(id);
    turn.step.conflict = Step::Conflict{};
    turn.step.resolved = true;
  }
  EXPECT_EQ(names(pairs_of("there", turns, KeysUsed::once)),
            (Names{"apply_conflict", "apply_resolved", "apply_conflict", "apply_resolved"}));
}

}  // namespace
}  // namespace tandem
