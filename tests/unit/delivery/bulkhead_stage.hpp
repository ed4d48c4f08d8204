#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "delivery/bulkhead.hpp"

namespace tandem {

/// What stands around a Bulkhead in a test: a target that answers when told, tables in memory that commit when told, a
/// clock that is moved.
class BulkheadStage {
 public:
  struct Row {
    Record record;
    State state = State::created;
    Outcome outcome = Outcome::delivered;
    ErrorClass error = ErrorClass::none;
    std::int32_t attempts = 0;
    std::string description;
    bool parked = false, taken_up = false, retried = false;
    std::string reason;
    std::optional<SteadyTime> due;  ///< none: until an event
  };
  struct QuietTarget final : Target {
    std::size_t limit = 1;
    [[nodiscard]] std::size_t batch_limit(RouteIndex, Operation) const override { return limit; }
    [[nodiscard]] std::uint64_t batch_bytes(RouteIndex) const override { return 1 << 20; }
    void start(Shipment) override {}
    bool probe(std::function<void(const Answer&)>) override { return false; }
    void abandon() override {}
  };

  BulkheadStage() {
    settings.targets.emplace_back().name = "there";
    add_route("opportunity");
  }

  RouteSettings& add_route(const std::string& type) {
    RouteSettings route;
    route.target = "there";
    route.request_type = type;
    route.rest.upsert = route.rest.remove = CallSettings{};
    settings.routes.push_back(route);
    return settings.routes.back();
  }

  /// A connector starts on the tables as they are.
  void start(bool unclean = false) {
    room = std::make_shared<Room>(16 << 20);
    stats = std::make_unique<DeliveryStats>("there", registry);
    bulkhead = std::make_unique<Bulkhead>(settings, 0, target, room, *stats, 7);
    writes.clear();
    unanswered = {};
    flying.clear();
    Start begin;
    begin.unclean = unclean;
    std::set<LaneHash> lanes;
    for (auto& [counter, row] : rows) {
      begin.last_counter = Counter{counter};
      if (unclean) begin.attempted_through = begin.last_counter;
      if (!row.parked || row.state >= State::done) continue;
      lanes.insert(row.record.lane);
      // As release_parked.sql: what an earlier connector held, and what waits for a record that is not parked any more.
      if (row.taken_up) row.taken_up = false, row.due = now.steady, row.reason = "taken up";
      if (row.reason == "lane" && std::ranges::none_of(rows, [&, lane = row.record.lane](const auto& other) {
            return waiting(other.second) && other.second.record.lane == lane && other.second.reason != "lane" &&
                   other.second.reason != "taken up";
          }))
        row.due = now.steady;
    }
    begin.blocked.assign(lanes.begin(), lanes.end());
    bulkhead->take(begin, now);
    for (auto& [counter, row] : rows)
      if (!row.parked && row.state < State::done) deliver(row);
  }

  void arrive(std::int64_t counter, const std::string& object, Operation operation = Operation::update,
              RouteIndex route = 0, const std::string& body = R"({"name": "x"})") {
    Row& row = rows[counter];
    row.record.counter = Counter{counter};
    row.record.route = route;
    row.record.operation = operation;
    row.record.object_id = object;
    row.record.body = body;
    row.record.created = now.wall;
    row.record.lane = lane_hash("there", settings.routes[route].request_type, object);
    if (bulkhead) deliver(row);
  }

  /// One turn; what it sends is in `flying`, what it writes in `writes`, bodies are read at once.
  void turn() {
    for (int i = 0; i < 8; ++i) {
      bulkhead->turn(now);
      auto out = std::exchange(bulkhead->out, {});
      probes += out.probe ? 1 : 0;
      for (auto& shipment : out.shipments) {
        shipments.push_back(shipment.attempts.size());
        for (auto& attempt : shipment.attempts) flying[attempt.counter.value] = std::move(attempt);
      }
      for (auto& write : out.settle) {
        if (auto* settlement = std::get_if<Settlement>(&write)) writes.push_back(std::move(*settlement));
        if (auto* floor = std::get_if<Floor>(&write)) floors.push_back(floor->counter.value);
      }
      bool asked = false;
      for (auto& message : out.feed) {
        if (std::get_if<Recover>(&message) != nullptr) ++recoveries;
        if (std::get_if<Quiet>(&message) != nullptr) ++quiets;
        if (auto* wanted = std::get_if<BodyRequest>(&message)) asked = true, answer_bodies(*wanted);
      }
      if (!asked) break;
    }
    const auto wakes = bulkhead->wakes(now);
    EXPECT_TRUE(!wakes || *wakes > now.steady) << "the loop would spin";
  }

