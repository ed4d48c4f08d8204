#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/proof.hpp"
#include "support/wait_for.hpp"
#include "workload.hpp"

namespace tandem::test_support {
namespace {

constexpr const char* drop_slots = R"(
do $$ begin
  perform pg_terminate_backend(active_pid) from pg_replication_slots where active;
  for i in 1 .. 200 loop
    begin
      perform pg_drop_replication_slot(slot_name) from pg_replication_slots;
      return;
    exception when object_in_use or undefined_object then perform pg_sleep(0.01);  -- a temporary one goes by itself
    end;
  end loop;
end $$)";

bool streams(Stand& stand) {
  return wait_for([&] { return stand.sql().number("select count(*) from pg_replication_slots where active") == 1; },
                  std::chrono::seconds(30));
}

TEST(SlotFault, ASlotDroppedWhileRunningCostsNoChangeAndComesBack) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  ASSERT_TRUE(streams(stand));
  make_changes(stand.sql(), 1, 60);
  stand.sql().run(drop_slots);
  make_changes(stand.sql(), 61, 120);
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30))) << stand.pending() << " records are pending";
  EXPECT_TRUE(streams(stand)) << "the slot was not made again";
  make_changes(stand.sql(), 121, 160);
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

TEST(SlotFault, ASlotDroppedWhileDownCostsNoChange) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  ASSERT_TRUE(streams(stand));
  make_changes(stand.sql(), 1, 40);
  stand.tandem().kill();
  stand.sql().run(drop_slots);
  make_changes(stand.sql(), 41, 120);
  stand.tandem().start_ready();
  make_changes(stand.sql(), 121, 140);
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30))) << stand.pending() << " records are pending";
  EXPECT_TRUE(streams(stand));
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

TEST(SlotFault, AnInvalidatedSlotIsMadeAnew) {
  Stand stand(
      {.postgres = {
           .settings = {{"max_slot_wal_keep_size", "1MB"}, {"max_wal_size", "32MB"}, {"min_wal_size", "32MB"}}}});
  stand.sql().run(account_table);
  stand.sql().run("create table ballast (text text)");
  stand.begin(watch_account);
  ASSERT_TRUE(streams(stand));
  make_changes(stand.sql(), 1, 40);
  ASSERT_TRUE(stand.settles());
  stand.tandem().kill();
  // A slot whose connector is away holds WAL back until the server gives it up. (A temporary slot is gone at once: as
  // well.)
  for (int i = 0; i < 6; ++i)
    stand.sql().run(
        "insert into ballast select repeat('x', 1000) from generate_series(1, 10000); select pg_switch_wal(); "
        "checkpoint");
  EXPECT_EQ(stand.sql().number("select count(*) from pg_replication_slots where wal_status <> 'lost'"), 0);
  make_changes(stand.sql(), 41, 120);
  stand.tandem().start_ready();
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30))) << stand.pending() << " records are pending";
  EXPECT_TRUE(wait_for(
      [&] {
        return stand.sql().number("select count(*) from pg_replication_slots where active and wal_status <> 'lost'") ==
               1;
      },
      std::chrono::seconds(30)));
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

TEST(SlotFault, NoFreeSlotMeansPollingAndNothingWorse) {
  Stand stand({.postgres = {.settings = {{"max_replication_slots", "1"}}}});
  stand.sql().run("select pg_create_logical_replication_slot('somebody_else', 'test_decoding')");
  stand.sql().run(account_table);
  stand.begin(watch_account);
  make_changes(stand.sql(), 1, 100);
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30))) << stand.pending() << " records are pending";
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

TEST(SlotFault, AnUnprivilegedRoleMeansPollingAndNothingWorse) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(watch_account);
  stand.sql().run("alter role tandem_connector noreplication");
  stand.tandem().start_ready();
  make_changes(stand.sql(), 1, 100);
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30))) << stand.pending() << " records are pending";
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

TEST(SlotFault, ASlowTargetHoldsNoWalBack) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  ASSERT_TRUE(streams(stand));
  stand.crm().go_down();
  make_changes(stand.sql(), 1, 200);
  const auto written = stand.sql().text("select pg_current_wal_lsn()");
  EXPECT_TRUE(wait_for(
      [&] {
        return stand.sql().text("select bool_and(confirmed_flush_lsn >= '" + written +
                                "') from pg_replication_slots") == "t";
      },
      std::chrono::seconds(30)))
      << stand.sql().text("select confirmed_flush_lsn from pg_replication_slots") << " of " << written;
  stand.crm().come_up();
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  EXPECT_THAT(broken_promises(stand, "account", "account"), testing::IsEmpty());
}

}  // namespace
}  // namespace tandem::test_support
