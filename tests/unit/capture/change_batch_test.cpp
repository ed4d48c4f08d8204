#include "capture/change_batch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using wire::Value;
using wire::ValueKind;

Value text(std::string_view bytes) {
  return {ValueKind::text, bytes};
}

class Stream : public testing::Test {
 protected:
  Stream() {
    store::StreamWatch account;
    account.watch = account.table = "account";
    account.schema = "public";
    account.columns = {"id", "name", "gone"};
    account.key = {"id"};
    plan_.watches.push_back(account);
    plan_.position.through = Lsn{100};
    plan_.mark = "secret";
    relation_.id = 7;
    relation_.schema = "public";
    relation_.name = "account";
    relation_.columns = {{"name", 25, -1, false}, {"id", 23, -1, true}, {"dropped", 25, -1, false}};
  }
  void open() {
    batch_.emplace(plan_);
    take(static_cast<const wire::Relation*>(&relation_), Lsn{});
  }
  void take(const wire::Event& event, Lsn lsn) { ASSERT_TRUE(batch_->take(event, lsn)); }
  void begin(std::uint64_t commit, std::string_view origin = {}) {
    take(wire::Begin{Lsn{commit}, wire::Time{std::chrono::microseconds{5}}, 1, origin}, Lsn{});
  }
  void commit(std::uint64_t end) { take(wire::Commit{Lsn{end - 1}, Lsn{end}, {}}, Lsn{end}); }
  void insert(std::string_view id, std::string_view name, std::uint64_t lsn) {
    const Value row[] = {text(name), text(id), text("x")};
    take(wire::Insert{&relation_, row}, Lsn{lsn});
  }
  void remove(std::string_view id, std::uint64_t lsn) {
    const Value row[] = {{}, text(id), {}};
    take(wire::Delete{&relation_, wire::OldRow::key, row}, Lsn{lsn});
  }

  store::StreamPlan plan_;
  wire::Relation relation_;
  std::optional<ChangeBatch> batch_;
};

TEST_F(Stream, WritesRowsInTheColumnsOfTheTable) {
  open();
  begin(110, "tandem_crm");
  insert("1", R"(a "b" \c)", 105);
  commit(120);
  EXPECT_THAT(batch_->transactions(), ElementsAre(1)) << "to be visible before they are told";
  const auto groups = batch_->hand_over();
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_THAT(groups[0].new_rows, ElementsAre(R"((1,"a ""b"" \\c",))"));
  EXPECT_THAT(groups[0].kinds, ElementsAre("INSERT"));
  EXPECT_THAT(groups[0].keys, ElementsAre("1"));
  EXPECT_THAT(groups[0].origins, ElementsAre("crm"));
  EXPECT_THAT(groups[0].committed, ElementsAre(5));
  EXPECT_EQ(batch_->position(), (store::StreamPosition{Lsn{120}, {}, {}, 0}));
  EXPECT_TRUE(batch_->empty());
}

TEST_F(Stream, GoesOnInTheMiddleOfATransaction) {
  plan_.position = {Lsn{100}, Lsn{200}, Lsn{150}, 2};
  open();
  begin(200);
  insert("1", "a", 140);
  insert("2", "a", 150);
  insert("3", "a", 150);
  insert("4", "a", 150);  // the third of one record of the log
  insert("5", "a", 160);
  EXPECT_EQ(batch_->position(), (store::StreamPosition{Lsn{100}, Lsn{200}, Lsn{150}, 3})) << "the newest one is held";
  commit(210);
  EXPECT_THAT(batch_->hand_over().front().keys, ElementsAre("4", "5"));
}

TEST_F(Stream, LeavesOutWhatIsCapturedAlreadyOrWasNotItsOwn) {
  plan_.watches[0].since = Lsn{130};
  open();
  begin(90);
  insert("1", "a", 80);
  commit(95);
  begin(120);
  insert("2", "a", 110);
  commit(125);
  begin(140);
  insert("3", "a", 135);
  commit(145);
  EXPECT_THAT(batch_->hand_over().front().keys, ElementsAre("3"));
}