  /// All writes commit, in order, and are answered.
  void commit() {
    commit_unanswered();
    answer_commits();
  }
  /// The tables know, the loop does not yet.
  void commit_unanswered() {
    for (Settlement& write : std::exchange(writes, {})) apply(write, unanswered);
  }
  void answer_commits() {
    bulkhead->take(std::exchange(unanswered, {}), now);
    turn();
  }
  void commit_all() {
    answer_commits();
    for (int i = 0; i < 50 && !writes.empty(); ++i) commit();
  }

  void answer(std::int64_t counter, ErrorClass error = ErrorClass::none, int status = 200, bool maybe = false,
              Doubt doubt = Doubt::none) {
    Answer answer;
    answer.counter = Counter{counter};
    answer.error = error;
    answer.status = status;
    answer.maybe_in_effect = maybe;
    answer.doubt = doubt;
    give(answer);
  }
  void give(const Answer& answer) {
    flying.erase(answer.counter.value);
    bulkhead->answered(std::span(&answer, 1), now);
    turn();
  }

  void advance(std::chrono::milliseconds by) {
    now.steady += by;
    now.wall += by;
  }
  /// As retry() by a person.
  void send_back(std::int64_t counter) {
    Row& row = rows.at(counter);
    ASSERT_EQ(row.state, State::failed);
    row.state = State::created;
    row.attempts = 0;
    row.parked = row.retried = true;
    row.taken_up = false;
    row.reason = "person";
    row.due = now.steady;
  }
  /// As confirm.sql and wake_confirmed.sql: `+` and the remote id, or `-` and the reason.
  void confirm(std::int64_t counter, const std::string& told) {
    confirmations[counter] = told;
    if (Row& row = rows.at(counter); waiting(row) && row.reason == "confirmation") row.due = now.steady;
    take_up_due();
  }
  /// What the feed does about parked rows.
  void take_up_due() {
    std::map<LaneHash, TakeUp> lanes;
    for (auto& [counter, row] : rows)
      if (waiting(row) && row.due && *row.due <= now.steady) lanes[row.record.lane].lane = row.record.lane;
    for (auto& [hash, message] : lanes) {
      for (auto& [counter, row] : rows) {
        if (!waiting(row) || row.record.lane != hash) continue;
        ParkedRecord parked;
        parked.record = row.record;
        parked.record.body.clear();
        parked.record.body_left_out = true;
        parked.record.state = row.state;
        parked.record.attempts = row.attempts;
        parked.retried = row.retried;
        parked.reason = row.reason;
        if (row.due && *row.due > now.steady)
          parked.early = std::chrono::ceil<std::chrono::milliseconds>(*row.due - now.steady);
        row.taken_up = true;
        room->take(footprint(parked.record));
        message.records.push_back(std::move(parked));
      }
      bulkhead->take(std::move(message), now);
    }
    turn();
  }

  [[nodiscard]] std::vector<std::int64_t> in_flight() const {
    std::vector<std::int64_t> counters;
    for (const auto& [counter, attempt] : flying) counters.push_back(counter);
    return counters;
  }
  [[nodiscard]] const Settlement* last_write(std::int64_t counter) const {
    const Settlement* last = nullptr;
    for (const Settlement& write : writes)
      if (write.counter.value == counter) last = &write;
    return last;
  }

  Settings settings;
  QuietTarget target;
  Now now{SteadyTime{std::chrono::hours(24)}, WallTime{std::chrono::hours(24 * 365 * 60)}};
  metrics::Registry registry;
  std::shared_ptr<Room> room;
  std::unique_ptr<DeliveryStats> stats;
  std::unique_ptr<Bulkhead> bulkhead;
  std::map<std::int64_t, Row> rows;
  std::map<std::int64_t, Attempt> flying;
  std::vector<Settlement> writes;
  Settled unanswered;
  std::vector<std::size_t> shipments;
  std::vector<std::int64_t> floors;
  std::map<std::string, std::string> identity;  ///< by object; empty = pending
  std::map<std::string, std::string> agreed;
  std::map<std::int64_t, std::string> confirmations;  ///< by counter
  std::set<std::string> agreed_unsettled, parents_missing;
  int recoveries = 0, quiets = 0, probes = 0, followed = 0;

