#include "apply/beside.hpp"

#include <gtest/gtest.h>

#include "apply/round.hpp"

namespace tandem {
namespace {

class Beside : public ::testing::Test {
 protected:
  Beside() {
    there.name = there.target = "there";
    also_there.name = "also there";
    also_there.target = "there";
    elsewhere.name = elsewhere.target = "elsewhere";
  }
  static InboxRecord told_by(const SourceSettings& source, const std::string& type, const std::string& remote_id) {
    InboxRecord out;
    out.source = &source;
    out.request_type = type;
    out.remote_id = remote_id;
    return out;
  }

  SourceSettings there, also_there, elsewhere;
};

TEST_F(Beside, ObjectsAreThoseOfATargetWhoeverTellsOfThem) {
  ToldObjects told;
  told.add(told_by(there, "account", "7"));
  EXPECT_TRUE(told.tell_of(told_by(there, "account", "7")));
  EXPECT_TRUE(told.tell_of(told_by(also_there, "account", "7")));
  EXPECT_TRUE(told.tell_of("there", "account", "7"));
  EXPECT_FALSE(told.tell_of(told_by(elsewhere, "account", "7")));
  EXPECT_FALSE(told.tell_of(told_by(there, "contact", "7")));
  EXPECT_FALSE(told.tell_of("there", "account", "8"));
}

TEST_F(Beside, ARecordIsNamedByOurIdWhereTheirsIsNotTold) {
  InboxRecord ours = told_by(there, "account", "");
  ours.object_id = "12";
  ToldObjects told;
  told.add(ours);
  EXPECT_TRUE(told.tell_of(ours));
}

TEST_F(Beside, TheEndOfAnObjectIsToldUnderEitherId) {
  InboxRecord theirs = told_by(there, "account", "7"), ours = told_by(there, "account", "");
  theirs.operation = ours.operation = "delete";
  ours.object_id = "12";
  ToldObjects told;
  told.add(told_by(there, "account", "9"));
  told.add(theirs);
  told.add(ours);
  EXPECT_TRUE(told.tell_the_end_of("there", "account", "7", "1"));
  EXPECT_TRUE(told.tell_the_end_of("there", "account", "8", "12"));
  EXPECT_FALSE(told.tell_the_end_of("there", "account", "9", "2"));
  EXPECT_FALSE(told.tell_the_end_of("there", "contact", "7", "1"));
}

TEST_F(Beside, ARoundIsCutAtAParentOfATransactionThatIsOpen) {
  auto before = std::make_shared<ToldObjects>();
  before->add(told_by(there, "account", "parent"));
  const std::vector<InboxRecord> records{told_by(there, "contact", "a"), told_by(there, "contact", "b")};
  const Round round(records, LaneLine{}, 10, {before});
  EXPECT_TRUE(round.told_before(0, "account", "parent"));
  EXPECT_TRUE(round.told_before(1, "contact", "a"));
  EXPECT_FALSE(round.told_before(1, "account", "another"));
}

TEST_F(Beside, RowsAreSharedWhereOneMarkIsInBoth) {
  EXPECT_TRUE(share_a_row({1, 5, 9}, {2, 9}));
  EXPECT_TRUE(share_a_row({4}, {4}));
  EXPECT_FALSE(share_a_row({1, 5, 9}, {2, 4, 10}));
  EXPECT_FALSE(share_a_row({}, {2}));
}

TEST_F(Beside, ARowIsTheSameUnderEachOfItsNames) {
  CrmTable account("account", "public.account", {"id"}), client("client", "public.account", {"id"}),
      contact("contact", "public.contact", {"id"});
  const auto mark = [](CrmTable& table, const std::string& id) {
    Turn turn;
    turn.table = &table;
    turn.object_id = id;
    return row_mark(turn);
  };
  EXPECT_EQ(mark(account, "7"), mark(client, "7"));
  EXPECT_NE(mark(account, "7"), mark(contact, "7"));
  EXPECT_NE(mark(account, "7"), mark(account, "8"));
}

TEST_F(Beside, OnlyWhatIsDoneOrWrittenIsPlain) {
  Turn turn;
  turn.step.then = Step::Then::park;
  EXPECT_FALSE(is_plain(turn));
  turn.step.then = Step::Then::settle;
  for (const auto outcome : {Outcome::rejected, Outcome::expired, Outcome::conflict}) {
    turn.step.outcome = outcome;
    EXPECT_FALSE(is_plain(turn)) << word(outcome);
  }
  for (const auto outcome : {Outcome::applied, Outcome::unchanged, Outcome::stale, Outcome::filtered}) {
    turn.step.outcome = outcome;
    EXPECT_TRUE(is_plain(turn)) << word(outcome);
  }
  turn.step.then = Step::Then::insert;
  EXPECT_TRUE(is_plain(turn));
}

}  // namespace
}  // namespace tandem
