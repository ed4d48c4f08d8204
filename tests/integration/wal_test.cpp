#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "capture/plugin_choice.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace {

using testing::HasSubstr;

constexpr std::chrono::seconds patience{60};

std::string watch(const std::string& mode, const std::string& table = "account", const std::string& more = {}) {
  return "\n  " + table + ":\n    table: public." + table + "\n    mode: " + mode + "\n    routes:\n" +
         "      - target: second_crm\n        coalesce: false\n" + more;
}

constexpr const char* drop_slot = R"(
do $$ begin
  for i in 1 .. 1000 loop
    begin
      perform pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = 'tandem_main_wal' and active;
      perform pg_drop_replication_slot('tandem_main_wal');
      return;
    exception when object_in_use then perform pg_sleep(0.01);
    end;
  end loop;
end $$)";

/// Everything holds whichever plugin decodes.
class Wal : public testing::TestWithParam<OutputPlugin> {
 protected:
  Stand& stand() { return stand_; }
  Sql& sql() { return stand_.sql(); }
  long long count(const std::string& condition = "true") {
    return sql().number("select count(*) from tandem.outbox where " + condition);
  }
  /// The log has been read up to here, and everything that came of it is delivered.
  bool arrives() {
    const std::string now = sql().text("select pg_current_wal_insert_lsn()");
    sql().run("select pg_logical_emit_message(false, 'tandem.stream', 'mark'), pg_current_xact_id()");
    const bool read =
        wait_for([&] { return sql().number("select count(*) from tandem.stream where through >= '" + now + "'") == 1; },
                 patience);
    return read && stand_.settles(patience);
  }
  bool is_current() {
    return wait_for(
        [&] { return sql().number("select count(*) from tandem.stream_watch where state <> 'current'") == 0; },
        patience);
  }
  /// Name and number of every object there, against the table.
  void same_on_both_sides(const std::string& table = "account") {
    const auto rows = sql().rows("select nr, name from " + table + " order by nr");
    EXPECT_EQ(stand_.living(table), rows.size());
    for (const auto& row : rows) EXPECT_EQ(stand_.field(table, *row[0], "name"), *row[1]) << *row[0];
  }

  Stand stand_{{.postgres = {.output_plugin = GetParam() == OutputPlugin::tandem}}};
};
INSTANTIATE_TEST_SUITE_P(Over, Wal, testing::Values(OutputPlugin::pgoutput, OutputPlugin::tandem),
                         [](const auto& one) { return std::string(word(one.param)); });

TEST_P(Wal, CapturesATableWithoutTriggers) {
  sql().run("create table account (nr bigint primary key, name text)");
  stand().begin(watch("wal"));
  EXPECT_EQ(sql().text("select plugin from tandem.stream"), word(GetParam()));
  sql().run("insert into account values (1, 'first'), (2, 'second')");
  sql().run("update account set name = 'changed' where nr = 1");
  sql().run("begin; insert into account values (3, 'never'); rollback");
  sql().run("delete from account where nr = 2");
  sql().run("update account set nr = 10 where nr = 1");
  ASSERT_TRUE(arrives());
  EXPECT_EQ(sql().text("select string_agg(operation || ' ' || object_id, ', ' order by counter) from tandem.outbox"),
            "create 1, create 2, update 1, delete 2, rekey 10");
  EXPECT_EQ(sql().number("select count(*) from pg_trigger where not tgisinternal and tgrelid = 'account'::regclass"),
            0);
  EXPECT_EQ(stand().field("account", "10", "name"), "changed");
  EXPECT_EQ(stand().living("account"), 1U);
}

