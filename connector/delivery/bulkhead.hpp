#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/settings.hpp"
#include "delivery/attempt_plan.hpp"
#include "delivery/breaker.hpp"
#include "delivery/delivery_stats.hpp"
#include "delivery/lane_book.hpp"
#include "delivery/lending.hpp"
#include "delivery/messages.hpp"
#include "delivery/rate_gate.hpp"
#include "delivery/retry_plan.hpp"
#include "delivery/room.hpp"

namespace tandem {

struct Now {
  SteadyTime steady;
  WallTime wall;
};

/// Everything that one target has in a delivery loop: its records, its breaker, its limits. Nothing is shared with
/// other targets, so none of them notices when this one is slow, full or down. Without I/O, threads and clocks: what it
/// is told it answers in `out`.
///
/// The turn of a record:
///
///     listed ─► folded with what follows ─► body read again, where the window's does not do ─► up ─► planned ─►
///     intent, where one must be durable ─► in flight ─► answered ─► settled | parked | kept until the target is back
///     ─► next record of the lane
class Bulkhead {
 public:
  struct Out {
    std::vector<ToSettle> settle;
    std::vector<ToFeed> feed;
    std::vector<Shipment> shipments;
    bool probe = false;  ///< ask the target whether it is there: probe_answered tells
  };

  /// `settings` and `target` must outlive this. `seed`: of the jitter.
  Bulkhead(const Settings& settings, TargetIndex index, const Target& target, std::shared_ptr<Room> room,
           DeliveryStats& stats, std::uint32_t seed);

  void take(ToDelivery&& message, const Now& now);
  void answered(std::span<const Answer> answers, const Now& now);
  void probe_answered(const Answer& answer, const Now& now);
  /// A caller's request may go to the target now; `returned` tells when it has ended. It has no part in what the
  /// breaker thinks: that is for records, whose attempts it guards.
  [[nodiscard]] tl::expected<void, LoanRefusal> lend(const Now& now);
  void returned(const LoanAnswer& answer, const Now& now);
  [[nodiscard]] int lent() const { return lending_.out(); }
  /// Starts what may be started. After messages and answers, and when `wakes` says so.
  void turn(const Now& now);
  [[nodiscard]] std::optional<SteadyTime> wakes(const Now& now);

  /// No new attempts. Answers that still come are settled; what failed stays pending, marked as attempted.
  void stop();
  [[nodiscard]] int in_flight() const { return flying_; }
  /// Attempts whose intent is being written. A stop waits for these as well: one that has become durable is taken back,
  /// or the next start would take the attempt for made.
  [[nodiscard]] int announcing() const { return announcing_; }

  /// What is to be sent on. The caller empties it.
  Out out;

 private:
  /// One route of this target.
  struct Desk {
    RouteIndex index = no_route;
    const RouteSettings* route = nullptr;
    std::unique_ptr<Mapping> mapping;
    bool window_suffices = false;  ///< until a changed key comes: from then on records look whether they have to wait
    bool paused = false;
    std::vector<std::uint32_t> children;  ///< slots of routes that refer to this one's objects
    std::deque<Held*> up;                 ///< their turn: body at hand
  };
  /// A spent attempt that may have to be given back.
  struct Spent {
    Counter counter;
    Settlement note;
  };

  // bulkhead.cpp: what comes in
  void arrive(Arrivals&& message);
  void arrive(Record&& record, SteadyTime read_at);
  void take_up(TakeUp&& message, const Now& now);
  Held* add_parked(ParkedRecord&& parked, const Now& now);
  void start(Start&& message, const Now& now);
  void drop_all();
  void become_quiet(const Now& now);
  void found(Bodies&& message, const Now& now);
  void settled(const Settled& message, const Now& now);
  void settled(Counter counter, bool written, const Now& now);
  void pause(const Pause& message);
  void write_floor(const Now& now);
  void forget(Held& held);
  void let_go(Held& held);
  [[nodiscard]] std::uint32_t slot_of(RouteIndex route) const;

  // bulkhead_dispatch.cpp: whose turn it is and what it comes to
  void raise(const Now& now);
  void begin_turn(Lane& lane, const Now& now);
  [[nodiscard]] bool fold_lane(Lane& lane, const Desk& desk);
  [[nodiscard]] bool children_first(Held& held, const Desk& desk, const Now& now);
  [[nodiscard]] bool careful(const Held& held, const Now& now) const;
  [[nodiscard]] bool at_hand(const Held& held, const Desk& desk, const Now& now) const;
  void ask(Held& held);
  void ship(const Now& now);
  [[nodiscard]] Desk* next_desk(const Now& now);
  [[nodiscard]] bool fill(Shipment& shipment, Desk& desk, const Now& now);
  [[nodiscard]] std::optional<Attempt> prepare(Held& held, Desk& desk, const Now& now);
  [[nodiscard]] AttemptPlan plan(Held& held, Desk& desk, const Now& now);
  void wait_for_rekey(Held& held, const Now& now);
  [[nodiscard]] bool in_cycle(LaneHash child, LaneHash parent) const;
  [[nodiscard]] std::size_t batch_limit(const Desk& desk, Operation operation) const;

