#include "capture/slot_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Step = SlotPlan::Step;

constexpr std::uint64_t budget = 1'000;

// A plan that is stepped with a clock of its own.
class Plan : public testing::Test {
 protected:
  Step say(const SlotPlan::Event& event) { return (action_ = plan_.next(event, now_)).step; }
  Step tick(std::chrono::milliseconds time) {
    now_ += time;
    return say(SlotPlan::Ticked{});
  }
  Step look(const SlotView& view = {}) {
    say(SlotPlan::Opened{});
    return say(SlotPlan::Looked{view});
  }
  void stream() {
    tick(1h);
    ASSERT_EQ(look(), Step::create_slot);
    ASSERT_EQ(say(SlotPlan::Created{}), Step::start_stream);
    ASSERT_EQ(say(SlotPlan::Started{}), Step::stream);
  }
  static SlotPlan::Failed failure(ErrorKind kind, std::string message, std::string sqlstate = {},
                                  std::string hint = {}) {
    return {Error{kind, std::move(message), std::move(hint), std::move(sqlstate)}};
  }
  std::chrono::milliseconds pause() const { return std::chrono::ceil<std::chrono::milliseconds>(action_.until - now_); }

  SlotPlan plan_{SlotPlan::Limits{budget, 60s, PluginChoice::pgoutput}};  // plugin_choice_test.cpp has the others
  SteadyTime now_{1h};
  SlotPlan::Action action_;
};

TEST_F(Plan, MakesASlotAndStreams) {
  EXPECT_EQ(tick(0ms), Step::open);
  EXPECT_EQ(plan_.phase(), CapturePhase::connecting);
  EXPECT_EQ(say(SlotPlan::Opened{}), Step::look);
  EXPECT_EQ(say(SlotPlan::Looked{}), Step::create_slot);
  EXPECT_EQ(plan_.phase(), CapturePhase::creating_slot);
  EXPECT_EQ(tick(10s), Step::create_slot);
  EXPECT_EQ(say(SlotPlan::Created{}), Step::start_stream);
  EXPECT_EQ(say(SlotPlan::Started{}), Step::stream);
  EXPECT_EQ(plan_.phase(), CapturePhase::streaming);
  EXPECT_EQ(tick(1h), Step::stream);
}

TEST_F(Plan, UsesASlotThatAPersonMade) {
  tick(0ms);
  EXPECT_EQ(look({.exists = true}), Step::start_stream);
}

TEST_F(Plan, GivesUpACreationThatWaitsForAnOldTransactionAndTriesAgain) {
  tick(0ms);
  ASSERT_EQ(look(), Step::create_slot);
  EXPECT_EQ(tick(59'999ms), Step::create_slot);
  EXPECT_EQ(tick(1ms), Step::close);
  EXPECT_EQ(plan_.phase(), CapturePhase::polling);
  EXPECT_THAT(plan_.reason(), HasSubstr("writing for more than a minute"));
  EXPECT_EQ(say(SlotPlan::Done{}), Step::wait);
  EXPECT_EQ(pause(), 60s);
  EXPECT_EQ(tick(59s), Step::wait);
  EXPECT_EQ(tick(1s), Step::open);
  EXPECT_EQ(plan_.phase(), CapturePhase::polling) << "still without a stream, for the same reason";
}

TEST_F(Plan, GivesTheSlotUpPastItsBudgetAndMakesItAgainLater) {
  stream();
  EXPECT_EQ(say(SlotPlan::Retained{budget}), Step::stream);
  EXPECT_EQ(say(SlotPlan::Retained{budget + 1}), Step::close);
  EXPECT_EQ(plan_.phase(), CapturePhase::polling);
  EXPECT_THAT(plan_.reason(), HasSubstr("capture.wal_budget"));
  EXPECT_EQ(say(SlotPlan::Done{}), Step::wait);
  EXPECT_EQ(tick(60s), Step::open);
  EXPECT_EQ(look(), Step::create_slot);
}

TEST_F(Plan, DropsAPersistentSlotPastTheBudget) {
  tick(0ms);
  look({.exists = true});
  say(SlotPlan::Started{});
  EXPECT_EQ(say(SlotPlan::Retained{budget + 1}), Step::close);
  say(SlotPlan::Done{});
  tick(60s);
  EXPECT_EQ(look({.exists = true}), Step::drop_slot);
  EXPECT_EQ(say(SlotPlan::Done{}), Step::look);
  EXPECT_EQ(say(SlotPlan::Looked{}), Step::create_slot);
}

TEST_F(Plan, WatchesTheBudgetWhileTheSlotIsMade) {
  tick(0ms);
  ASSERT_EQ(look(), Step::create_slot);
  EXPECT_EQ(say(SlotPlan::Retained{budget + 1}), Step::close);
}

TEST_F(Plan, ReplacesALostSlot) {
  tick(0ms);
  EXPECT_EQ(look({.exists = true, .lost = true}), Step::drop_slot);
  EXPECT_EQ(say(SlotPlan::Done{}), Step::look);
  EXPECT_EQ(say(SlotPlan::Looked{}), Step::create_slot);
}

TEST_F(Plan, ReplacesASlotThatCannotBeDecoded) {
  tick(0ms);
  look({.exists = true});
  say(SlotPlan::Started{});
  EXPECT_EQ(say(failure(ErrorKind::refused, "publication \"tandem\" does not exist", "42704")), Step::wait);
  EXPECT_EQ(tick(1s), Step::open);
  EXPECT_EQ(look({.exists = true}), Step::drop_slot);
}

TEST_F(Plan, KeepsASlotWhenTheServerWasMerelyAway) {
  tick(0ms);
  look({.exists = true});
  say(SlotPlan::Started{});
  say(failure(ErrorKind::unavailable, "terminating connection", "57P01"));
  tick(1s);
  EXPECT_EQ(look({.exists = true}), Step::start_stream);
}

TEST_F(Plan, TriesAgainQuicklyThenSlowlyWhileTheServerIsAway) {
  tick(0ms);
  std::vector<std::chrono::milliseconds> pauses;
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(say(failure(ErrorKind::unavailable, "connection refused")), Step::wait);
    pauses.push_back(pause());
    EXPECT_EQ(tick(pause()), Step::open);
  }
  EXPECT_THAT(pauses, testing::ElementsAre(100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5000ms, 5000ms));
  EXPECT_EQ(plan_.phase(), CapturePhase::connecting);
  EXPECT_EQ(plan_.reason(), "connection refused");
}

TEST_F(Plan, IsQuickAgainAfterAStreamThatLasted) {
  for (int i = 0; i < 5; ++i) {
    tick(1h);
    say(failure(ErrorKind::unavailable, "connection refused"));
  }
  stream();
  now_ += 11s;
  say(failure(ErrorKind::unavailable, "the server restarts"));
  EXPECT_EQ(pause(), 100ms);
}

TEST_F(Plan, SlowsDownOnStreamsThatBreakAtOnce) {
  for (int i = 0; i < 5; ++i) {
    stream();
    say(failure(ErrorKind::unavailable, "cut"));
  }
  EXPECT_EQ(pause(), 1600ms);
}

TEST_F(Plan, EndsAnEarlierSessionOfItsOwnButNobodyElses) {
  tick(0ms);
  EXPECT_EQ(look({.exists = true, .active = true, .held_by_us = true}), Step::end_holder);
  EXPECT_EQ(say(SlotPlan::Done{}), Step::close);
  EXPECT_EQ(say(SlotPlan::Done{}), Step::wait);
  EXPECT_EQ(pause(), 500ms);
  tick(500ms);
  EXPECT_EQ(look({.exists = true, .active = true}), Step::close);
  EXPECT_EQ(plan_.reason(), "another program streams from the slot of our name");
}

TEST_F(Plan, StopsEndingHoldersThatComeBack) {
  tick(0ms);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(look({.exists = true, .active = true, .held_by_us = true}), Step::end_holder);
    say(SlotPlan::Done{});
    say(SlotPlan::Done{});
    tick(1s);
  }
  EXPECT_EQ(look({.exists = true, .active = true, .held_by_us = true}), Step::close);
}

