#include "delivery/loop.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <thread>
#include <variant>

#include "model/bounded_queue.hpp"

namespace tandem {
namespace {

using std::chrono::seconds;

struct NoTarget final : Target {
  [[nodiscard]] std::size_t batch_limit(RouteIndex, Operation) const override { return 1; }
  [[nodiscard]] std::uint64_t batch_bytes(RouteIndex) const override { return 1 << 20; }
  void start(Shipment) override { ADD_FAILURE() << "sent after the stop"; }
  bool probe(std::function<void(const Answer&)>) override { return false; }
  void abandon() override {}
};

/// Waits for a message of that type.
template <class Wanted, class Message>
std::optional<Wanted> next(BoundedQueue<Message>& queue) {
  const auto until = std::chrono::steady_clock::now() + seconds(60);
  while (std::chrono::steady_clock::now() < until)
    for (Message& message : queue.drain_for(seconds(1)))
      if (auto* wanted = std::get_if<Wanted>(&message)) return std::move(*wanted);
  return std::nullopt;
}

TEST(DeliveryLoop, AStopTakesAnAnnouncedAttemptBackOnceItsIntentIsWritten) {
  Settings settings;
  settings.targets.emplace_back().name = "there";
  RouteSettings& route = settings.routes.emplace_back();
  route.target = "there";
  route.request_type = "account";
  route.rest.create = route.rest.update = CallSettings{};
  route.needs_identity = true;
  BoundedQueue<ToFeed> to_feed(100);
  BoundedQueue<ToSettle> to_settle(100);
  const auto make = [](const TargetSettings&, HttpClient&, Answered) -> Result<std::unique_ptr<Target>> {
    return std::make_unique<NoTarget>();
  };
  auto loop = DeliveryLoop::make(settings, {0},
                                 {[&](ToFeed message) { to_feed.push_unbounded(std::move(message)); },
                                  [&](ToSettle message) { to_settle.push_unbounded(std::move(message)); }},
                                 make);
  ASSERT_TRUE(loop);
  const TargetLink link = (*loop)->links().front().second;
  std::jthread thread([&](const std::stop_token& stop) { (*loop)->run(stop); });

  Record record;
  record.counter = Counter{1};
  record.route = 0;
  record.operation = Operation::create;
  record.object_id = "7";
  record.body = R"({"name": "x"})";
  record.lane = lane_hash("there", "account", "7");
  const std::string body = record.body;
  link.inbox->push_unbounded(Start{});
  link.room->take(footprint(record));
  Arrivals arrivals;
  arrivals.records.push_back(std::move(record));
  link.inbox->push_unbounded(std::move(arrivals));
  ASSERT_TRUE(next<BodyRequest>(to_feed));
  Bodies bodies;
  bodies.bodies.emplace_back().counter = Counter{1};
  bodies.bodies.back().body = body;
  link.room->take_bodies(footprint(bodies.bodies.back()));
  link.inbox->push_unbounded(std::move(bodies));
  const auto intent = next<Settlement>(to_settle);
  ASSERT_TRUE(intent);
  ASSERT_EQ(intent->identity, Settlement::IdentityWrite::pending);

  thread.request_stop();
  Settled written;
  written.counters.push_back(Counter{1});
  link.inbox->push_unbounded(std::move(written));
  const auto back = next<Settlement>(to_settle);
  ASSERT_TRUE(back) << "the next start would take the create for sent";
  EXPECT_EQ(back->kind, Settlement::Kind::note);
  EXPECT_EQ(back->identity, Settlement::IdentityWrite::removed);
}

TEST(DeliveryLoop, ALoanOfATargetThatIsNotHereIsAnswered) {
  Settings settings;
  settings.targets.resize(2);
  auto loop = DeliveryLoop::make(settings, {0}, {[](const ToFeed&) {}, [](const ToSettle&) {}},
                                 [](const TargetSettings&, HttpClient&, Answered) -> Result<std::unique_ptr<Target>> {
                                   return std::make_unique<NoTarget>();
                                 });
  ASSERT_TRUE(loop);
  BoundedQueue<LoanAnswer> answers(100);
  const std::jthread thread([&](const std::stop_token& stop) { (*loop)->run(stop); });
  (*loop)->lend(1, {}, [&](LoanAnswer answer) { answers.push_unbounded(std::move(answer)); });
  const auto told = answers.drain_for(seconds(60));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.front().status, 503);
  EXPECT_TRUE(told.front().retry_after);
}

}  // namespace
}  // namespace tandem
