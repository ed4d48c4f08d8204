#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "support/stand.hpp"
#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace {

using testing::HasSubstr;

constexpr std::chrono::seconds patience{60};

constexpr const char* account =
    "create table account (nr int primary key, name text, updated_at timestamptz default now(), is_deleted boolean not "
    "null default false); create index on account (updated_at, nr)";

std::string watch(const std::string& mode, const std::string& poll = {}, const std::string& more = {}) {
  std::string text = "\n  account:\n    table: public.account\n    mode: " + mode + "\n";
  if (mode == "poll")
    text += "    poll: { updated: updated_at, deleted: is_deleted, interval: 100ms, " +
            (poll.empty() ? "lag: 1s, compare_every: 1h" : poll) + " }\n";
  // The second CRM keeps an updated_at of its own.
  return text + "    routes:\n      - target: second_crm\n        coalesce: false\n        fields: { name: name }\n" +
         more;
}

/// Polling may need a slot for nothing but leaving.
class Poll : public testing::Test {
 protected:
  Stand& stand() { return stand_; }
  Sql& sql() { return stand_.sql(); }
  long long count(const std::string& condition = "true") {
    return sql().number("select count(*) from tandem.outbox where " + condition);
  }
  std::string operations(const std::string& condition = "true") {
    return sql().text(
        "select string_agg(operation || ' ' || object_id, ', ' order by object_id::int, counter) from tandem.outbox "
        "where " +
        condition);
  }
  /// A round that began after this has ended, and everything that came of it is delivered.
  bool arrives() {
    const std::string now = sql().text("select clock_timestamp()");
    return wait_for(
               [&] {
                 return sql().number(
                            "select count(*) from tandem.poll_watch where polled_at >= round_at and position is null "
                            "and round_at > '" +
                            now + "'") == 1;
               },
               patience) &&
           stand_.settles(patience);
  }
  /// A comparison that began after this has ended.
  bool compared() {
    const std::string now = sql().text("select clock_timestamp()");
    sql().run("update tandem.poll_watch set compared_at = 'epoch', pass = 0, after = null");
    return wait_for(
               [&] {
                 return sql().number("select count(*) from tandem.poll_watch where pass = 0 and compared_at > '" + now +
                                     "'") == 1;
               },
               patience) &&
           stand_.settles(patience);
  }
  void switch_to(const std::string& configuration) {
    stand().tandem().write_configuration(stand().configuration(stand().target(), configuration));
    const auto applied = stand().tandem().command({"apply"});
    EXPECT_EQ(applied.status, 0) << applied.output;
  }
  void same_on_both_sides() {
    const auto rows = sql().rows("select nr, name from account where not is_deleted order by nr");
    EXPECT_EQ(stand_.living("account"), rows.size());
    for (const auto& row : rows) EXPECT_EQ(stand_.field("account", *row[0], "name"), *row[1]) << *row[0];
  }

  Stand stand_;
};

TEST_F(Poll, CapturesATableThatItMayOnlyRead) {
  sql().run(account);
  sql().run("insert into account values (9, 'there before')");
  stand().begin(watch("poll"));
  EXPECT_EQ(sql().number(
                "select (select count(*) from pg_trigger where tgrelid = 'account'::regclass and not tgisinternal) + "
                "(select count(*) from pg_publication_tables where tablename = 'account')"),
            0);
  sql().run("insert into account values (1, 'first'), (2, 'second'), (3, 'third')");
  sql().run("begin; insert into account values (4, 'never'); rollback");
  ASSERT_TRUE(arrives());
  sql().run("update account set name = 'changed', updated_at = now() where nr = 1");
  sql().run("update account set is_deleted = true, updated_at = now() where nr = 2");
  ASSERT_TRUE(arrives());
  ASSERT_TRUE(arrives());
  EXPECT_EQ(operations(), "create 1, update 1, create 2, delete 2, create 3");
  EXPECT_EQ(count("operation in ('create', 'update') and body is null"), 0);
  EXPECT_EQ(stand().field("account", "1", "name"), "changed");
  EXPECT_EQ(stand().living("account"), 2U);
  EXPECT_FALSE(stand().tandem().logged("is not what the configuration says"));
}

TEST_F(Poll, AComparisonFindsWhatHasNoTime) {
  sql().run(account);
  sql().run("insert into account select n, 'a', now() - interval '1 hour' from generate_series(1, 6) n");
  stand().begin(watch("poll"));
  sql().run("delete from account where nr = 2; insert into account values (7, 'timeless', null)");
  sql().run("update account set name = 'silent' where nr = 3");
  ASSERT_TRUE(arrives());
  EXPECT_EQ(count(), 0) << "no time tells of it";
  ASSERT_TRUE(compared());
  EXPECT_EQ(operations(), "delete 2, update 3, create 7");
  EXPECT_TRUE(stand().tandem().logged("a comparison has found what polling cannot see"));
  ASSERT_TRUE(compared());
  ASSERT_TRUE(arrives());
  EXPECT_EQ(count(), 3);
}