/// The same changes of two tables, one with triggers: the records must be the same, bodies included.
TEST_P(Wal, WritesWhatATriggerWrites) {
  for (const char* table : {"one", "two"}) {
    const std::string name(table);
    sql().run("create table " + name +
              " (id int, \"Order\" text, stage text, amount numeric, tags text[], data jsonb, at timestamptz, span "
              "interval, raw bytea, double_amount numeric generated always as (amount * 2) stored, "
              "primary key (id, \"Order\")); alter table " +
              name + " replica identity full");
  }
  const std::string routes = R"(        request_type: all_NAME
      - { target: second_crm, request_type: open_NAME, when: "stage <> 'draft' and amount > 1", on_leave: delete, coalesce: false }
      - { target: second_crm, request_type: few_NAME, columns: [stage, tags], changed: true, coalesce: false }
      - { target: second_crm, request_type: light_NAME, body: latest, when: "tags @> array['a']", coalesce: false }
)";
  const auto named = [&](const std::string& table) {
    std::string text = routes;
    for (auto at = text.find("NAME"); at != std::string::npos; at = text.find("NAME")) text.replace(at, 4, table);
    return text;
  };
  stand().install(watch("wal", "one", named("one")) + watch("trigger", "two", named("two")));
  stand().tandem().start_ready();
  for (
      const char* statement :
      {R"(insert into T values (1, 'a "b"', 'open', 5.00, '{a,"b,c"}', '{"x": [1, 2.50]}', '2026-01-31 12:00+02', '1 day 02:00', '\xdead'))",
       "insert into T select n, 'x\\y' || n, case when n % 3 = 0 then 'draft' else 'open' end, n, null, 'null', null, "
       "null, null from "
       "generate_series(2, 40) n",
       "update T set stage = 'draft' where id % 2 = 0", "update T set amount = amount + 1 where id % 5 = 0",
       "update T set stage = 'open', tags = array['a', id::text] where id % 4 = 0",
       "update T set id = id + 100 where id in (3, 5)", "update T set tags = tags", "delete from T where id % 7 = 0",
       "begin; update T set amount = 1 where id = 8; update T set amount = 9, tags = null where id = 8; commit",
       "update T set data = '\"text\"' where id = 11"})
    for (const char* table : {"one", "two"}) {
      std::string text(statement);
      for (auto at = text.find(" T "); at != std::string::npos; at = text.find(" T ")) text.replace(at + 1, 1, table);
      sql().run(text);
    }
  ASSERT_TRUE(arrives());
  const auto records = [&](const std::string& table) {
    return sql().rows(
        "select replace(request_type, '" + table +
        "', ''), object_id, operation, coalesce(old_object_id, ''), coalesce(body::text, 'null'), "
        "coalesce(changed::text, ''), coalesce(error_code, '') from tandem.outbox where request_type like '%\\_" +
        table + "' order by request_type, object_id, counter");
  };
  const auto streamed = records("one"), triggered = records("two");
  ASSERT_EQ(streamed.size(), triggered.size());
  ASSERT_GT(streamed.size(), 100U);
  for (std::size_t i = 0; i < streamed.size(); ++i)
    EXPECT_EQ(streamed[i], triggered[i]) << *streamed[i][0] << " " << *streamed[i][1];
}

TEST_P(Wal, ALargeValueThatDidNotChangeIsReadAtDelivery) {
  sql().run(
      "create table account (nr int primary key, name text, large text); alter table account alter large set storage "
      "external");
  stand().begin(watch("wal"));
  sql().run("insert into account values (1, 'a', repeat('x', 100000))");
  sql().run("update account set name = 'b'");
  ASSERT_TRUE(arrives());
  EXPECT_EQ(count("operation = 'update' and body is null"), 1);
  EXPECT_EQ(stand().field("account", "1", "name"), "b");
  EXPECT_EQ(stand().field("account", "1", "large").size(), 100000U);
}

TEST_P(Wal, FollowsChangesOfTheTable) {
  sql().run("create table account (nr int primary key, name text, old int)");
  stand().begin(watch("wal"));
  sql().run("insert into account values (1, 'a', 1)");
  sql().run("alter table account drop column old; alter table account add column more numeric");
  sql().run("insert into account values (2, 'b', 2.50)");
  sql().run("alter table account alter column more type text");
  sql().run("insert into account values (3, 'c', 'three')");
  ASSERT_TRUE(arrives());
  EXPECT_EQ(count("operation = 'create'"), 3);
  EXPECT_EQ(stand().field("account", "2", "more"), "2.50");
  EXPECT_EQ(stand().field("account", "3", "more"), "three");
}

