#include "chaos.hpp"

#include <algorithm>
#include <atomic>
#include <iostream>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>

#include "support/proof.hpp"
#include "support/wait_for.hpp"
#include "workload.hpp"

namespace tandem::test_support {
namespace {

using Random = std::mt19937_64;
constexpr int objects = 300;
constexpr std::size_t writers = 4;

int below(Random& random, int bound) {
  return static_cast<int>(random() % static_cast<std::uint64_t>(bound));
}

std::string one_change(Random& random) {
  const auto id = std::to_string(1 + below(random, objects));
  switch (below(random, 10)) {
    case 0:
      return "delete from account where nr = " + id + "; ";
    case 1:
    case 2:
      return "insert into account values (" + id +
             ", 'again') on conflict (nr) do update set round = account.round + 1; ";
    case 3:
      return "update account set round = round + 1 where nr % 50 = " + id + " % 50; ";
    default:
      return "update account set round = round + 1, name = name || '.' where nr = " + id + "; ";
  }
}

/// One transaction of the CRM, in one of the shapes that transactions have.
std::string one_transaction(Random& random, const std::string& name) {
  std::string text = "begin; " + one_change(random);
  switch (below(random, 8)) {
    case 0:
      return text + "savepoint s; " + one_change(random) + "rollback to s; " + one_change(random) + "commit";
    case 1:
      return text + "savepoint s; " + one_change(random) + "release s; " + one_change(random) + "commit";
    case 2:
      return text + one_change(random) + "rollback";
    case 3:
      return text + "prepare transaction '" + name + "'; select pg_sleep(0.05); commit prepared '" + name + "'";
    case 4:
      return text + "select pg_sleep(0.2); " + one_change(random) + "commit";
    default:
      return text + "commit";
  }
}

void write_until(const std::atomic<bool>& stop, PrivatePostgres& postgres, std::uint64_t seed) {
  Random random(seed);
  std::optional<Sql> session;
  for (int turn = 0; !stop; ++turn) {
    try {
      if (!session)
        session.emplace(postgres.connect()).run("set lock_timeout = '1s'");  // behind what a restart left prepared
      session->run(one_transaction(random, std::to_string(seed) + "-" + std::to_string(turn)));
    } catch (const std::runtime_error&) {  // deadlocks, terminated sessions, restarts: life goes on
      session.reset();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
}

/// Transactions that a restart left prepared: somebody decides on them.
void end_prepared(Sql& sql) {
  for (const auto& row : sql.rows("select gid from pg_prepared_xacts"))
    sql.run("commit prepared '" + row[0].value_or("") + "'");
}

/// As a service manager: a connector whose start met a server that was restarting says so and ends. One that has run
/// and ends by itself stays down, and is a finding.
void start_again(Stand& stand) {
  if (stand.tandem().running()) return;
  const std::string log = '\n' + stand.tandem().log();
  const auto refused = log.rfind("\ntandem: "), ran = log.rfind(R"("message":"tandem runs")");
  if (refused != std::string::npos && (ran == std::string::npos || refused > ran)) stand.tandem().start();
}

void disturb(Stand& stand, Random& random) {
  start_again(stand);
  switch (below(random, 6)) {
    case 0:
      stand.tandem().kill();
      std::this_thread::sleep_for(std::chrono::milliseconds(below(random, 500)));
      stand.tandem().start();
      return;
    case 1:
      stand.postgres().restart(below(random, 2) == 0 ? PrivatePostgres::Shutdown::fast
                                                     : PrivatePostgres::Shutdown::immediate);
      return;
    case 2:
      stand.postgres().connect().run(
          "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'tandem_connector'");
      return;
    case 3:
      stand.crm().go_down();
      std::this_thread::sleep_for(std::chrono::milliseconds(below(random, 800)));
      stand.crm().come_up();
      return;
    case 4:
      stand.tandem().stop();
      stand.tandem().start();
      return;
    default:
      return;
  }
}

}  // namespace

std::vector<std::string> chaos(std::chrono::seconds duration, std::uint64_t seed) {
  std::cout << "seed " << seed << std::endl;
  Random random(seed);
  Stand stand;
  stand.sql().run(account_table);
  stand.sql().run("insert into account select n, 'account' from generate_series(1, " + std::to_string(objects) + ") n");
  stand.install(watch_account);
  // What there was before the watch is not captured: a change makes each object known.
  stand.sql().run("update account set round = 1");
  stand.set_faults(
      R"([{"kind": "status", "status": 503, "share": 0.05}, {"kind": "cut", "moment": "after_effect", "bytes": 30, "share": 0.05},
                       {"kind": "cut", "moment": "before_effect", "bytes": 0, "share": 0.05}, {"kind": "slow", "delay_ms": 100, "share": 0.05}])");
  stand.tandem().start();

  std::atomic<bool> stop{false};
  std::vector<std::thread> sessions;
  for (std::size_t i = 0; i < writers; ++i)
    sessions.emplace_back([&, i] { write_until(stop, stand.postgres(), seed * 100 + i); });
  const auto end = std::chrono::steady_clock::now() + duration;
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300 + below(random, 1'200)));
    disturb(stand, random);
  }
  stop = true;
  for (auto& session : sessions) session.join();

  stand.set_faults("[]");
  stand.reconnect();
  end_prepared(stand.sql());
  start_again(stand);
  if (!stand.tandem().running()) {
    const std::string log = stand.tandem().log();
    return {"the connector has ended by itself: …" + log.substr(log.size() - std::min<std::size_t>(log.size(), 2'000))};
  }
  if (!stand.settles(std::chrono::seconds(90))) return broken_promises(stand, "account", "account");
  stand.sql().run("select tandem.retry('second_crm', most => 1000000)");
  static_cast<void>(stand.settles(std::chrono::seconds(90)));
  std::cout << stand.sql().text(
                   "select string_agg(format('%s %s', n, outcome), ', ') from (select outcome, count(*) n from "
                   "tandem.outbox group by 1) o")
            << std::endl;
  return broken_promises(stand, "account", "account");
}

}  // namespace tandem::test_support