TEST_F(Poll, ALateCommitWithAnOldTimeIsNotMissed) {
  sql().run(account);
  stand().begin(watch("poll", "lag: 0s, compare_every: 1h"));
  Sql late = stand().postgres().connect();
  late.run("begin; insert into account values (1, 'late')");
  sql().run("insert into account values (2, 'in time')");
  ASSERT_TRUE(arrives());
  ASSERT_TRUE(arrives());
  EXPECT_EQ(operations(), "create 2");
  EXPECT_EQ(sql().number("select count(*) from tandem.poll_watch p, account a where a.updated_at > p.through"), 1)
      << "what is newer than an open transaction is not read for good";
  late.run("commit");
  EXPECT_EQ(
      sql().number(
          "select count(*) from account a, account b where a.nr = 1 and b.nr = 2 and a.updated_at < b.updated_at"),
      1)
      << "behind the newest time that has been read";
  ASSERT_TRUE(arrives());
  EXPECT_EQ(operations(), "create 1, create 2");
  EXPECT_TRUE(wait_for(
      [&] {
        return sql().number("select count(*) from tandem.poll_watch p, account a where a.updated_at > p.through") == 0;
      },
      patience))
      << "and then everything is read for good";
  EXPECT_EQ(count(), 2);
}

TEST_F(Poll, RowsOfOneTimeFillSeveralPages) {
  sql().run(account);
  stand().begin(watch("poll"));
  sql().run("select tandem.pause('second_crm')");
  sql().run("insert into account select n, 'n' from generate_series(1, 3500) n");
  ASSERT_TRUE(wait_for([&] { return count() >= 3500; }, patience)) << count();
  sql().run("update account set name = 'm', updated_at = now() where nr <= 2000");
  ASSERT_TRUE(wait_for([&] { return count() >= 5500; }, patience)) << count();
  sql().run("insert into account values (0, 'last')");
  ASSERT_TRUE(wait_for([&] { return count("object_id = '0'") == 1; }, patience));
  EXPECT_EQ(count(), 5501);
  EXPECT_EQ(sql().number("select count(distinct (operation, object_id)) from tandem.outbox"), 5501);
}

TEST_F(Poll, KilledBetweenPagesLosesAndDoublesNothing) {
  sql().run(account);
  stand().install(watch("poll"));
  sql().run("select tandem.pause('second_crm')");
  sql().run("insert into account select n, 'n' from generate_series(1, 6000) n");
  for (const char* point : {"after_poll_step:1", "after_poll_step:2", "after_poll_step:3"}) {
    stand().tandem().start({{"TANDEM_FAIL_POINT", point}});
    ASSERT_TRUE(stand().tandem().wait(patience)) << point;
    sql().run("update account set name = name || '+', updated_at = now() where nr % 1000 = 0");
  }
  EXPECT_GT(count(), 0);
  EXPECT_NE(sql().text("select position from tandem.poll_watch"), "") << "in the middle of a round";
  for (int turn = 0; turn < 2; ++turn) {
    stand().tandem().start_ready();
    sql().run("update account set name = name || '*', updated_at = now() where nr % 1000 = 1");
    stand().tandem().kill();
  }
  stand().tandem().start_ready();
  sql().run("insert into account values (0, 'last')");
  ASSERT_TRUE(wait_for([&] { return count("object_id = '0'") == 1; }, patience));
  EXPECT_EQ(count("operation = 'create'"), 6001);
  EXPECT_EQ(sql().number("select count(*) - count(distinct (object_id, body)) from tandem.outbox"), 0) << "doubles";
  EXPECT_EQ(sql().number("select count(*) from account a where not exists (select from tandem.outbox o where "
                         "o.object_id = a.nr::text and o.body ->> 'name' = a.name)"),
            0)
      << "losses";
}

TEST_F(Poll, RoutesHaveTheirConditions) {
  sql().run(account);
  sql().run("alter table account add stage text; insert into account values (1, 'a', now(), false, 'draft')");
  stand().begin(watch("poll", {},
                      "        when: \"stage <> 'draft'\"\n        on_leave: delete\n      - { target: second_crm, "
                      "request_type: every, body: latest, coalesce: false, fields: { name: name } }\n"));
  sql().run(
      "update account set stage = 'open', updated_at = now(); insert into account values (2, 'b', now(), false, "
      "'draft')");
  ASSERT_TRUE(arrives());
  EXPECT_EQ(operations("request_type = 'account'"), "create 1");
  EXPECT_EQ(operations("request_type = 'every'"), "update 1, create 2");
  EXPECT_EQ(count("request_type = 'every' and body is not null"), 0);
  sql().run("update account set stage = 'draft', updated_at = now() where nr = 1");
  sql().run("update account set is_deleted = true, updated_at = now() where nr = 2");
  ASSERT_TRUE(arrives());
  EXPECT_EQ(operations("request_type = 'account'"), "create 1, delete 1");
  EXPECT_EQ(operations("request_type = 'every'"), "update 1, update 1, create 2, delete 2");
  EXPECT_EQ(stand().living("account"), 0U);
  EXPECT_EQ(stand().living("every"), 1U);
}

