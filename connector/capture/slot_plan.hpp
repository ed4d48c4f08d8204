#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "capture/plugin_choice.hpp"
#include "capture/standing.hpp"
#include "model/error.hpp"
#include "model/record.hpp"

namespace tandem {

/// What the database says about our slot, asked on the replication session before anything is made.
struct SlotView {
  bool wal_is_logical = true;
  bool publication = true;  ///< it exists and publishes the outbox's inserts
  bool exists = false;
  bool active = false;  ///< a walsender has it
  bool held_by_us =
      false;             ///< that walsender is a connector of our name: an earlier session, or one that lost the fence
  bool lost = false;     ///< invalidated: it can never stream again
  bool foreign = false;  ///< of another database: somebody else's
  std::string plugin = "pgoutput";          ///< that an existing slot was made with
  std::optional<std::string> allowed = {};  ///< output_plugin_libraries, where the server has it
};

/// The life of the slot and of the stream on it, as decisions only; CaptureThread does what they say.
///
///              ┌────────────────────────────── wait ◄───────────────────────────┐
///              ▼                                                                │ any failure
///   open ──► look ──► (end_holder | drop_slot)* ──► create_slot ──► start_stream ──► stream ── WAL over budget ──►
///   close
///                 └──── a usable slot is there ─────────────────────────┘  ▲
///                                                 creation takes over a minute ──► close ──► wait
///
/// The slot is temporary: it ends with its session and leaves nothing behind (docs/decisions/0010-temporary-slot.md). A
/// persistent slot of the configured name, made by a person, is used as it is and dropped only when it is lost, over
/// budget or cannot be decoded.
class SlotPlan {
 public:
  struct Limits {
    std::uint64_t wal_budget_bytes = std::uint64_t{1} << 30;
    std::chrono::milliseconds creation{
        60'000};  ///< it waits for the oldest writing transaction and keeps WAL meanwhile
    PluginChoice plugin = PluginChoice::automatic;
  };

  // What happened.
  struct Ticked {};  ///< nothing but time
  struct Opened {};
  struct Looked {
    SlotView view;
  };
  struct Done {};  ///< end_holder, drop_slot, close
  struct Created {};
  struct Started {};
  struct Retained {
    std::uint64_t bytes;
  };  ///< WAL that the slot keeps
  struct Failed {
    Error error;
  };
  using Event = std::variant<Ticked, Opened, Looked, Done, Created, Started, Retained, Failed>;

  // What to do. The answer to each is an event; create_slot and stream go on with Ticked.
  enum class Step : std::uint8_t {
    wait,          ///< until `until`, then Ticked
    open,          ///< a replication session: Opened
    look,          ///< Looked
    end_holder,    ///< end the walsender that has our slot: Done
    drop_slot,     ///< Done
    create_slot,   ///< send the command if it is not under way, look whether it ended: Ticked or Created
    start_stream,  ///< Started
    stream,        ///< read for a while: Ticked or Retained
    close,         ///< close the session, cancelling what it does: Done
  };
  struct Action {
    Step step = Step::wait;
    SteadyTime until{};
  };

  /// Our own plugin is tried where it is allowed; where the server then has none that fits, pgoutput is used until the
  /// connector starts again.
  explicit SlotPlan(Limits limits) : limits_(limits) {}

  [[nodiscard]] Action next(const Event& event, SteadyTime now);

  [[nodiscard]] const ChosenPlugin& plugin() const { return plugin_; }  ///< of the slot, since the last look
  [[nodiscard]] CapturePhase phase() const { return phase_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }  ///< why it does not stream; empty while it does
  [[nodiscard]] const std::string& hint() const { return hint_; }

 private:
  [[nodiscard]] Action looked(const SlotView& view, SteadyTime now);
  [[nodiscard]] bool choose(const SlotView& view);
  [[nodiscard]] bool blames_our_plugin(const Error& error) const;
  [[nodiscard]] Action failed(const Error& error, SteadyTime now);
  [[nodiscard]] Action retained(std::uint64_t bytes, SteadyTime now);
  [[nodiscard]] Action done(SteadyTime now);
  [[nodiscard]] Action ticked(SteadyTime now);
  [[nodiscard]] Action open();
  [[nodiscard]] Action poll_for(std::chrono::milliseconds pause, std::string reason, std::string hint, SteadyTime now);
  [[nodiscard]] Action close_and_poll(std::chrono::milliseconds pause, std::string reason, std::string hint,
                                      SteadyTime now);
  [[nodiscard]] Action go(Step step) { return action_ = Action{step, {}}; }

  const Limits limits_;
  Action action_;  ///< what was said last: events answer it
  ChosenPlugin plugin_;
  std::string unusable_;     ///< what the server said of our own plugin
  bool slot_found_ = false;  ///< by the last look: not made by us
  CapturePhase phase_ = CapturePhase::connecting;
  std::string reason_, hint_;
  SteadyTime began_{};      ///< of the creation, or of the stream
  SteadyTime resume_at_{};  ///< after close
  int lost_in_a_row_ = 0;   ///< sessions that ended before they were of use
  int holders_ended_ = 0;
  bool drop_wanted_ = false;  ///< the slot that is there, if any, must go before a new one is made
};

}  // namespace tandem