  // bulkhead_answers.cpp: what becomes of it
  void judge(Held& held, const Answer& answer, const Now& now);
  void judge_success(Held& held, const Answer& answer, const Now& now);
  void judge_removed_old(Held& held, const Now& now);
  void settle_delivered(Held& held, Settlement&& settlement);
  void judge_failure(Held& held, const Answer& answer, const Now& now);
  void apply_retry(Held& held, const Answer& answer, const Retry& retry, Settlement&& settlement, const Now& now);
  [[nodiscard]] bool resolved_by_doubt(Held& held, const Answer& answer);
  static void close_attempt(Held& held, Settlement& settlement);
  void target_failed(const Held& held, const Answer& answer, const Now& now);
  void probe_ended(bool alive, Counter counter, const Now& now);
  void breaker_changed(Breaker::Change change, Counter without, const Now& now);
  void give_back(Counter counter);
  void landed(Held& held);
  void note_long_flights(const Now& now);

  // bulkhead_confirmations.cpp: what is accepted first, and takes effect later
  void await_confirmation(Held& held, const Answer& answer, const Now& now);
  [[nodiscard]] bool may_be_confirmed(const Held& held, const Answer& answer) const;
  void await_unanswered(Held& held, const Answer& answer, Settlement&& settlement, const Now& now);
  void park_unconfirmed(Held& held, Settlement&& settlement, const Now& now);
  void settle_confirmed(Held& held, AttemptPlan&& plan);
  void count_unconfirmed(Held& held, const Desk& desk, const Now& now);

  // bulkhead_writes.cpp: what is written about it
  [[nodiscard]] Settlement about(const Held& held) const;
  [[nodiscard]] Settlement about(const Held& held, const Answer& answer) const;
  void settle(Held& held, Settlement&& settlement);
  void park_lane(Held& head, Settlement&& settlement);
  void park_behind(Held& held);
  void park_one(Held& held, Settlement&& settlement);
  void intend(Held& held, Settlement&& settlement);
  void note(Settlement&& settlement);
  [[nodiscard]] static bool announced(const Held& held);
  [[nodiscard]] Settlement taken_back(Held& held) const;

  const Settings& settings_;
  const TargetSettings& target_settings_;
  const TargetIndex index_;
  const Target& target_;
  std::shared_ptr<Room> room_;
  DeliveryStats& stats_;
  std::minstd_rand random_;

  std::vector<Desk> desks_;  ///< the last one takes records whose route is not known
  LaneBook book_;
  Breaker breaker_;
  RateGate gate_;
  Lending lending_;
  std::size_t next_desk_ = 0;

  int calls_ = 0, flying_ = 0;   ///< calls under way, records in them
  std::size_t reading_ = 0;      ///< bodies asked for
  std::size_t raised_ = 0;       ///< records in `up`
  std::uint64_t unsettled_ = 0;  ///< writes that Settled has not answered
  int announcing_ = 0;           ///< intents among them
  BodyRequest wanted_;
  std::optional<Counter> probe_;  ///< the record that asks whether the target is back
  std::uint32_t last_shipment_ = 0;
  std::unordered_map<std::uint32_t, int> open_batches_;
  std::deque<std::pair<SteadyTime, Counter>> takeoffs_;  ///< of the last second, for notes

  bool paused_ = false, stopping_ = false;
  bool quieting_ = false;              ///< told to Drop
  std::optional<Start> late_start_;    ///< came while something was in flight
  std::vector<ToDelivery> held_back_;  ///< what followed it
  bool unclean_ = false;
  Counter last_counter_, attempted_through_;
  Reader reader_;
  SteadyTime started_{};
  Counter safe_, floor_;
  SteadyTime floor_at_{};
  std::optional<SteadyTime> recover_at_;
  std::optional<SteadyTime> linger_until_;

  std::unordered_set<LaneHash> failed_lanes_;
  std::unordered_map<LaneHash, LaneHash> waits_for_;  ///< parked child → parent, to notice cycles
  std::deque<Spent> spent_;
  std::unordered_set<Counter> to_give_back_;  ///< their parking is not settled yet
};

}  // namespace tandem
