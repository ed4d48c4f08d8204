#include <gtest/gtest.h>

#include <fstream>

#include "accounts.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace {

TEST(MainPath, CreateUpdateAndDeleteArriveAndTheOutboxSaysSo) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);

  stand.sql().run("insert into account values (7, 'Größe & Söhne', 9007199254740993.1000, true)");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("account", "7", "name"), "Größe & Söhne");
  EXPECT_EQ(stand.field("account", "7", "revenue"), "9007199254740993.1000");

  stand.sql().run("update account set name = 'Other', revenue = null where nr = 7");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.object("account", "7"), R"({"nr":7,"name":"Other","active":true})");

  stand.sql().run("delete from account where nr = 7");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("account"), 0U);

  const auto records = stand.sql().rows(
      "select operation, request_state, outcome, attempts, answer_status, error_code, date_time <= date_time_received, "
      "date_time_received <= date_time_update, duration > interval '0' from tandem.outbox order by counter");
  ASSERT_EQ(records.size(), 3U);
  const char* operations[] = {"create", "update", "delete"};
  const char* statuses[] = {"201", "200", "204"};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(records[i], (Sql::Row{operations[i], "3", "delivered", "1", statuses[i], std::nullopt, "t", "t", "t"}))
        << i;
  }
}

TEST(MainPath, ManyObjectsArriveOnceEachAndInOrder) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  stand.sql().run("insert into account select n, 'first', n, true from generate_series(1, 2000) n");
  for (int round = 1; round <= 5; ++round)
    stand.sql().run("update account set name = 'round " + std::to_string(round) + "' where nr % 7 < 5");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60)));
  EXPECT_EQ(stand.living("account"), 2000U);
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.outbox where outcome not in ('delivered', 'superseded')"),
            0);
  for (const int id : {1, 4, 5, 6, 1999}) {
    const std::string expected = id % 7 < 5 ? "round 5" : "first";
    EXPECT_EQ(stand.field("account", std::to_string(id), "name"), expected) << id;
    int last_round = 0;
    for (const auto& entry : stand.writes_of("account", std::to_string(id))) {
      const auto at = entry.body.find("round ");
      const int round = at == std::string::npos ? 0 : entry.body[at + 6] - '0';
      EXPECT_GE(round, last_round) << entry.body;
      last_round = round;
    }
  }
}

TEST(MainPath, EveryAttemptCarriesTheRecordsIdempotencyKey) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  stand.sql().run("insert into account values (1, 'one', 1, true)");
  ASSERT_TRUE(stand.settles());
  const auto writes = stand.writes_of("account", "1");
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(writes.front().idempotency_key, stand.sql().text("select record_id from tandem.outbox"));
}

TEST(MainPath, ARolledBackChangeNeverLeaves) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  stand.sql().run("begin; insert into account values (1, 'never', 1, true); rollback");
  stand.sql().run(
      "begin; insert into account values (2, 'kept', 1, true); savepoint s; insert into account values (3, 'gone', 1, "
      "true); "
      "rollback to s; commit");
  ASSERT_TRUE(wait_for([&] { return stand.living("account") == 1; }));
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.object("account", "1"), "");
  EXPECT_EQ(stand.field("account", "2", "name"), "kept");
}

TEST(MainPath, ABacklogThatWaitedForTheConnectorIsDelivered) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(watch_account);
  stand.sql().run("insert into account select n, 'name ' || n, n, n % 2 = 0 from generate_series(1, 3000) n");
  stand.tandem().start_ready();
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60)));
  EXPECT_EQ(stand.living("account"), 3000U);
  EXPECT_EQ(stand.tandem().stop(), 0);

  stand.sql().run("update account set name = 'again' where nr <= 500; delete from account where nr > 2900");
  stand.tandem().start_ready();
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60)));
  EXPECT_EQ(stand.living("account"), 2900U);
  EXPECT_EQ(stand.field("account", "500", "name"), "again");
}