TEST_F(Stream, TakesALargeValueFromTheRowBefore) {
  open();
  begin(110);
  const Value before[] = {text("large"), text("1"), {}}, after[] = {{ValueKind::unchanged, {}}, text("1"), {}};
  take(wire::Update{&relation_, wire::OldRow::full, before, after, {}}, Lsn{105});
  take(wire::Update{&relation_, wire::OldRow::none, {}, after, {}}, Lsn{106});
  commit(120);
  const auto groups = batch_->hand_over();
  ASSERT_EQ(groups.size(), 2U);  // one with whole old rows, one without
  EXPECT_THAT(groups[0].new_rows, ElementsAre("(1,large,)"));
  EXPECT_THAT(groups[0].partial, ElementsAre(false));
  EXPECT_THAT(groups[1].new_rows, ElementsAre("(1,,)"));
  EXPECT_THAT(groups[1].partial, ElementsAre(true));
}

TEST_F(Stream, PrintsRowsAsTheServerDoes) {
  open();
  begin(110);
  for (const std::string_view name : {"", "a,b", "a b", "(", "plain-ü"}) insert("1", name, 105);
  commit(120);
  EXPECT_THAT(batch_->hand_over().front().new_rows,
              ElementsAre(R"((1,"",))", R"((1,"a,b",))", R"((1,"a b",))", R"((1,"(",))", "(1,plain-ü,)"));
}

TEST_F(Stream, MarksTheLastChangeOfEachKey) {
  open();
  begin(110);
  insert("1", "a", 101);
  insert("2", "a", 102);
  remove("1", 103);
  const Value before[] = {{}, text("2"), {}}, after[] = {text("a"), text("1"), {}},
              third[] = {text("b"), text("1"), {}};
  take(wire::Update{&relation_, wire::OldRow::key, before, after, {}}, Lsn{104});  // 2 becomes 1
  take(wire::Update{&relation_, wire::OldRow::none, {}, third, {}}, Lsn{105});
  commit(120);
  const auto groups = batch_->hand_over();
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_THAT(groups[0].last, ElementsAre(false, false, false, false, true));
  EXPECT_TRUE(groups[0].old_last[3]) << "nothing has come to key 2 since";
}

TEST_F(Stream, AMoveToAnotherPartitionIsAnUpdate) {
  plan_.watches[0].partitioned = true;
  open();
  begin(110);
  insert("0", "a", 103);
  remove("1", 104);
  EXPECT_THAT(batch_->hand_over().front().kinds, ElementsAre("INSERT")) << "not in the middle of a move";
  EXPECT_EQ(batch_->position(), (store::StreamPosition{Lsn{100}, Lsn{110}, Lsn{103}, 1}));
  insert("1", "b", 105);
  remove("2", 106);
  insert("3", "b", 107);
  commit(120);
  EXPECT_THAT(batch_->hand_over().front().kinds, ElementsAre("UPDATE", "DELETE", "INSERT"));
}

TEST_F(Stream, WhatOnlyDescribesOrIsOthersDoesNotPartTheHalvesOfAMove) {
  plan_.watches[0].partitioned = true;
  open();
  begin(110);
  remove("1", 104);
  take(wire::TypeName{16'400, "public", "mood"}, Lsn{});
  take(static_cast<const wire::Relation*>(&relation_), Lsn{});
  take(wire::Message{true, Lsn{105}, "theirs", "x"}, Lsn{105});
  take(wire::Message{true, Lsn{105}, ChangeBatch::applied_prefix, "guessed\naccount\ncrm"}, Lsn{105});
  insert("1", "b", 106);
  commit(120);
  EXPECT_THAT(batch_->hand_over().front().kinds, ElementsAre("UPDATE"));
}

TEST_F(Stream, AChangeThatIsHeldOutlivesTheDescriptionOfItsTable) {
  open();
  begin(110);
  insert("1", "a", 103);
  wire::Relation renamed = relation_;
  renamed.name = "another";
  take(static_cast<const wire::Relation*>(&renamed), Lsn{});
  take(wire::Message{true, Lsn{104}, ChangeBatch::applied_prefix, "secret\naccount\ncrm"}, Lsn{104});
  commit(120);
  const auto groups = batch_->hand_over();
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].watch->watch, "account");
  EXPECT_THAT(groups[0].origins, ElementsAre("crm"));
}

TEST_F(Stream, WhatApplyHasWrittenIsMarkedBehindIt) {
  open();
  const auto mark = [&](std::string_view content, bool transactional = true) {
    take(wire::Message{transactional, Lsn{106}, ChangeBatch::applied_prefix, content}, Lsn{106});
  };
  begin(110);
  insert("1", "a trigger's", 103);
  insert("2", "apply's", 104);
  EXPECT_THAT(batch_->hand_over().front().keys, ElementsAre("1")) << "its mark is still to come";
  mark("secret\naccount\ncrm");
  mark("secret\naccount\ncrm");  // of a row that is not captured here
  remove("2", 107);
  mark("secret\naccount\nerp");
  insert("3", "b", 108);
  mark("guessed\naccount\ncrm");
  insert("4", "b", 109);
  mark("secret\ncontact\ncrm");
  insert("5", "b", 109);
  mark("secret\naccount\ncrm", false);
  commit(120);
  const auto groups = batch_->hand_over();
  std::vector<std::string> origins;
  for (const auto& group : groups)
    for (std::size_t i = 0; i < group.keys.size(); ++i)
      origins.push_back(group.keys[i] + " " + group.origins[i].value_or("-"));
  EXPECT_THAT(origins, ElementsAre("2 crm", "2 erp", "3 -", "4 -", "5 -"));
}

TEST_F(Stream, AMarkOfWhatWasCapturedBeforeARestartIsNotTakenForAnothersChange) {
  plan_.position = {Lsn{100}, Lsn{200}, Lsn{150}, 1};
  open();
  begin(200);
  insert("1", "apply's", 150);
  take(wire::Message{true, Lsn{155}, ChangeBatch::applied_prefix, "secret\naccount\ncrm"}, Lsn{155});
  insert("2", "a trigger's", 160);
  commit(210);
  EXPECT_THAT(batch_->hand_over().front().origins, ElementsAre(std::nullopt));
}

TEST_F(Stream, ATruncateStandsAlone) {
  open();
  begin(110);
  insert("1", "a", 104);
  const wire::Relation* tables[] = {&relation_};
  take(wire::Truncate{tables, false, false}, Lsn{105});
  insert("2", "a", 106);
  commit(120);
  const auto groups = batch_->hand_over();
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_THAT(groups[1].kinds, ElementsAre("TRUNCATE"));
}

TEST_F(Stream, BodiesStayEmptyWhereNewerStatesMayHaveBeenRecorded) {
  plan_.watches[0].latest_through = Lsn{120};
  open();
  begin(120);
  insert("1", "a", 104);
  commit(125);
  begin(130);
  insert("2", "a", 126);
  commit(135);
  const auto groups = batch_->hand_over();
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_TRUE(groups[0].latest);
  EXPECT_FALSE(groups[1].latest);
}

TEST_F(Stream, WatchesChangeWhereAMessageSaysSo) {
  open();
  begin(110);
  take(wire::Message{true, Lsn{105}, ChangeBatch::message_prefix, "739"}, Lsn{105});
  EXPECT_EQ(batch_->watches_changed(), "739");
  EXPECT_EQ(batch_->position().through, Lsn{100});
  batch_->watches_seen();
  EXPECT_THAT(batch_->watches_changed(), IsEmpty());
}

TEST_F(Stream, AMarkAsksForThePositionToBeWritten) {
  open();
  take(wire::Message{false, Lsn{150}, ChangeBatch::message_prefix, "mark"}, Lsn{150});
  EXPECT_TRUE(batch_->position_wanted());
  EXPECT_EQ(batch_->position().through, Lsn{150});
  EXPECT_THAT(batch_->hand_over(), IsEmpty());
  EXPECT_FALSE(batch_->position_wanted());
}

}  // namespace
}  // namespace tandem