TEST_P(Wal, ARowThatCannotBeReadFailsItsOwnRecordOnly) {
  sql().run(
      "create table account (nr int primary key, name text, size int); alter table account replica identity full");
  stand().begin(watch("wal", "account", "        when: \"10 / size > 0\"\n"));
  ASSERT_TRUE(is_current());
  sql().run("insert into account values (1, 'a', 1), (2, 'b', 0), (3, 'c', 2)");
  ASSERT_TRUE(arrives());
  EXPECT_EQ(count("error_code = 'mapping' and object_id = '2'"), 1);
  EXPECT_EQ(stand().living("account"), 2U);
}

TEST_P(Wal, TruncatedObjectsAreDeleted) {
  sql().run("create table account (nr int primary key, name text)");
  stand().begin(watch("wal"));
  ASSERT_TRUE(is_current());
  sql().run("insert into account values (1, 'x'), (2, 'y')");
  sql().run("truncate account");
  sql().run("insert into account values (3, 'z')");
  ASSERT_TRUE(arrives());
  EXPECT_EQ(stand().living("account"), 1U);
  EXPECT_EQ(count("operation = 'delete'"), 2);
}

TEST_P(Wal, AMoveBetweenPartitionsIsAnUpdate) {
  sql().run(
      "create table account (nr int not null, name text) partition by list (name); alter table account replica "
      "identity full; "
      "create table account_a partition of account for values in ('a'); alter table account_a replica identity full; "
      "create table account_b partition of account for values in ('b'); alter table account_b replica identity full");
  stand().begin(
      "\n  account:\n    table: public.account\n    key: [nr]\n    mode: wal\n    routes: [ { target: second_crm } "
      "]\n");
  sql().run("insert into account values (1, 'a')");
  sql().run("update account set name = 'b'");
  ASSERT_TRUE(arrives());
  EXPECT_EQ(sql().text("select string_agg(operation, ', ' order by counter) from tandem.outbox"), "create, update");
  EXPECT_EQ(stand().field("account", "1", "name"), "b");
}

TEST_P(Wal, AnUpdateThatChangesNothingHidesNoChangeBeforeIt) {
  sql().run("create table account (nr int primary key, name text); alter table account replica identity full");
  stand().begin(watch("wal"));
  ASSERT_TRUE(is_current());
  sql().run("begin; insert into account values (1, 'a'), (2, 'a'); update account set name = 'a' where nr = 1; commit");
  sql().run("begin; update account set name = 'b' where nr = 2; update account set name = 'b' where nr = 2; commit");
  ASSERT_TRUE(arrives());
  EXPECT_EQ(sql().text("select string_agg(operation || ' ' || object_id, ', ' order by counter) from tandem.outbox"),
            "create 1, create 2, update 2");
  EXPECT_EQ(sql().number("select count(*) from tandem.captured c join account a on c.object_id = a.nr::text "
                         "where c.hash = hashtextextended(a::text, 0)"),
            2);
}

/// Else a comparison after a gap would tell rows that have not changed.
TEST_P(Wal, WhatIsCapturedIsTheTable) {
  sql().run(
      "create table account (nr int primary key, name text, kind regclass, price money, at timestamptz, span interval, "
      "raw bytea, tags text[], size float8, data jsonb, fixed char(4))");
  stand().begin(watch("wal"));
  ASSERT_TRUE(is_current());
  sql().run(
      R"(insert into account (nr, name) select n, (array['', null, 'plain', 'a "b" \c', '(x,y)', E'tab\t', 'ü é', 'a''b'])[n] from generate_series(1, 8) n)");
  sql().run(
      R"(insert into account values (20, 'all', 'account', 12.50, '2026-01-31 12:00:00.5+02', '1 day 02:00', '\xdead', '{a,"b,c",null,""}', 0.1, '{"x": [1, 2.50]}', 'ab'))");
  sql().run(
      "begin; update account set name = 'b' where nr = 1; update account set name = 'c' where nr = 1; update account "
      "set nr = 9 where nr = 2; "
      "delete from account where nr = 3; insert into account values (3, 'again'); commit");
  sql().run(
      "begin; delete from account where nr = 4; update account set nr = 4 where nr = 5; update account set nr = 5 "
      "where nr = 6; commit");
  ASSERT_TRUE(arrives());
  sql().run("set timezone = 'UTC'; set lc_monetary = 'C'; set search_path = pg_catalog");
  EXPECT_EQ(sql().number("select count(*) from tandem.captured"), 8);
  EXPECT_EQ(sql().text("select string_agg(coalesce(c.object_id, a.nr::text), ', ') from public.account a full join "
                       "tandem.captured c on c.object_id = a.nr::text "
                       "where c.hash is distinct from hashtextextended(a::text, 0)"),
            "");
}

