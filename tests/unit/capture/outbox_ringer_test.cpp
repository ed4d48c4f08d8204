#include "capture/outbox_ringer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

MATCHER_P2(RingOf, target, counter, "") {
  return arg.target == target && arg.counter == Counter{counter};
}

class Ringer : public testing::Test {
 protected:
  Ringer() {
    outbox_.schema = "tandem";
    outbox_.name = "outbox";
    for (const char* name : {"xid", "counter", "target", "body"}) outbox_.columns.push_back({name, 25, -1, false});
    say(static_cast<const wire::Relation*>(&outbox_));
  }
  void say(const wire::Event& event) { ASSERT_TRUE(ringer_.take(event)); }
  void insert(std::string_view counter, std::string_view target) {
    const wire::Value row[] = {
        {wire::ValueKind::text, "740"}, {wire::ValueKind::text, counter}, {wire::ValueKind::text, target}, {}};
    say(wire::Insert{&outbox_, row});
  }
  wire::Relation outbox_;
  OutboxRinger ringer_;
};

TEST_F(Ringer, RingsWhenTheCommitHasBeenDecoded) {
  say(wire::Begin{});
  insert("7", "crm");
  EXPECT_THAT(ringer_.rings(), IsEmpty());
  say(wire::Commit{});
  EXPECT_THAT(ringer_.rings(), ElementsAre(RingOf("crm", 7)));
  ringer_.clear();
  EXPECT_THAT(ringer_.rings(), IsEmpty());
}

TEST_F(Ringer, RingsOncePerTransactionAndTargetWithTheHighestCounter) {
  say(wire::Begin{});
  insert("9", "crm");
  insert("8", "erp");
  insert("7", "crm");
  say(wire::Commit{});
  say(wire::Begin{});
  insert("6", "crm");
  say(wire::Commit{});
  EXPECT_THAT(ringer_.rings(), ElementsAre(RingOf("crm", 9), RingOf("erp", 8), RingOf("crm", 6)));
}

TEST_F(Ringer, WithoutBoundariesRingsAtOnceForTheHighestCounterOfATarget) {
  insert("7", "crm");
  insert("9", "crm");
  insert("8", "erp");
  EXPECT_THAT(ringer_.rings(), ElementsAre(RingOf("crm", 9), RingOf("erp", 8)));
  ringer_.clear();
  say(wire::Message{true, {}, "tandem", "retry"});
  EXPECT_THAT(ringer_.rings(), ElementsAre(RingOf("", 0)));
}

TEST_F(Ringer, RingsForEverybodyWhenPeopleChangedSomething) {
  say(wire::Message{false, {}, "tandem", "resume"});
  EXPECT_THAT(ringer_.rings(), ElementsAre(RingOf("", 0)));
  ringer_.clear();
  say(wire::Begin{});
  say(wire::Message{true, {}, "tandem", "retry"});
  say(wire::Message{true, {}, "somebody else's", ""});
  EXPECT_THAT(ringer_.rings(), IsEmpty());
  say(wire::Commit{});
  EXPECT_THAT(ringer_.rings(), ElementsAre(RingOf("", 0)));
}

TEST_F(Ringer, PassesOtherTablesOver) {
  wire::Relation other;
  other.schema = "public";
  other.name = "outbox";
  say(static_cast<const wire::Relation*>(&other));
  say(wire::Begin{});
  say(wire::Insert{&other, {}});
  say(wire::Commit{});
  EXPECT_THAT(ringer_.rings(), IsEmpty());
}

TEST_F(Ringer, FindsItsColumnsWhereverTheyStand) {
  outbox_.columns = {{"target", 25, -1, false}, {"counter", 20, -1, false}};
  say(static_cast<const wire::Relation*>(&outbox_));
  say(wire::Begin{});
  const wire::Value row[] = {{wire::ValueKind::text, "crm"}, {wire::ValueKind::text, "5"}};
  say(wire::Insert{&outbox_, row});
  say(wire::Commit{});
  EXPECT_THAT(ringer_.rings(), ElementsAre(RingOf("crm", 5)));
}

TEST_F(Ringer, RefusesAPublicationWithoutItsColumns) {
  outbox_.columns = {{"counter", 20, -1, false}};
  const Status taken = ringer_.take(static_cast<const wire::Relation*>(&outbox_));
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr("target"));
}

TEST_F(Ringer, RefusesACounterThatIsNoNumber) {
  const wire::Value row[] = {{}, {wire::ValueKind::text, "7x"}, {wire::ValueKind::text, "crm"}, {}};
  EXPECT_FALSE(ringer_.take(wire::Insert{&outbox_, row}));
  const wire::Value nothing[] = {{}, {}, {}, {}};
  EXPECT_FALSE(ringer_.take(wire::Insert{&outbox_, nothing}));
}

}  // namespace
}  // namespace tandem