 private:
  static bool waiting(const Row& row) { return row.parked && !row.taken_up && row.state < State::done; }

  void deliver(Row& row) {
    Arrivals arrivals;
    arrivals.read_at = now.steady;
    arrivals.records.push_back(row.record);
    arrivals.records.back().state = row.state;
    arrivals.records.back().attempts = row.attempts;
    room->take(footprint(arrivals.records.back()));
    bulkhead->take(std::move(arrivals), now);
  }

  void answer_bodies(const BodyRequest& request) {
    Bodies bodies;
    for (const auto& wanted : request.wanted) {
      const Row& row = rows[wanted.counter.value];
      FoundBody body;
      body.counter = wanted.counter;
      body.found = row.state < State::done ? FoundBody::Found::pending : FoundBody::Found::settled;
      body.body = row.record.body;
      body.attempts = row.attempts;
      if (const auto known = identity.find(row.record.object_id); known != identity.end()) {
        body.remote_id = known->second;
        body.identity_pending = known->second.empty();
      }
      if (const auto known = agreed.find(row.record.object_id); known != agreed.end())
        body.agreed_image = known->second;
      if (row.record.body.empty()) {
        body.body = R"({"name": "live"})";
        body.image_pending = std::ranges::any_of(rows, [&](const auto& other) {
          return other.first != wanted.counter.value && other.second.record.lane == row.record.lane &&
                 !other.second.record.body.empty() && other.second.state < State::done;
        });
      }
      if (const auto told = confirmations.find(wanted.counter.value); told != confirmations.end()) {
        body.confirmation =
            told->second.starts_with('+') ? FoundBody::Confirmation::succeeded : FoundBody::Confirmation::failed;
        (told->second.starts_with('+') ? body.confirmed_remote_id : body.confirmed_with) = told->second.substr(1);
      }
      body.agreed_unsettled = agreed_unsettled.contains(row.record.object_id);
      const auto& fields = settings.routes[row.record.route].fields;
      for (std::size_t field = 0; field < fields.size(); ++field)
        if (!fields[field].ref.empty())
          body.lookups.values.push_back({field, !parents_missing.contains(row.record.object_id), "\"P\""});
      for (const auto& [counter, other] : rows)
        if (row.retried && counter > wanted.counter.value && other.record.lane == row.record.lane)
          body.overtaken = true;
      room->take_bodies(footprint(body));
      bodies.bodies.push_back(std::move(body));
    }
    bulkhead->take(std::move(bodies), now);
  }

  void apply(const Settlement& write, Settled& answer) {
    Row& row = rows.at(write.counter.value);
    const bool answered = write.kind != Settlement::Kind::note;
    if (row.state >= State::done) {
      if (answered) answer.missing.push_back(write.counter);
      return;
    }
    row.state = State::received;
    row.attempts = write.attempts;
    row.error = write.error;
    row.description = write.description;
    if (write.kind == Settlement::Kind::park) {
      row.parked = true;
      row.taken_up = false;
      row.reason = write.park_reason;
      row.due = write.due_in ? std::optional(now.steady + *write.due_in) : std::nullopt;
      if (row.reason == "confirmation" && confirmations.contains(write.counter.value))
        row.due = now.steady;  // as park.sql
    } else if (write.kind == Settlement::Kind::outcome) {
      row.state = state_of(write.outcome);
      row.outcome = write.outcome;
      if (write.confirmed) confirmations.erase(write.counter.value);
      row.parked = false;
      if (write.follow_with_latest) ++followed;
    }
    if (write.identity == Settlement::IdentityWrite::pending) identity.try_emplace(row.record.object_id);
    if (write.identity == Settlement::IdentityWrite::paired) identity[row.record.object_id] = write.remote_id;
    if (write.identity == Settlement::IdentityWrite::removed) identity.erase(row.record.object_id);
    if (write.agreed == Settlement::AgreedWrite::unsettled) agreed_unsettled.insert(row.record.object_id);
    if (write.agreed == Settlement::AgreedWrite::image) {
      agreed_unsettled.erase(row.record.object_id);
      agreed[row.record.object_id] = write.agreed_image;
    }
    if (answered) answer.counters.push_back(write.counter);
  }
};

}  // namespace tandem
