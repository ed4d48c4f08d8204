#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <ostream>
#include <string>

#include "support/proof.hpp"
#include "workload.hpp"

namespace tandem::test_support {
namespace {

struct CrashPoint {
  const char* name;
  int passage;  ///< the n-th time that the connector comes by
};

void PrintTo(const CrashPoint& parameter, std::ostream* out) {
  *out << parameter.name;
}

std::string name_of(const testing::TestParamInfo<CrashPoint>& info) {
  return std::string(info.param.name) + "_" + std::to_string(info.param.passage);
}

/// The connector dies at one point in the middle of its work; the next one finishes it.
class Crash : public testing::TestWithParam<CrashPoint> {
 protected:
  /// Starts a connector that will die at the point, and returns true when it has.
  bool dies(Stand& stand) {
    const std::string point = std::string(GetParam().name) + ":" + std::to_string(GetParam().passage);
    stand.tandem().start({{"TANDEM_FAIL_POINT", point}});
    make_changes(stand.sql(), 1, 200);
    return comes_to_its_end(stand);
  }
  /// Goes on creating and changing, so that it comes by often enough.
  static bool comes_to_its_end(Stand& stand) {
    for (int turn = 0; turn < 400; ++turn) {
      if (const auto status = stand.tandem().wait(std::chrono::milliseconds(20))) return status == 128 + SIGKILL;
      const auto number = std::to_string(turn);
      stand.sql().run("insert into account values (" + std::to_string(10'000 + turn) + ", 'late'); " +
                      "update account set round = round + 1 where hashtext(nr::text) % 20 = " + number + " % 20");
    }
    return false;
  }
  void recovers(Stand& stand) {
    stand.set_faults("[]");
    make_changes(stand.sql(), 201, 300);  // while nobody listens
    stand.tandem().start_ready();
    make_changes(stand.sql(), 301, 400);
    ASSERT_TRUE(stand.settles(std::chrono::seconds(60))) << stand.pending() << " records are pending";
    EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
    EXPECT_EQ(stand.tandem().stop(), 0);
  }
};

class CrashInPlainWork : public Crash {};

TEST_P(CrashInPlainWork, LosesNothingAndKeepsOrder) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(watch_account);
  ASSERT_TRUE(dies(stand)) << "the connector never came to this point";
  recovers(stand);
}

INSTANTIATE_TEST_SUITE_P(Points, CrashInPlainWork,
                         testing::Values(CrashPoint{"after_window", 1}, CrashPoint{"after_window", 3},
                                         CrashPoint{"before_attempt", 50}, CrashPoint{"after_send", 1},
                                         CrashPoint{"after_send", 70}, CrashPoint{"after_answer", 1},
                                         CrashPoint{"after_answer", 60}, CrashPoint{"before_flush", 1},
                                         CrashPoint{"before_flush", 5}, CrashPoint{"after_flush", 1},
                                         CrashPoint{"after_flush", 5}, CrashPoint{"after_floor", 1}),
                         name_of);

class CrashWhileRecordsWait : public Crash {};

TEST_P(CrashWhileRecordsWait, LosesNothingAndKeepsOrder) {
  Stand stand;
  stand.sql().run(account_table);
  // Retries of more than a second put their lanes out of memory.
  std::string target = stand.target("    retry_after_cap: 2s\n");
  target.replace(target.find("first: 100ms"), 12, "first: 1500ms");
  stand.install(target, watch_account);
  stand.set_faults(R"([{"kind": "status", "status": 503, "share": 0.1}])");
  ASSERT_TRUE(dies(stand)) << "the connector never came to this point";
  recovers(stand);
}

INSTANTIATE_TEST_SUITE_P(Points, CrashWhileRecordsWait,
                         testing::Values(CrashPoint{"after_park", 1}, CrashPoint{"after_park", 3},
                                         CrashPoint{"after_take_up", 1}, CrashPoint{"after_take_up", 3}),
                         name_of);

class CrashWhileCreating : public Crash {};

/// A system without upsert: an object must not be created twice, whatever was cut off.
TEST_P(CrashWhileCreating, CreatesNothingTwice) {
  Stand stand;
  stand.sql().run("create table account (nr text primary key, name text not null, round int not null default 0)");
  const std::string target = "  second_crm:\n    type: rest\n    url: " + stand.crm().url() + R"(
    timeout: 1s
    requests:
      create: { method: POST, path: "/{request_type}", remote_id: /id }
      update: { method: PATCH, path: "/{request_type}/{remote_id}" }
      delete: { method: DELETE, path: "/{request_type}/{remote_id}" }
      lookup: { method: GET, path: "/{request_type}?external_id={object_id}", remote_id: /items/0/id }
)";
  stand.install(target, R"(
  account:
    table: public.account
    routes:
      - target: second_crm
        other_columns: true
        fields: { nr: ExternalId }
)");
  const std::string point = std::string(GetParam().name) + ":" + std::to_string(GetParam().passage);
  stand.tandem().start({{"TANDEM_FAIL_POINT", point}});
  const auto changes = [&](const std::string& prefix) {
    for (int i = 0; i < 30; ++i) stand.sql().run("insert into account values ('" + prefix + std::to_string(i) + "')");
    stand.sql().run("update account set round = round + 1 where nr like '" + prefix + "%'");
    stand.sql().run("delete from account where nr like '" + prefix + "%3'");
  };
  stand.sql().run("alter table account alter name set default 'n'");
  changes("a");
  ASSERT_TRUE(comes_to_its_end(stand)) << "the connector never came to this point";
  changes("b");
  stand.tandem().start_ready();
  changes("c");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60))) << stand.pending() << " records are pending";

  EXPECT_EQ(stand.living("account"), static_cast<std::size_t>(stand.sql().number("select count(*) from account")));
  for (const auto& failed :
       stand.sql().rows("select object_id, outcome, description from tandem.outbox where request_state = 4 limit 2")) {
    std::string asked;
    for (const auto& entry : stand.writes_of("account", failed[0].value_or("")))
      asked += "\n" + second_crm::print(entry);
    ADD_FAILURE() << failed[0].value_or("") << ": " << failed[1].value_or("") << " " << failed[2].value_or("") << asked;
  }
  const auto creates = stand.crm().ask([](second_crm::Api& api) {
    std::map<std::string, int> in_effect;
    for (const auto& entry : api.journal().entries())
      if (entry.operation == second_crm::Operation::create && entry.in_effect) ++in_effect[entry.external_id];
    return in_effect;
  });
  for (const auto& [id, times] : creates) EXPECT_EQ(times, 1) << id;
}

