#include "delivery/loop.hpp"

#include <algorithm>
#include <random>

#include "delivery/bulkhead.hpp"
#include "delivery/delivery_stats.hpp"
#include "log/log.hpp"
#include "model/fail_point.hpp"
#include "target/registry.hpp"

namespace tandem {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_sleep{1'000};
constexpr std::size_t inbox_bound = 4'096;  // messages; what they carry is bounded by the targets' rooms

Now look_at_clocks() {
  return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
}

constexpr std::size_t loans_bound = 16 << 20;  // bytes of requests that have not been looked at

/// A caller's request on its way into the loop.
struct Loan {
  TargetIndex target;
  HttpRequest request;
  LoanDone done;
};

LoanAnswer not_now(const LoanRefusal& refusal) {
  return {.status = refusal.status, .problem = refusal.words, .retry_after = refusal.retry_after};
}

TargetIndex target_of(const ToDelivery& message) {
  return std::visit([](const auto& m) { return m.target; }, message);
}

}  // namespace

class DeliveryLoop::Places {
 public:
  struct Place {
    TargetIndex index;
    std::shared_ptr<Room> room;
    std::unique_ptr<DeliveryStats> stats;
    std::unique_ptr<Target> target;
    std::unique_ptr<Bulkhead> bulkhead;
  };

  Places(const Settings& settings, Outlets outlets)
      : settings_(settings),
        outlets_(std::move(outlets)),
        inbox_(std::make_shared<BoundedQueue<ToDelivery>>(inbox_bound, [this] { http_.wakeup(); })),
        loans_(loans_bound, [this] { http_.wakeup(); }) {}
  ~Places() { inbox_->close(); }

  Status add(TargetIndex index, const MakeTarget& make) {
    const TargetSettings& target = settings_.targets[index];
    auto place = std::make_unique<Place>();
    place->index = index;
    place->room = std::make_shared<Room>(target.memory_bytes, [this, index] { outlets_.feed(RoomFreed{index}); });
    place->stats = std::make_unique<DeliveryStats>(target.name);
    auto made = make(target, http_, [at = place.get()](std::vector<Answer> answers) {
      pass(FailPoint::after_answer);
      at->bulkhead->answered(answers, look_at_clocks());
    });
    if (!made) return tl::unexpected(std::move(made.error()));
    place->target = std::move(*made);
    place->bulkhead = std::make_unique<Bulkhead>(settings_, index, *place->target, place->room, *place->stats,
                                                 std::random_device{}());
    places_.push_back(std::move(place));
    return {};
  }

  void run(const std::stop_token& stop, milliseconds last_answers) {
    const std::stop_callback wake(stop, [this] { http_.wakeup(); });
    while (!stop.stop_requested()) {
      take_messages();
      take_loans();
      http_.turn(turn_all());
    }
    for (auto& place : places_) place->bulkhead->stop();
    const auto until = std::chrono::steady_clock::now() + last_answers;
    loans_.close();
    take_loans();
    while (in_flight() + announcing() + lent() > 0 && std::chrono::steady_clock::now() < until) {
      take_messages();
      turn_all();
      http_.turn(milliseconds(100));
    }
    for (auto& place : places_) place->target->abandon();
    for (int i = 0; i < 100 && in_flight() + lent() > 0; ++i) http_.turn(milliseconds(1));
    turn_all();
    inbox_->close();
  }

  void lend(Loan loan) {
    const auto done = loan.done;  // the queue takes the loan even where it has no room for it
    const std::size_t weight = sizeof(loan) + loan.request.body.size();
    if (!loans_.try_push(std::move(loan), weight))
      done(not_now({503, "too many requests wait", std::chrono::seconds(1)}));
  }

  [[nodiscard]] std::vector<std::pair<TargetIndex, TargetLink>> links() const {
    std::vector<std::pair<TargetIndex, TargetLink>> all;
    for (const auto& place : places_) all.emplace_back(place->index, TargetLink{inbox_, place->room});
    return all;
  }

 private:
  void take_messages() {
    for (ToDelivery& message : inbox_->drain()) {
      const auto place = std::ranges::find(places_, target_of(message), [](const auto& p) { return p->index; });
      if (place != places_.end()) (*place)->bulkhead->take(std::move(message), look_at_clocks());
    }
  }

