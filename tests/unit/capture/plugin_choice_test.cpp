#include "capture/plugin_choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/slot_plan.hpp"

namespace tandem {
namespace {

using testing::HasSubstr;
using Step = SlotPlan::Step;

OutputPlugin automatic(const std::optional<std::string>& allowed, std::string_view unusable = {}) {
  return choose_plugin(PluginChoice::automatic, allowed, unusable).plugin;
}

TEST(PluginChoice, TakesOursWhereItIsAllowed) {
  EXPECT_EQ(automatic("pgoutput, test_decoding, tandem"), OutputPlugin::tandem);
  EXPECT_EQ(automatic("pgoutput,\"tandem\""), OutputPlugin::tandem);
  EXPECT_EQ(automatic(std::nullopt), OutputPlugin::tandem) << "a server without the setting limits nothing";
}

TEST(PluginChoice, TakesPgoutputWhereOursIsNotListed) {
  EXPECT_EQ(automatic("pgoutput, test_decoding"), OutputPlugin::pgoutput);
  EXPECT_EQ(automatic("\"pgoutput, test_decoding, tandem\""), OutputPlugin::pgoutput) << "one quoted name";
  EXPECT_EQ(automatic("pgoutput, tandem2"), OutputPlugin::pgoutput);
  EXPECT_EQ(automatic(""), OutputPlugin::pgoutput);
}

TEST(PluginChoice, TakesPgoutputWhereOursHasFailedAndSaysWhy) {
  const auto chosen = choose_plugin(PluginChoice::automatic, std::nullopt, "no such file");
  EXPECT_EQ(chosen.plugin, OutputPlugin::pgoutput);
  EXPECT_THAT(chosen.why, HasSubstr("no such file"));
}

TEST(PluginChoice, DoesWhatItIsTold) {
  EXPECT_EQ(choose_plugin(PluginChoice::tandem, "pgoutput", "broken").plugin, OutputPlugin::tandem);
  EXPECT_EQ(choose_plugin(PluginChoice::pgoutput, "tandem", "").plugin, OutputPlugin::pgoutput);
}

class PlanOfAPlugin : public testing::Test {
 protected:
  explicit PlanOfAPlugin(PluginChoice choice = PluginChoice::automatic)
      : plan_(SlotPlan::Limits{1'000, std::chrono::seconds{60}, choice}) {}
  Step say(const SlotPlan::Event& event) { return plan_.next(event, now_).step; }
  Step look(SlotView view = {}) {
    now_ += std::chrono::hours{1};
    say(SlotPlan::Ticked{});
    say(SlotPlan::Opened{});
    return say(SlotPlan::Looked{std::move(view)});
  }
  OutputPlugin plugin() const { return plan_.plugin().plugin; }
  static SlotPlan::Failed missing() {
    return {Error{ErrorKind::refused, "could not access file \"tandem\"", {}, "58P01"}};
  }
  SlotPlan plan_;
  SteadyTime now_{};
};

TEST_F(PlanOfAPlugin, FallsBackWhereItIsMissing) {
  ASSERT_EQ(look(), Step::create_slot);
  ASSERT_EQ(plugin(), OutputPlugin::tandem);
  EXPECT_EQ(say(missing()), Step::wait);
  EXPECT_NE(plan_.phase(), CapturePhase::polling) << "it goes on at once";
  EXPECT_EQ(look(), Step::create_slot);
  EXPECT_EQ(plugin(), OutputPlugin::pgoutput);
}

TEST_F(PlanOfAPlugin, FallsBackWhereItSpeaksAnotherVersion) {
  look();
  say(SlotPlan::Created{});
  say(SlotPlan::Failed{Error{ErrorKind::refused, "output plugin \"tandem\" speaks protocol version 2", {}, "0A000"}});
  look();
  EXPECT_EQ(plugin(), OutputPlugin::pgoutput);
}

TEST_F(PlanOfAPlugin, StaysWithItThroughOtherFailures) {
  look();
  say(SlotPlan::Created{});
  say(SlotPlan::Started{});
  say(SlotPlan::Failed{Error{ErrorKind::unavailable, "the replication stream has ended", {}, {}}});
  look();
  EXPECT_EQ(plugin(), OutputPlugin::tandem);
}

TEST_F(PlanOfAPlugin, ReadsASlotWithThePluginThatItWasMadeWith) {
  EXPECT_EQ(look({.exists = true}), Step::start_stream);
  EXPECT_EQ(plugin(), OutputPlugin::pgoutput);
  EXPECT_EQ(look({.exists = true, .plugin = "tandem", .allowed = "pgoutput"}), Step::start_stream);
  EXPECT_EQ(plugin(), OutputPlugin::tandem);
}

TEST_F(PlanOfAPlugin, LeavesASlotOfAnotherPluginAlone) {
  EXPECT_EQ(look({.exists = true, .plugin = "wal2json"}), Step::close);
  EXPECT_THAT(plan_.reason(), HasSubstr("another plugin"));
}

class PlanOfOurPlugin : public PlanOfAPlugin {
 protected:
  PlanOfOurPlugin() : PlanOfAPlugin(PluginChoice::tandem) {}
};
TEST_F(PlanOfOurPlugin, PollsWhereItIsMissing) {
  look();
  say(missing());
  EXPECT_EQ(plan_.phase(), CapturePhase::polling);
  EXPECT_THAT(plan_.reason(), HasSubstr("not installed"));
}
TEST_F(PlanOfOurPlugin, NeedsNoPublication) {
  EXPECT_EQ(look({.publication = false}), Step::create_slot);
}

}  // namespace
}  // namespace tandem