INSTANTIATE_TEST_SUITE_P(Points, CrashWhileCreating,
                         testing::Values(CrashPoint{"after_identity", 1}, CrashPoint{"after_identity", 3},
                                         CrashPoint{"after_send", 1}, CrashPoint{"after_send", 20},
                                         CrashPoint{"after_answer", 1}, CrashPoint{"after_answer", 20},
                                         CrashPoint{"before_flush", 4}, CrashPoint{"after_flush", 4}),
                         name_of);

TEST(Crash, ByKillAtAnyMomentAgainAndAgain) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(watch_account);
  stand.set_faults(R"([{"kind": "status", "status": 500, "share": 0.05},
                       {"kind": "cut", "moment": "after_effect", "bytes": 20, "share": 0.05}])");
  for (int turn = 0; turn < 6; ++turn) {
    stand.tandem().start_ready();
    make_changes(stand.sql(), turn * 100 + 1, turn * 100 + 100);
    stand.tandem().kill();
  }
  stand.set_faults("[]");
  stand.tandem().start_ready();
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60))) << stand.pending() << " records are pending";
  // A record whose attempts were spent on these faults has failed with its reason; a person sends it again.
  stand.sql().run("select tandem.retry('second_crm', most => 100000)");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60)));
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

}  // namespace
}  // namespace tandem::test_support
