// What a record costs in memory and decisions, without network and database: in its lane, and on its whole way through
// a bulkhead.
#include <benchmark/benchmark.h>

#include "delivery/bulkhead.hpp"

namespace tandem {
namespace {

struct Sink final : Target {
  [[nodiscard]] std::size_t batch_limit(RouteIndex, Operation) const override { return 1; }
  [[nodiscard]] std::uint64_t batch_bytes(RouteIndex) const override { return 1; }
  void start(Shipment) override {}
  bool probe(std::function<void(const Answer&)>) override { return false; }
  void abandon() override {}
};

std::vector<Record> records(std::int64_t first, std::size_t count, std::int64_t objects) {
  static const std::string body = R"({"name": ")" + std::string(420, 'x') + R"(", "amount": 1234.50})";
  std::vector<Record> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    out[i].counter = Counter{first + static_cast<std::int64_t>(i)};
    out[i].route = 0;
    out[i].object_id = std::to_string(out[i].counter.value % objects);
    out[i].lane = lane_hash("there", "opportunity", out[i].object_id);
    out[i].body = body;
  }
  return out;
}

/// Through a lane: in, turn, out, with `range` records in memory.
void BM_LaneBook(benchmark::State& state) {
  LaneBook book(1);
  std::int64_t counter = 0;
  const auto add = [&](Record&& record) {
    Held* held = book.add(std::move(record), 0, {});
    book.rearm(*held->lane);
  };
  for (Record& record : records(counter, static_cast<std::size_t>(state.range(0)), 100'000))
    add(std::move(record)), ++counter;
  for (auto _ : state) {
    state.PauseTiming();
    auto next = records(counter, 1'000, 100'000);
    counter += 1'000;
    state.ResumeTiming();
    for (Record& record : next) add(std::move(record));
    for (int i = 0; i < 1'000; ++i) {
      Lane* lane = book.take(0);
      book.remove(*lane->first);
      book.put_back(*lane);
    }
    benchmark::DoNotOptimize(book.lowest());
  }
  state.SetItemsProcessed(state.iterations() * 1'000);
}
BENCHMARK(BM_LaneBook)->Arg(1'000)->Arg(25'000)->Unit(benchmark::kMicrosecond);

/// From a window to its settlement: mapped, shipped, answered, settled.
void BM_Bulkhead(benchmark::State& state) {
  Settings settings;
  TargetSettings& target = settings.targets.emplace_back();
  target.name = "there";
  target.concurrency = 64;
  RouteSettings& route = settings.routes.emplace_back();
  route.target = "there";
  route.request_type = "opportunity";
  route.rest.upsert = CallSettings{};
  Sink sink;
  metrics::Registry registry;
  DeliveryStats stats("there", registry);
  Bulkhead bulkhead(settings, 0, sink, std::make_shared<Room>(std::size_t{1} << 30), stats, 1);
  Now now{SteadyTime{std::chrono::hours(24)}, WallTime{std::chrono::hours(24)}};
  std::int64_t counter = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Arrivals arrivals{0, records(counter, 1'000, 1'000'000), now.steady};
    counter += 1'000;
    state.ResumeTiming();
    bulkhead.take(std::move(arrivals), now);
    bulkhead.turn(now);
    while (!bulkhead.out.shipments.empty()) {
      std::vector<Answer> answers;
      for (Shipment& shipment : std::exchange(bulkhead.out.shipments, {})) {
        answers.emplace_back().counter = shipment.attempts[0].counter;
      }
      bulkhead.answered(std::move(answers), now);
      Settled settled;
      for (const ToSettle& write : std::exchange(bulkhead.out.settle, {}))
        if (const auto* settlement = std::get_if<Settlement>(&write)) settled.counters.push_back(settlement->counter);
      bulkhead.take(std::move(settled), now);
      bulkhead.turn(now);
    }
    now.steady += std::chrono::milliseconds(30);
  }
  state.SetItemsProcessed(state.iterations() * 1'000);
}
BENCHMARK(BM_Bulkhead)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tandem

BENCHMARK_MAIN();
