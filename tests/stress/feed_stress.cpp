// Nothing forgotten, no order broken: the feed protocol on a real server while its connector is killed at any step and
// the server crashes.
//
//   feed_stress [SECONDS [SEED]]
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>

#include "model/identifiers.hpp"
#include "simulated_connector.hpp"
#include "support/private_postgres.hpp"
#include "writers.hpp"

namespace tandem::stress {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;
using test_support::PrivatePostgres;
using test_support::Sql;

int seconds = 30;
unsigned seed = 1;

Settings two_targets(const PrivatePostgres& postgres) {
  Settings settings;
  settings.connector = "stress";
  settings.database.url = Secret(postgres.url("tandem_connector"));
  for (const auto* name : {"alpha", "beta"}) {
    settings.targets.emplace_back().name = name;
    auto& route = settings.routes.emplace_back();
    route.target = name;
    route.request_type = "account";
  }
  return settings;
}

/// A crash may lose commits that were not flushed; their counters may be given away again.
void forget_what_was_lost(const PrivatePostgres& postgres, Judge& judge) {
  Sql session(postgres.url());
  for (int object = 1; object <= objects; ++object) {
    const auto lane = lane_hash(target_of(object), "account", std::to_string(object)).value;
    const auto newest = session.number("select coalesce(max(counter), 0) from tandem.outbox where object_id = '" +
                                       std::to_string(object) + "'");
    auto& started = judge.started[lane];
    started = std::min<std::int64_t>(started, newest);
  }
}

TEST(FeedStress, NothingIsForgottenAndNoOrderBroken) {
  PrivatePostgres postgres({.settings = {{"max_prepared_transactions", "20"}}});
  postgres.install_tandem();
  Sql(postgres.url())
      .run(
          "create table obj (id integer primary key, v bigint not null default 0); insert into obj select "
          "generate_series(1, " +
          std::to_string(objects) + "), 0");
  const auto settings = two_targets(postgres);
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  Judge judge;
  Writers writers(postgres.url(), 6, seed);

  const auto end = Clock::now() + std::chrono::seconds(seconds);
  auto next_crash = Clock::now() + 3s;
  while (Clock::now() < end && judge.faults.empty()) {
    SimulatedConnector connector(settings, judge, random);
    // In a thread of its own, so that the crash meets it at any step.
    auto life =
        std::async(std::launch::async, [&] { return connector.live(0.004, [&] { return Clock::now() >= end; }); });
    const bool crash = life.wait_until(std::min(next_crash, end)) == std::future_status::timeout && Clock::now() < end;
    if (crash) postgres.restart(PrivatePostgres::Shutdown::immediate);
    const auto how = life.get();
    if (how == SimulatedConnector::End::killed) ++judge.counts.kills;
    if (how == SimulatedConnector::End::lost) ++judge.counts.lost_sessions;
    if (!crash) continue;
    ++judge.counts.server_crashes;
    forget_what_was_lost(postgres, judge);
    next_crash = Clock::now() + std::chrono::milliseconds(2'000 + random() % 4'000);
  }
  writers.stop();

  Sql session(postgres.url());
  const auto pending = [&] {
    return session.number("select count(*) from tandem.outbox where request_state in (1, 2) and target <> 'gamma'");
  };
  const auto patience = Clock::now() + 30s;
  while (judge.faults.empty() && pending() > 0 && Clock::now() < patience) {
    SimulatedConnector connector(settings, judge, random);
    const auto slice = Clock::now() + 1s;
    (void)connector.live(0, [&] { return Clock::now() >= slice; });
  }
  const auto& c = judge.counts;
  std::printf(
      "%lld records; %ld windows, %ld rows, %ld late, %zu gap ranges at most; %ld attempts, %ld parked, %ld detached, "
      "%ld floors; "
      "%ld kills, %ld sessions lost, %ld server crashes\n",
      session.number("select count(*) from tandem.outbox"), c.windows, c.rows, c.late, c.most_gaps, c.attempts,
      c.parked, c.detached, c.floors, c.kills, c.lost_sessions, c.server_crashes);
  for (const auto& fault : judge.faults) ADD_FAILURE() << fault;
  EXPECT_EQ(pending(), 0) << "forgotten";
  EXPECT_GT(c.late, 0) << "the run has not met what it is for";
  EXPECT_GT(c.kills, 0);
}

}  // namespace
}  // namespace tandem::stress

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (argc > 1) tandem::stress::seconds = std::atoi(argv[1]);
  if (argc > 2) tandem::stress::seed = static_cast<unsigned>(std::atoi(argv[2]));
  return RUN_ALL_TESTS();
}