TEST(MainPath, LargeRecordsTakeNoMoreMemoryThanTheirTargetsRoomAllows) {
  Stand::Options options;
  options.crm.longest_body = 8 << 20;
  Stand stand(options);
  stand.sql().run(account_table);
  stand.install(stand.target("    concurrency: 2\n"), watch_account);
  stand.sql().run("insert into account select n, repeat(md5(n::text), 30000), 1, true from generate_series(1, 240) n");
  stand.tandem().start_ready();
  ASSERT_TRUE(stand.settles(std::chrono::seconds(90)));
  EXPECT_EQ(stand.living("account"), 240U);
  EXPECT_EQ(stand.outcome_of("240", "account"), "delivered");
  std::ifstream status("/proc/" + std::to_string(stand.tandem().pid()) + "/status");
  long peak = 0;
  for (std::string word; peak == 0 && status >> word;)
    if (word == "VmHWM:") status >> peak;
  EXPECT_GT(peak, 0);
  EXPECT_LT(peak, 150'000) << "kB; all bodies together are 230 MB";
}

TEST(MainPath, WorksWithoutAnySlot) {
  Stand stand({.top = "capture: { stream: false, poll_interval: 5ms }\n"});
  stand.sql().run(account_table);
  stand.begin(watch_account);
  stand.sql().run("insert into account values (1, 'polled', 1, true)");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.field("account", "1", "name"), "polled");
  EXPECT_EQ(stand.sql().number("select count(*) from pg_replication_slots"), 0);
}

TEST(MainPath, TheConnectorNeedsNoMoreThanItsRole) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  stand.sql().run("insert into account values (1, 'one', 1, true)");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.sql().text("select rolsuper or rolcreatedb or rolcreaterole or rolbypassrls from pg_roles where "
                             "rolname = 'tandem_connector'"),
            "f");
  EXPECT_EQ(stand.sql().number(
                "select count(*) from pg_stat_activity where usename = 'postgres' and application_name like 'tandem%'"),
            0);
  // It streams, rather than having fallen back to polling.
  EXPECT_TRUE(
      wait_for([&] { return stand.sql().number("select count(*) from pg_replication_slots where active") == 1; }));
  EXPECT_NE(stand.postgres().connect("tandem_connector").error_of("delete from account"), "");
}

TEST(MainPath, OneChangeGoesToEveryRouteAndADeadTargetHoldsUpNobodyElse) {
  Stand stand;
  stand.sql().run(account_table);
  const Port nobody;
  stand.begin(stand.target() + stand.target_named("dead", "http://127.0.0.1:" + std::to_string(nobody.number())), R"(
  account:
    table: public.account
    routes:
      - { target: second_crm }
      - { target: dead }
)");
  stand.sql().run("insert into account select n, 'n', n, true from generate_series(1, 500) n");
  ASSERT_TRUE(wait_for([&] { return stand.living("account") == 500; }, std::chrono::seconds(30)));
  ASSERT_TRUE(wait_for([&] {
    return stand.sql().number("select count(*) from tandem.outbox where target = 'second_crm' and request_state = 3") ==
           500;
  }));
  // Its records wait and have spent nothing: a system that is away is not the records' fault.
  EXPECT_EQ(
      stand.sql().number(
          "select count(*) from tandem.outbox where target = 'dead' and request_state in (1, 2) and attempts = 0"),
      500);
}

TEST(ARetry, ThatWasParkedIsSentAsTheNextAttempt) {
  Stand stand;
  stand.sql().run(account_table);
  auto target = stand.target();
  const std::string first = "first: 100ms";
  target.replace(target.find(first), first.size(), "first: 2s");  // longer than memory waits
  stand.begin(target, watch_account);
  stand.set_faults(R"([{"kind": "status", "status": 500, "times": 1}])");
  stand.sql().run("insert into account values (1, 'one', 1, true)");
  ASSERT_TRUE(
      wait_for([&] { return stand.sql().number("select count(*) from tandem.parked where reason = 'retry'") == 1; }));
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.sql().rows("select outcome, attempts, error_code from tandem.outbox").front(),
            (Sql::Row{"delivered", "2", std::nullopt}));
  EXPECT_EQ(stand.field("account", "1", "name"), "one");
}

}  // namespace
}  // namespace tandem::test_support