TEST_P(Wal, ALargeTransactionComesInPieces) {
  sql().run("create table account (nr int primary key, name text)");
  stand().install(watch("wal"));
  sql().run("select tandem.pause('second_crm')");
  sql().run(
      "begin; insert into account select n, 'n' from generate_series(1, 30000) n; update account set name = 'm' where "
      "nr <= 10000; commit");
  // Two batches are in flight at most of these: what is behind the oldest may have committed or not.
  for (const char* point :
       {"before_stream_commit:2", "after_stream_commit:1", "before_stream_commit:3", "after_stream_commit:2"}) {
    stand().tandem().start({{"TANDEM_FAIL_POINT", point}});
    ASSERT_TRUE(stand().tandem().wait(patience)) << point;
    const auto here = count();
    EXPECT_EQ(sql().number("select count(distinct (operation, object_id)) from tandem.outbox"), here) << point;
  }
  EXPECT_GT(count(), 0);
  EXPECT_LT(count(), 40000);
  stand().tandem().start_ready();
  ASSERT_TRUE(wait_for([&] { return count() >= 40000; }, patience)) << count();
  sql().run("insert into account values (0, 'last')");
  ASSERT_TRUE(wait_for([&] { return count("object_id = '0'") == 1; }, patience));
  EXPECT_EQ(count(), 40001);
  EXPECT_EQ(sql().number("select count(distinct (operation, object_id)) from tandem.outbox"), 40001);
}

TEST_P(Wal, FullBatchesStandSideBySideAndCommitInOrder) {
  sql().run("create table account (nr int primary key, name text)");
  stand().begin(watch("wal"));
  ASSERT_TRUE(arrives());
  sql().run("select tandem.pause('second_crm')");
  ASSERT_EQ(stand().tandem().stop(), 0);
  sql().run(
      "insert into account select n, 'a' from generate_series(1, 20000) n; update account set name = 'b'; "
      "update account set nr = nr + 20000");
  sql().run("insert into account values (0, 'last')");
  stand().tandem().start_ready();
  ASSERT_TRUE(wait_for([&] { return count("object_id = '0'") == 1; }, patience));
  EXPECT_EQ(sql().number("select count(*) from pg_stat_activity where application_name like '% wal beside'"), 1);
  EXPECT_EQ(count(), 60001);
  EXPECT_EQ(sql().number("select count(*) from (select string_agg(operation, ' ' order by counter) as told from "
                         "tandem.outbox group by coalesce(old_object_id, object_id)) o where told = 'create update "
                         "rekey'"),
            20000);
}

TEST_P(Wal, AStreamThatWasMovedIsReadAgainWhereItIs) {
  sql().run("create table account (nr int primary key, name text)");
  stand().begin(watch("wal"));
  sql().run("insert into account values (1, 'a')");
  ASSERT_TRUE(arrives());
  sql().run("update tandem.stream set through = through - 8");  // as an earlier session might that was given up
  sql().run("insert into account values (2, 'a')");
  ASSERT_TRUE(wait_for([&] { return count() == 2; }, patience));
  ASSERT_TRUE(arrives());
  EXPECT_TRUE(stand().tandem().logged("is not where the batch before has left it"));
  EXPECT_EQ(count(), 2);
}

