#include "capture/slot_plan.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace tandem {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_pause{100}, longest_pause{5'000};  // between sessions while the server is away
constexpr milliseconds useful_stream{10'000};                   // one that lasted so long was no failure of ours
constexpr milliseconds for_a_person{30'000};                    // somebody has to change something
constexpr milliseconds for_transactions{60'000};                // until long transactions have ended
constexpr milliseconds for_a_holder{500};                       // until a walsender has noticed that it was ended
constexpr int most_holders = 5;

// Why the server said no, by what it says; the first row that fits.
struct Refusal {
  std::string_view sqlstate, words;  // an empty one fits all
  std::string_view reason, hint;
};
constexpr std::array refusals{
    Refusal{"", "may not be used as an output plugin", "the server does not allow the output plugin",
            "add it to the list output_plugin_libraries (alter system set output_plugin_libraries = pgoutput, "
            "test_decoding, …; no quotes "
            "around the whole) and reload the server"},
    Refusal{"58P01", "", "the output plugin is not installed on the server",
            "install pg_plugin there, or set capture.plugin: auto"},
    Refusal{"0A000", "output plugin \"tandem\"", "the installed output plugin is of another release",
            "install plugin and connector of the same release, or set capture.plugin: pgoutput"},
    Refusal{"42501", "", "our role may not replicate", "alter role … replication, or set capture.stream: false"},
    Refusal{"28", "", "the server does not let us in for replication",
            "check pg_hba.conf and the role's password; the role needs LOGIN and REPLICATION"},
    Refusal{"53400", "", "every replication slot of the server is in use",
            "raise max_replication_slots or drop slots that nobody uses"},
    Refusal{"53300", "", "every walsender or connection of the server is in use", "raise max_wal_senders"},
    Refusal{"3D000", "", "the database does not exist", "check database.url"},
    Refusal{"55000", "max_replication_slots", "the server has no replication slots",
            "raise max_replication_slots, then restart the server"},
    Refusal{"55000", "wal_level", "the server's wal_level is not logical",
            "alter system set wal_level = logical, then restart the server"},
    Refusal{"0A000", "", "the server cannot decode logically here",
            "a standby before PostgreSQL 16, or a proxy that does not speak replication"},
};

const Refusal* refusal_of(const Error& error) {
  for (const Refusal& refusal : refusals) {
    if (!error.sqlstate.starts_with(refusal.sqlstate)) continue;
    if (error.message.find(refusal.words) != std::string::npos) return &refusal;
  }
  return nullptr;
}

}  // namespace

SlotPlan::Action SlotPlan::next(const Event& event, SteadyTime now) {
  struct Visitor {
    SlotPlan& plan;
    SteadyTime now;
    Action operator()(const Ticked&) const { return plan.ticked(now); }
    Action operator()(const Opened&) const { return plan.go(Step::look); }
    Action operator()(const Looked& looked) const { return plan.looked(looked.view, now); }
    Action operator()(const Done&) const { return plan.done(now); }
    Action operator()(const Created&) const { return plan.go(Step::start_stream); }
    Action operator()(const Started&) const {
      plan.phase_ = CapturePhase::streaming;
      plan.reason_.clear();
      plan.hint_.clear();
      plan.began_ = now;
      plan.holders_ended_ = 0;
      return plan.go(Step::stream);
    }
    Action operator()(const Retained& retained) const { return plan.retained(retained.bytes, now); }
    Action operator()(const Failed& failed) const { return plan.failed(failed.error, now); }
  };
  return std::visit(Visitor{*this, now}, event);
}

SlotPlan::Action SlotPlan::ticked(SteadyTime now) {
  if (action_.step == Step::wait) return now < action_.until ? action_ : open();
  if (action_.step == Step::create_slot && now - began_ >= limits_.creation)
    return close_and_poll(for_transactions,
                          "making the slot waits for a transaction that has been writing for more than a minute",
                          "end long transactions (pg_stat_activity, pg_prepared_xacts); it is tried again", now);
  return action_;
}

SlotPlan::Action SlotPlan::open() {
  return go(Step::open);
}

SlotPlan::Action SlotPlan::looked(const SlotView& view, SteadyTime now) {
  if (!view.wal_is_logical)
    return close_and_poll(for_a_person, "the server's wal_level is not logical",
                          "alter system set wal_level = logical, then restart the server", now);
  const bool usable = choose(view);
  if (plugin_.plugin == OutputPlugin::pgoutput && !view.publication)
    return close_and_poll(for_a_person, "the publication of the outbox does not exist",
                          "run tandem migrate with the owner's rights", now);
  if (view.exists && (view.foreign || !usable))
    return close_and_poll(for_a_person, "a slot of our name belongs to another plugin or database",
                          "set capture.slot to a free name", now);
  if (view.exists && view.active) {
    if (!view.held_by_us || holders_ended_ >= most_holders)
      return close_and_poll(for_a_person, "another program streams from the slot of our name",
                            "set capture.slot to a free name", now);
    ++holders_ended_;
    return go(Step::end_holder);
  }
  if (view.exists && (view.lost || drop_wanted_)) return go(Step::drop_slot);
  drop_wanted_ = false;
  if (view.exists) return go(Step::start_stream);
  phase_ = CapturePhase::creating_slot;
  reason_.clear();
  hint_.clear();
  began_ = now;
  return go(Step::create_slot);
}

// False where the slot that is there cannot be read by us, or not with the plugin asked for.
bool SlotPlan::choose(const SlotView& view) {
  slot_found_ = view.exists;
  plugin_ = choose_plugin(limits_.plugin, view.allowed, unusable_);
  if (!view.exists) return true;
  const auto of_slot = output_plugin(view.plugin);
  if (!of_slot || (limits_.plugin != PluginChoice::automatic && *of_slot != plugin_.plugin)) return false;
  plugin_ = {*of_slot, "the slot was made with it"};
  return true;
}

SlotPlan::Action SlotPlan::done(SteadyTime now) {
  switch (action_.step) {
    case Step::end_holder:
      return close_and_poll(for_a_holder, "an earlier session of ours is ending", "", now);
    case Step::drop_slot:
      drop_wanted_ = false;
      return go(Step::look);
    case Step::close:
      return action_ = Action{Step::wait, resume_at_};
    default:
      return action_;
  }
}

SlotPlan::Action SlotPlan::retained(std::uint64_t bytes, SteadyTime now) {
  if (bytes <= limits_.wal_budget_bytes || (action_.step != Step::stream && action_.step != Step::create_slot))
    return ticked(now);
  drop_wanted_ = true;
  return close_and_poll(for_transactions, "the slot kept more WAL than capture.wal_budget and was given up",
                        "look for long transactions (pg_stat_activity, pg_prepared_xacts); it is made again by itself",
                        now);
}

SlotPlan::Action SlotPlan::failed(const Error& error, SteadyTime now) {
  const bool streamed = action_.step == Step::stream;
  if (streamed && now - began_ >= useful_stream) lost_in_a_row_ = 0;
  if (blames_our_plugin(error)) {
    unusable_ = error.message;
    phase_ = CapturePhase::connecting;
    reason_ = "tandem's own output plugin cannot be used (" + error.message + "): pgoutput is";
    hint_ = "install the plugin of this release and start the connector again, or set capture.plugin: pgoutput";
    return action_ = Action{Step::wait, now + first_pause};
  }
  if (const Refusal* refusal = refusal_of(error))
    return poll_for(for_a_person, std::string(refusal->reason) + " (" + error.message + ")",
                    std::string(error.hint.empty() ? refusal->hint : std::string_view(error.hint)), now);
  // What the slot holds cannot be decoded (older than its publication, lost while it streamed, bytes that we do not
  // know): a new one starts behind it, and windows read what lay between.
  const bool decoding = streamed || action_.step == Step::start_stream;
  if (decoding && (error.kind == ErrorKind::refused || error.kind == ErrorKind::protocol)) drop_wanted_ = true;
  const auto pause = std::min(longest_pause, first_pause * (1 << std::min(lost_in_a_row_, 10)));
  ++lost_in_a_row_;
  phase_ = CapturePhase::connecting;
  reason_ = error.message;
  hint_ = error.hint;
  return action_ = Action{Step::wait, now + pause};
}

bool SlotPlan::blames_our_plugin(const Error& error) const {
  if (plugin_.plugin != OutputPlugin::tandem || limits_.plugin != PluginChoice::automatic || slot_found_) return false;
  const bool missing = error.sqlstate == "58P01", of_it = error.message.find("output plugin") != std::string::npos;
  if (action_.step == Step::create_slot || action_.step == Step::start_stream) return missing || of_it;
  return action_.step == Step::stream && error.kind == ErrorKind::protocol;
}

SlotPlan::Action SlotPlan::poll_for(milliseconds pause, std::string reason, std::string hint, SteadyTime now) {
  phase_ = CapturePhase::polling;
  reason_ = std::move(reason);
  hint_ = std::move(hint);
  return action_ = Action{Step::wait, now + pause};
}

SlotPlan::Action SlotPlan::close_and_poll(milliseconds pause, std::string reason, std::string hint, SteadyTime now) {
  resume_at_ = poll_for(pause, std::move(reason), std::move(hint), now).until;
  return go(Step::close);
}

}  // namespace tandem
