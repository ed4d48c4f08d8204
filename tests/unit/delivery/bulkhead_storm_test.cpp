#include <gtest/gtest.h>

#include <random>

#include "unit/delivery/bulkhead_stage.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;

/// Everything at once, at random: arrivals, all kinds of answers, slow commits, take-ups, crashes. Whatever happens,
/// one attempt of a lane is in flight, an older record never follows a newer one, and in the end each record is done or
/// failed.
class Storm {
 public:
  Storm(std::uint32_t seed, bool identities) : random_(seed) {
    stage_.settings.targets[0].retry.first = 2s;
    auto& route = stage_.settings.routes[0];
    route.coalesce = seed % 2 == 0;
    stage_.target.limit = seed % 3 == 0 ? 5 : 1;
    if (identities) {
      route.rest.upsert.reset();
      route.rest.create = route.rest.update = route.rest.lookup = CallSettings{};
      route.needs_identity = true;
    }
  }

  void run() {
    stage_.start();
    std::int64_t counter = 0;
    for (int step = 0; step < 600 && !testing::Test::HasFatalFailure(); ++step) {
      switch (pick(10)) {
        case 0:
        case 1:
        case 2:
          counter += 10;
          stage_.arrive(counter, std::string(1, static_cast<char>('a' + pick(6))),
                        pick(5) == 0 ? Operation::remove : Operation::update);
          break;
        case 3:
        case 4:
        case 5:
          answer_one();
          break;
        case 6:
          pick(3) == 0 ? stage_.commit_unanswered() : stage_.commit();
          break;
        case 7:
          stage_.advance(std::chrono::milliseconds(pick(4'000)));
          break;
        case 8:
          stage_.take_up_due();
          break;
        default:
          if (pick(12) == 0)
            crash();
          else if (pick(2) == 0)
            arrive_late(counter);
          else
            send_one_back();
      }
      stage_.turn();
      look();
    }
    for (int i = 0; i < 2'000 && pending(); ++i) {
      for (const auto flying : stage_.in_flight()) answer(flying, 0);
      stage_.commit_all();
      look();
      stage_.advance(5s);
      stage_.take_up_due();
      stage_.turn();
      look();
    }
    for (const auto& [number, row] : stage_.rows)
      EXPECT_GE(row.state, State::done) << number << " " << row.reason << ": " << row.description
                                        << (row.taken_up ? " taken up" : "");
    EXPECT_EQ(stage_.room->free(), stage_.room->bytes());
  }

 private:
  int pick(int n) { return static_cast<int>(random_() % static_cast<std::uint32_t>(n)); }
  bool pending() const {
    return std::ranges::any_of(stage_.rows, [](const auto& entry) { return entry.second.state < State::done; });
  }

  void look() {
    std::map<std::string, std::int64_t> lanes;
    for (const auto& [counter, attempt] : stage_.flying) {
      ASSERT_TRUE(lanes.try_emplace(attempt.object_id, counter).second) << "two attempts of lane " << attempt.object_id;
      if (stage_.rows.at(counter).record.body.empty()) continue;  // carries the live row, however old it is
      ASSERT_GE(counter, newest_sent_[attempt.object_id])
          << "an older record after a newer one, lane " << attempt.object_id;
      newest_sent_[attempt.object_id] = counter;
    }
  }

  /// Drawn long ago by a transaction that has been open until now: only records without an image may be late.
  void arrive_late(std::int64_t newest) {
    const std::int64_t counter = newest - 10 * pick(8) - 5;
    if (counter > 0 && !stage_.rows.contains(counter))
      stage_.arrive(counter, std::string(1, static_cast<char>('a' + pick(6))), Operation::update, 0, "");
  }
  void send_one_back() {
    std::vector<std::int64_t> failed;
    for (const auto& [counter, row] : stage_.rows)
      if (row.state == State::failed) failed.push_back(counter);
    if (!failed.empty()) stage_.send_back(failed[static_cast<std::size_t>(pick(static_cast<int>(failed.size())))]);
  }

  void answer_one() {
    const auto flying = stage_.in_flight();
    if (flying.empty()) return;
    answer(flying[static_cast<std::size_t>(pick(static_cast<int>(flying.size())))], pick(10));
  }

  void answer(std::int64_t counter, int kind) {
    const Attempt& attempt = stage_.flying.at(counter);
    Answer out;
    out.counter = Counter{counter};
    out.status = 200;
    out.remote_id = "R" + attempt.object_id;
    if (kind == 6) out.error = ErrorClass::rejected, out.status = 422;
    if (kind == 7) out.error = ErrorClass::unavailable, out.status = 503;
    if (kind == 8) out.error = ErrorClass::network, out.status = 0;
    if (kind == 9) {
      out.error = ErrorClass::timeout;
      out.status = 0;
      out.maybe_in_effect = true;
      if (attempt.operation == Operation::create) out.doubt = Doubt::may_exist;
    }
    if (kind == 5) out.error = ErrorClass::throttled, out.status = 429;
    if (out.error != ErrorClass::none) out.remote_id.clear();
    if (out.error != ErrorClass::none && attempt.doubt != Doubt::none) out.doubt = attempt.doubt;
    if (attempt.doubt == Doubt::may_exist && out.error == ErrorClass::none && pick(2) == 0) {
      out.error = ErrorClass::outcome_unknown;
      out.doubt = Doubt::missing_once;
      out.remote_id.clear();
    }
    stage_.give(out);
  }

  void crash() {
    if (pick(2) == 0) stage_.commit();  // or what was written is lost
    stage_.start(true);
  }

  BulkheadStage stage_;
  std::mt19937 random_;
  std::map<std::string, std::int64_t> newest_sent_;
};

TEST(BulkheadStorm, NothingIsLostOrOutOfOrder) {
  for (std::uint32_t seed = 1; seed <= 150 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Storm(seed, false).run();
  }
}

TEST(BulkheadStorm, NorWithIdentities) {
  for (std::uint32_t seed = 1; seed <= 150 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Storm(seed, true).run();
  }
}

}  // namespace
}  // namespace tandem