  void take_loans() {
    for (Loan& loan : loans_.drain()) {
      const auto found = std::ranges::find(places_, loan.target, [](const auto& p) { return p->index; });
      if (found == places_.end()) {
        loan.done(not_now({503, "tandem does not deliver to this target now", std::chrono::seconds(5)}));
        continue;
      }
      Bulkhead& bulkhead = *(*found)->bulkhead;
      if (auto lent = bulkhead.lend(look_at_clocks()); !lent) {
        loan.done(not_now(lent.error()));
        continue;
      }
      (*found)->target->lend(std::move(loan.request), [&bulkhead, done = std::move(loan.done)](LoanAnswer answer) {
        bulkhead.returned(answer, look_at_clocks());
        done(std::move(answer));
      });
    }
  }

  /// How long there is nothing to do but to wait for messages and answers.
  milliseconds turn_all() {
    const Now now = look_at_clocks();
    milliseconds sleep = longest_sleep;
    for (auto& place : places_) {
      place->bulkhead->turn(now);
      pass_on(*place);
      if (const auto wakes = place->bulkhead->wakes(now))
        sleep = std::min(sleep, std::max(milliseconds(0), std::chrono::ceil<milliseconds>(*wakes - now.steady)));
    }
    return sleep;
  }

  void pass_on(Place& place) {
    Bulkhead::Out& out = place.bulkhead->out;
    for (ToSettle& write : out.settle) outlets_.settle(std::move(write));
    out.settle.clear();
    for (ToFeed& message : out.feed) outlets_.feed(std::move(message));
    out.feed.clear();
    auto shipments = std::exchange(out.shipments, {});
    for (Shipment& shipment : shipments) {
      pass(FailPoint::before_attempt);
      place.target->start(std::move(shipment));
      pass(FailPoint::after_send);
    }
    if (std::exchange(out.probe, false)) {
      const auto told = [&place](const Answer& answer) { place.bulkhead->probe_answered(answer, look_at_clocks()); };
      if (!place.target->probe(told)) told(Answer{});
    }
  }

  [[nodiscard]] int in_flight() const {
    int sum = 0;
    for (const auto& place : places_) sum += place->bulkhead->in_flight();
    return sum;
  }

  [[nodiscard]] int announcing() const {
    int sum = 0;
    for (const auto& place : places_) sum += place->bulkhead->announcing();
    return sum;
  }

  [[nodiscard]] int lent() const {
    int sum = 0;
    for (const auto& place : places_) sum += place->bulkhead->lent();
    return sum;
  }

  const Settings& settings_;
  const Outlets outlets_;
  HttpClient http_;
  std::shared_ptr<BoundedQueue<ToDelivery>> inbox_;
  BoundedQueue<Loan> loans_;
  std::vector<std::unique_ptr<Place>> places_;
};

DeliveryLoop::DeliveryLoop(std::unique_ptr<Places> places) : places_(std::move(places)) {}
DeliveryLoop::~DeliveryLoop() = default;

Result<std::unique_ptr<DeliveryLoop>> DeliveryLoop::make(const Settings& settings,
                                                         const std::vector<TargetIndex>& targets, Outlets outlets,
                                                         MakeTarget make_target) {
  if (!make_target)
    make_target = [&settings](const TargetSettings& target, HttpClient& http, Answered answered) {
      return tandem::make_target(settings, target, http, std::move(answered));
    };
  auto places = std::make_unique<Places>(settings, std::move(outlets));
  for (const TargetIndex index : targets)
    if (auto added = places->add(index, make_target); !added) return tl::unexpected(std::move(added.error()));
  return std::unique_ptr<DeliveryLoop>(new DeliveryLoop(std::move(places)));
}

std::vector<std::pair<TargetIndex, TargetLink>> DeliveryLoop::links() const {
  return places_->links();
}

void DeliveryLoop::lend(TargetIndex target, HttpRequest request, LoanDone done) {
  places_->lend({target, std::move(request), std::move(done)});
}

void DeliveryLoop::run(const std::stop_token& stop, milliseconds last_answers) {
  places_->run(stop, last_answers);
}

}  // namespace tandem