TEST_P(Wal, ALostSlotIsClosedByComparison) {
  sql().run(
      "create table account (nr int primary key, name text, active boolean); alter table account replica identity "
      "full");
  stand().begin(watch("wal", "account", "        when: \"active\"\n        on_leave: delete\n"));
  sql().run("insert into account select n, 'a' || n, n <> 9 from generate_series(1, 30) n");
  ASSERT_TRUE(arrives());
  ASSERT_TRUE(is_current());
  ASSERT_EQ(stand().tandem().stop(), 0);
  const auto before = count();
  sql().run(drop_slot);
  sql().run(
      "update account set name = 'changed' where nr = 1; delete from account where nr = 2; insert into account values "
      "(31, 'new', true)");
  sql().run("update account set active = false where nr = 3; update account set active = true where nr = 9");
  stand().tandem().start_ready();
  ASSERT_TRUE(arrives());  // the new slot is read, so the gap has been noticed
  ASSERT_TRUE(is_current());
  ASSERT_TRUE(arrives());
  EXPECT_EQ(sql().text("select string_agg(operation || ' ' || object_id, ', ' order by object_id::int) from "
                       "tandem.outbox where counter > " +
                       std::to_string(before)),
            "update 1, delete 2, delete 3, create 9, create 31");
  EXPECT_EQ(count("counter > " + std::to_string(before) + " and body is not null"), 0);
  EXPECT_EQ(sql().number("select count(*) from tandem.alert where kind = 'stream' and recovered_at is not null"), 1);
  EXPECT_TRUE(stand().tandem().logged("compared with what was captured"));
  EXPECT_EQ(stand().living("account"), 29U);
  sql().run("update account set name = 'after' where nr = 4");
  ASSERT_TRUE(arrives());
  EXPECT_EQ(stand().field("account", "4", "name"), "after");
  EXPECT_EQ(count("body is not null and object_id = '4' and operation = 'update'"), 1);
}

TEST_P(Wal, ARowThatCannotBeReadDoesNotHoldUpTheComparison) {
  sql().run(
      "create table account (nr int primary key, name text, share int); alter table account replica identity full; "
      "insert into account values (1, 'there before', 0)");
  stand().begin(watch("wal", "account", "        when: \"100 / share > 1\"\n"));
  sql().run("insert into account select n, 'a' || n, 1 from generate_series(2, 20) n");
  ASSERT_TRUE(arrives());
  ASSERT_TRUE(is_current()) << "a row that was there before stands alone as well";
  ASSERT_EQ(stand().tandem().stop(), 0);
  const auto before = count();
  sql().run(drop_slot);
  sql().run("update account set share = 0 where nr = 5; update account set name = 'changed' where nr in (4, 6)");
  stand().tandem().start_ready();
  ASSERT_TRUE(arrives());
  ASSERT_TRUE(is_current());
  ASSERT_TRUE(arrives());
  EXPECT_EQ(sql().text("select string_agg(object_id || coalesce(' ' || error_code, ''), ', ' order by counter) from "
                       "tandem.outbox where counter > " +
                       std::to_string(before) + " and object_id <> '1'"),
            "4, 5 mapping, 6");
  EXPECT_EQ(stand().field("account", "6", "name"), "changed");
}

TEST_P(Wal, ASlotThatSomebodyMovedIsAGapToo) {
  sql().run("create table account (nr int primary key, name text)");
  stand().begin(watch("wal"));
  sql().run("insert into account select n, 'a' from generate_series(1, 10) n");
  ASSERT_TRUE(arrives());
  ASSERT_TRUE(is_current());
  stand().tandem().kill();
  sql().run("update account set name = 'b'; delete from account where nr = 10");
  ASSERT_TRUE(wait_for(
      [&] {
        return sql().error_of("select pg_replication_slot_advance('tandem_main_wal', pg_current_wal_lsn())").empty();
      },
      patience));
  stand().tandem().start_ready();
  ASSERT_TRUE(arrives());  // the new slot is read, so the gap has been noticed
  ASSERT_TRUE(is_current());
  ASSERT_TRUE(arrives());
  same_on_both_sides();
}