TEST_F(Plan, LeavesAForeignSlotAlone) {
  tick(0ms);
  EXPECT_EQ(look({.exists = true, .lost = true, .foreign = true}), Step::close);
  EXPECT_THAT(plan_.hint(), HasSubstr("capture.slot"));
}

TEST_F(Plan, PollsUntilThereIsAPublication) {
  tick(0ms);
  EXPECT_EQ(look({.publication = false}), Step::close);
  EXPECT_EQ(plan_.phase(), CapturePhase::polling);
  EXPECT_THAT(plan_.hint(), HasSubstr("tandem migrate"));
  say(SlotPlan::Done{});
  tick(30s);
  EXPECT_EQ(look(), Step::create_slot);
}

TEST_F(Plan, PollsWhereWalIsNotLogical) {
  tick(0ms);
  EXPECT_EQ(look({.wal_is_logical = false}), Step::close);
  EXPECT_THAT(plan_.hint(), HasSubstr("wal_level"));
}

struct Refused {
  const char *name, *sqlstate, *message, *server_hint, *hint;
};
class Refusal : public Plan, public testing::WithParamInterface<Refused> {};

TEST_P(Refusal, PollsAndTellsAPersonWhatToDo) {
  tick(0ms);
  look();
  EXPECT_EQ(say(failure(ErrorKind::refused, GetParam().message, GetParam().sqlstate, GetParam().server_hint)),
            Step::wait);
  EXPECT_EQ(plan_.phase(), CapturePhase::polling);
  EXPECT_THAT(plan_.reason(), HasSubstr(GetParam().message));
  EXPECT_THAT(plan_.hint(), HasSubstr(GetParam().hint));
  EXPECT_EQ(pause(), 30s);
}
INSTANTIATE_TEST_SUITE_P(
    Plan, Refusal,
    testing::Values(Refused{"role", "42501", "must be superuser or replication role to start walsender", "",
                            "alter role"},
                    Refused{"login", "28000", "no pg_hba.conf entry for replication connection", "", "pg_hba.conf"},
                    Refused{"slots", "53400", "all replication slots are in use",
                            "Free one or increase max_replication_slots.", "Free one"},
                    Refused{"plugin", "0A000", "library \"pgoutput\" may not be used as an output plugin",
                            "If it is safe for all REPLICATION users to use this library as an output plugin, add it "
                            "to \"output_plugin_libraries\"",
                            "output_plugin_libraries"},
                    Refused{"plugin_bare", "XX000", "library \"pgoutput\" may not be used as an output plugin", "",
                            "output_plugin_libraries"}),
    [](const auto& refused) { return refused.param.name; });

TEST(CapturePhases, HaveAWordAndASentence) {
  for (const auto phase : {CapturePhase::off, CapturePhase::connecting, CapturePhase::creating_slot,
                           CapturePhase::streaming, CapturePhase::polling, CapturePhase::stopped}) {
    EXPECT_FALSE(word(phase).empty());
    EXPECT_FALSE(sentence(phase).empty());
  }
}

}  // namespace
}  // namespace tandem