/// Two writers, one of whose transactions stay open for a while, go on while the table changes its capture.
TEST_F(Poll, SwitchesInAllDirectionsWhileChangesGoOn) {
  sql().run(account);
  stand().begin(watch("trigger"));
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  std::thread changes([&, writer = stand().postgres().connect()]() mutable {
    for (int n = 1; !stop; ++n) {
      const std::string nr = std::to_string(2 * n);
      writer.run("insert into account values (" + nr + ", 'a " + nr + "')");
      writer.run("update account set name = 'b " + nr + "', updated_at = now() where nr = " + nr);
      if (n % 5 == 0) writer.run("delete from account where nr = " + std::to_string(2 * (n - 4)));
      written = n;
    }
  });
  std::thread slow_changes([&, writer = stand().postgres().connect()]() mutable {
    for (int n = 1; !stop; ++n) {
      const std::string nr = std::to_string(2 * n + 1);
      writer.run("begin; insert into account values (" + nr + ", 'c " + nr + "'); select pg_sleep(0.2); commit");
      writer.run("begin; select pg_sleep(0.02); update account set name = 'd " + nr +
                 "', updated_at = now() where nr = " + nr + "; select pg_sleep(0.1); commit");
    }
  });
  for (const char* mode : {"poll", "wal", "poll", "trigger", "wal", "trigger", "poll"}) {
    const int seen = written;
    EXPECT_TRUE(wait_for([&] { return written > seen + 100; }, patience));
    switch_to(watch(mode));
    EXPECT_EQ(sql().number("select count(*) from pg_trigger where tgname like '!tandem%'"),
              std::string(mode) == "trigger" ? 3 : 0);
  }
  const int seen = written;
  EXPECT_TRUE(wait_for([&] { return written > seen + 100; }, patience));
  stop = true;
  changes.join();
  slow_changes.join();
  ASSERT_TRUE(arrives());
  ASSERT_TRUE(compared());
  // No version of an object has the name of another one, so none may come twice.
  const std::string doubles =
      "select string_agg(o, '; ') from (select object_id || ' ' || case operation when 'delete' then operation else "
      "coalesce(body ->> 'name', 'latest') end as o from tandem.outbox group by 1 having count(*) > 1 limit 5) x";
  EXPECT_EQ(sql().text(doubles), "");
  same_on_both_sides();
}

TEST_F(Poll, ComingFromTheLogLargeValuesAreNoChange) {
  sql().run(account);
  sql().run("alter table account add large text; alter table account alter large set storage external");
  stand().begin(watch("wal"));
  sql().run("insert into account select n, 'a', now(), false, repeat('x', 10000) from generate_series(1, 20) n");
  sql().run("update account set name = 'b', updated_at = now()");
  ASSERT_TRUE(wait_for([&] { return count() == 40; }, patience));
  ASSERT_EQ(sql().number("select count(*) from tandem.captured where hash is null"), 20);
  switch_to(watch("poll"));
  sql().run("update account set name = 'c', updated_at = now() where nr = 1");
  ASSERT_TRUE(arrives());
  ASSERT_TRUE(compared());
  ASSERT_TRUE(arrives());
  EXPECT_EQ(count(), 41);
  EXPECT_EQ(sql().number("select count(*) from tandem.captured"), 20);
}

TEST_F(Poll, PlanAndDoctorNameWhatIsMissing) {
  sql().run("create table account (nr int primary key, name text, updated_at date, is_deleted text)");
  stand().tandem().write_configuration(stand().configuration(stand().target(), watch("poll")));
  stand().tandem().must({"migrate"});
  const auto planned = stand().tandem().command({"plan"});
  EXPECT_EQ(planned.status, 1);
  EXPECT_THAT(planned.output, HasSubstr("column updated_at of table public.account is of type date"));
  sql().run("alter table account alter updated_at type timestamp, alter is_deleted type boolean using false");
  stand().tandem().must({"apply"});
  const auto found = stand().tandem().command({"doctor"});
  EXPECT_THAT(found.output, HasSubstr("no index of public.account begins with updated_at"));
  EXPECT_THAT(found.output, HasSubstr("create index concurrently on public.account (updated_at, nr)"));
}

}  // namespace
}  // namespace tandem::test_support