TEST_P(Wal, SwitchesFromTriggersToTheLogAndBackWhileChangesGoOn) {
  sql().run("create table account (nr int primary key, name text)");
  stand().begin(watch("trigger"));
  Sql writer = stand().postgres().connect();
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  std::thread changes([&] {
    for (int n = 1; !stop; ++n) {
      const std::string nr = std::to_string(n);
      writer.run("insert into account values (" + nr + ", 'a'); update account set name = 'b' where nr = " + nr);
      written = n;
    }
  });
  for (const char* mode : {"wal", "trigger", "wal"}) {
    const int seen = written;
    ASSERT_TRUE(wait_for([&] { return written > seen + 20; }, patience));
    stand().tandem().write_configuration(stand().configuration(stand().target(), watch(mode)));
    const auto applied = stand().tandem().command({"apply"});
    EXPECT_EQ(applied.status, 0) << applied.output;
    EXPECT_EQ(sql().number("select count(*) from pg_trigger where tgname like '!tandem%'"),
              std::string(mode) == "wal" ? 0 : 3);
  }
  const int seen = written;
  EXPECT_TRUE(wait_for([&] { return written > seen + 20; }, patience));
  stop = true;
  changes.join();
  ASSERT_TRUE(arrives());
  EXPECT_EQ(count(), 2LL * written);
  EXPECT_EQ(sql().number("select count(distinct (operation, object_id)) from tandem.outbox"), 2LL * written);
  EXPECT_EQ(sql().number("select count(*) from tandem.outbox a join tandem.outbox b using (object_id) where "
                         "a.operation = 'create' and b.operation = 'update' and a.counter > b.counter"),
            0);
}

TEST_P(Wal, PlanNamesTheReplicaIdentityThatIsMissing) {
  sql().run("create table account (nr int primary key, name text)");
  stand().tandem().write_configuration(
      stand().configuration(stand().target(), watch("wal", "account", "        when: \"name <> ''\"\n")));
  stand().tandem().must({"migrate"});
  const auto planned = stand().tandem().command({"plan"});
  EXPECT_EQ(planned.status, 1);
  EXPECT_THAT(planned.output, HasSubstr("alter table public.account replica identity full"));
}

TEST_P(Wal, KilledAtAnyPointLosesAndDoublesNothing) {
  sql().run("create table account (nr int primary key, name text)");
  stand().install(watch("wal"));
  int objects = 0;
  const auto change = [&] {
    ++objects;
    const std::string nr = std::to_string(objects);
    sql().run("insert into account values (" + nr + ", 'a'); update account set name = 'b' where nr = " + nr);
  };
  for (const char* point : {"after_compare:1", "before_stream_commit:1", "before_stream_commit:6",
                            "after_stream_commit:1", "after_stream_commit:5"}) {
    stand().tandem().start({{"TANDEM_FAIL_POINT", point}});
    bool dead = false;
    for (int turn = 0; turn < 1'500 && !dead; ++turn) {
      change();
      dead = stand().tandem().wait(std::chrono::milliseconds(20)).has_value();
    }
    ASSERT_TRUE(dead) << point;
  }
  stand().tandem().start_ready();
  change();
  ASSERT_TRUE(arrives());
  EXPECT_EQ(count(), 2LL * objects);
  EXPECT_EQ(sql().number("select count(distinct (operation, object_id)) from tandem.outbox"), 2LL * objects);
  same_on_both_sides();
}

TEST_P(Wal, AnEmptiedConfigurationGivesTheSlotBack) {
  sql().run("create table account (nr int primary key, name text)");
  stand().begin(watch("wal"));
  sql().run("insert into account values (1, 'a')");
  ASSERT_TRUE(arrives());
  stand().tandem().write_configuration(stand().configuration(stand().target(), watch("trigger")));
  stand().tandem().must({"apply"});
  sql().run("update tandem.stream set updated_at = now() - interval '1 hour'");
  EXPECT_TRUE(wait_for(
      [&] {
        return sql().number("select count(*) from pg_replication_slots where slot_name = 'tandem_main_wal'") == 0;
      },
      patience));
  EXPECT_EQ(sql().number("select count(*) from tandem.stream"), 0);
}

}  // namespace
}  // namespace tandem::test_support
