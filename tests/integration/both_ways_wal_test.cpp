#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "both_ways.hpp"

namespace tandem::test_support {
namespace {

using namespace std::chrono_literals;
using Capture = BothWays::Capture;

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

/// Sessions of a connector that was killed, which go on with what they were sent.
constexpr const char* end_writers = R"(
do $$ begin
  for i in 1 .. 1000 loop
    perform pg_terminate_backend(pid) from pg_stat_activity where application_name like 'tandem%wal' and pid <> pg_backend_pid();
    exit when not found;
    perform pg_sleep(0.01), pg_stat_clear_snapshot();
  end loop;
end $$)";

/// Tables whose changes are known from the log alone: it must tell what apply has written from what the CRM has.
class BothWaysWal : public testing::TestWithParam<Capture> {
 protected:
  static BothWays::Parts parts(const std::string& apply = "{}") { return {.apply = apply, .capture = GetParam()}; }
  static BothWays::Parts with_archive(const std::string& apply = "{}") {
    auto out = parts(apply);
    out.another_target = "archive";
    out.more_routes = R"(      - target: archive
        request_type: archived
        fields: { name: Name, tier: Tier }
)";
    return out;
  }
  /// What the stream reads stays uncommitted as long as the session lives.
  static Sql hold_stream(BothWays& both) {
    auto session = both.stand().postgres().connect();
    session.run("begin; select from tandem.stream for update");
    return session;
  }
  static std::string pair_of(BothWays& both, const std::string& values = "('Acme', 1)") {
    both.sql().run("insert into account (name, tier) values " + values);
    EXPECT_TRUE(both.rests(60s));
    const auto id = both.remote_of("account", both.sql().text("select max(id) from account"));
    both.tell_of("account", "create", id);
    EXPECT_TRUE(both.rests(60s));
    return id;
  }
  static bool waits(BothWays& both) {
    return wait_for(
        [&] {
          return both.sql().number("select count(*) from tandem.inbox where description like 'waits until the log%'") >
                 0;
        },
        60s);
  }
  /// Their change comes to a row that a session holds, which commits what it does then. The log is behind.
  static void meet_held_row(BothWays& both, const std::string& id, const std::string& ours) {
    auto holding = hold_stream(both);
    auto holder = both.stand().postgres().connect();
    holder.run("begin; " + ours);
    both.update("account", id, R"({"Name":"Theirs"})");
    both.tell_of("account", "update", id);
    ASSERT_TRUE(wait_for(
        [&] { return both.sql().number("select count(*) from tandem.parked where queue = 'inbox'") > 0; }, 60s));
    EXPECT_EQ(both.sql().number("select count(*) from tandem.inbox where description like 'waits until the log%'"), 0);
    holder.run("commit");
    ASSERT_TRUE(waits(both));
  }
  static void equal(BothWays& both, const std::string& id) {
    EXPECT_EQ(both.sql().text("select name || ' ' || tier from account"),
              both.field("account", id, "Name") + " " + both.field("account", id, "Tier"));
    EXPECT_EQ(both.failures(), "");
  }
};
INSTANTIATE_TEST_SUITE_P(Over, BothWaysWal, testing::Values(Capture::pgoutput, Capture::tandem),
                         [](const auto& one) { return one.param == Capture::tandem ? "tandem" : "pgoutput"; });

TEST_P(BothWaysWal, WhatTheyDoGoesToEverybodyElse) {
  BothWays both(with_archive());
  std::string notices;
  std::vector<std::string> ids;
  for (int n = 0; n < 200; ++n) {  // rows that share statements
    ids.push_back(both.create("account", R"({"Name":"a)" + std::to_string(n) + R"(","Tier":1})"));
    notices += (n == 0 ? "" : ",") + both.notice("account", "create", ids.back());
  }
  ASSERT_EQ(both.tell("[" + notices + "]"), 202);
  ASSERT_TRUE(both.rests(60s));
  EXPECT_EQ(both.stand().living("archived"), 200U);
  notices.clear();
  for (int n = 0; n < 200; ++n) {
    if (n < 150)
      both.update("account", ids[static_cast<std::size_t>(n)], R"({"Tier":2})");
    else
      both.remove("account", ids[static_cast<std::size_t>(n)]);
    notices +=
        (n == 0 ? "" : ",") + both.notice("account", n < 150 ? "update" : "delete", ids[static_cast<std::size_t>(n)]);
  }
  ASSERT_EQ(both.tell("[" + notices + "]"), 202);
  ASSERT_TRUE(both.rests(60s));
  EXPECT_EQ(both.sql().number("select count(*) from account where tier = 2"), 150);
  EXPECT_EQ(both.sql().number("select count(*) from account"), 150);
  EXPECT_EQ(both.stand().living("archived"), 150U);
  EXPECT_EQ(both.stand().field("archived", "1", "Tier"), "2");
  EXPECT_EQ(both.sql().number("select count(*) from tandem.outbox where target = 'second_crm'"), 0);
  EXPECT_EQ(both.sql().number("select count(*) from tandem.outbox where origin = 'second_crm'"), 400);
}

TEST_P(BothWaysWal, WhatTheCrmsTriggersDoMeanwhileGoesBack) {
  BothWays both(parts());
  both.sql().run(R"(
    insert into account (name, tier) values ('Other', 1);
    create function before_it() returns trigger language plpgsql as $$ begin
      if new.name is distinct from old.name and new.name like 't%' then new.tier := 50; end if;
      return new;
    end $$;
    create trigger before_it before update on account for each row execute function before_it();
    create function after_it() returns trigger language plpgsql as $$ begin
      if new.name = 'later' and new.tier < 60 then update account set tier = 60 where id = new.id; end if;
      if new.name = 'others' then
        update account set tier = 70 where name = 'Other';
        insert into contact (email, account_id) values ('new', new.id);
      end if;
      return null;
    end $$;
    create trigger after_it after update on account for each row execute function after_it())");
  const auto id = pair_of(both);
  const auto other = both.remote_of("account", "1");
  const auto change = [&](const std::string& name) {
    both.update("account", id, R"({"Name":")" + name + R"("})");
    both.tell_of("account", "update", id);
    ASSERT_TRUE(both.rests(60s));
    EXPECT_EQ(both.field("account", id, "Name"), name);
  };
  change("this row");
  EXPECT_EQ(both.field("account", id, "Tier"), "50");
  change("later");
  EXPECT_EQ(both.field("account", id, "Tier"), "60");
  const auto before = both.writes();
  change("others");
  EXPECT_EQ(both.field("account", other, "Tier"), "70");
  EXPECT_EQ(both.stand().living("contact"), 1U);
  EXPECT_EQ(both.writes() - before, 2U) << "the other row and the new one; not what they have told";
  EXPECT_EQ(both.failures(), "");
}

TEST_P(BothWaysWal, ASoftDeleteOfTheirsIsNotMadeAnew) {
  auto given = parts("{ on_delete: soft, soft_delete: { gone: true } }");
  given.more_columns = ", gone boolean";
  BothWays both(given);
  const auto id = both.create("account", R"({"Name":"Acme","Tier":1})");
  both.tell_of("account", "create", id);
  ASSERT_TRUE(both.rests(60s));
  both.remove("account", id);
  both.tell_of("account", "delete", id);
  ASSERT_TRUE(both.rests(60s));
  EXPECT_EQ(both.sql().text("select gone from account"), "t");
  EXPECT_EQ(both.writes(), 0U);
}

TEST_P(BothWaysWal, AChangeOfOursThatOnlyTheLogKnowsIsMerged) {
  BothWays both(parts());
  const auto id = pair_of(both);
  {
    auto holding = hold_stream(both);
    both.sql().run("update account set tier = 9");
    both.update("account", id, R"({"Name":"Theirs"})");
    both.tell_of("account", "update", id);
    ASSERT_TRUE(waits(both));
  }
  ASSERT_TRUE(both.rests(60s));
  EXPECT_EQ(both.sql().text("select name || tier from account"), "Theirs9");
  EXPECT_EQ(both.sql().number("select count(*) from tandem.conflict"), 0);
  equal(both, id);
}

/// What cannot be locked proves nothing: what its holder writes comes behind.
TEST_P(BothWaysWal, ARowThatIsHeldWaitsForItsHolderAndThenForTheLog) {
  BothWays both(parts());
  const auto id = pair_of(both);
  ASSERT_NO_FATAL_FAILURE(meet_held_row(both, id, "update account set tier = 9"));
  ASSERT_TRUE(both.rests(60s));
  EXPECT_EQ(both.sql().text("select name || tier from account"), "Theirs9");
  EXPECT_EQ(both.sql().number("select count(*) from tandem.conflict"), 0);
  equal(both, id);
}

TEST_P(BothWaysWal, ARowThatItsHolderDeletesIsNotMadeAnew) {
  BothWays both(parts("{ conflict: ours }"));
  const auto id = pair_of(both);
  ASSERT_NO_FATAL_FAILURE(meet_held_row(both, id, "delete from account"));
  ASSERT_TRUE(both.rests(60s));
  EXPECT_EQ(both.sql().number("select count(*) from account"), static_cast<long long>(both.stand().living("account")));
  EXPECT_EQ(both.failures(), "");
}

TEST_P(BothWaysWal, ADeleteOfOursThatOnlyTheLogKnowsDoesNotFollowTheirChange) {
  BothWays both(parts("{ conflict: theirs }"));
  const auto id = pair_of(both);
  {
    auto holding = hold_stream(both);
    both.sql().run("delete from account");
    both.update("account", id, R"({"Name":"Theirs"})");
    both.tell_of("account", "update", id);
    ASSERT_TRUE(waits(both));
  }
  ASSERT_TRUE(both.rests(60s));
  EXPECT_EQ(both.sql().number("select count(*) from account"), static_cast<long long>(both.stand().living("account")));
  EXPECT_EQ(both.failures(), "");
}

TEST_P(BothWaysWal, AKeyOfOursThatHasChangedIsKnownBeforeTheirChangeIsApplied) {
  BothWays both(parts());
  const auto id = pair_of(both);
  {
    auto holding = hold_stream(both);
    both.sql().run("update account set id = 4711");
    both.update("account", id, R"({"Name":"Theirs"})");
    both.tell_of("account", "update", id);
    ASSERT_TRUE(waits(both));
  }
  ASSERT_TRUE(both.rests(60s));
  EXPECT_EQ(both.sql().text("select id || name from account"), "4711Theirs");
  EXPECT_EQ(both.remote_of("account", "4711"), id);
  EXPECT_EQ(both.stand().living("account"), 1U);
  equal(both, id);
}

/// A commit is in the log before anybody sees it: long before, where a synchronous standby does not answer.
TEST_P(BothWaysWal, WhatIsCommittedAndNotVisibleYetIsNotTold) {
  BothWays both(parts());
  both.sql().run("set synchronous_commit = local");
  const auto standbys = [&](const std::string& change) {
    both.sql().run("alter system " + change);
    both.sql().run("select pg_reload_conf()");
  };
  auto session = both.stand().postgres().connect();
  const auto pid = session.text("select pg_backend_pid()");
  session.run("set synchronous_commit = on");
  standbys("set synchronous_standby_names = 'nobody'");
  const std::string waits = "from pg_stat_activity where wait_event = 'SyncRep' and pid ";
  EXPECT_TRUE(wait_for([&] { return both.sql().number("select count(*) " + waits + "<> " + pid) > 0; }, 60s))
      << "the server has not read it yet";
  std::jthread writer([&] { session.run("insert into account (name, tier) values ('Acme', 1)"); });
  EXPECT_TRUE(wait_for([&] { return both.sql().number("select count(*) " + waits + "= " + pid) == 1; }, 60s));
  for (int n = 0; n < 100; ++n) {  // we need not wait for it
    both.sql().run("select pg_cancel_backend(pid) " + waits + "<> " + pid);
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_EQ(both.sql().number("select count(*) from account"), 0);
  EXPECT_EQ(both.sql().number("select count(*) from tandem.outbox"), 0);
  standbys("reset synchronous_standby_names");
  writer.join();
  ASSERT_TRUE(both.rests(60s));
  EXPECT_EQ(both.stand().living("account"), 1U);
  EXPECT_EQ(both.failures(), "");
}

TEST_P(BothWaysWal, ANewColumnHoldsUpNobodysRow) {
  BothWays both(parts());
  const auto id = pair_of(both);
  both.sql().run("alter table account add column note text default 'as before'");
  both.update("account", id, R"({"Tier":3})");
  both.tell_of("account", "update", id);
  ASSERT_TRUE(both.rests(60s)) << both.story("account", id);
  EXPECT_EQ(both.outcome(), "applied");
  equal(both, id);
}

/// What the log does not tell at all: rows that come and go with their partition.
TEST_P(BothWaysWal, RowsOfAPartitionThatComesAndGoes) {
  auto given = parts();
  given.storage = "partition by range (id)";
  given.more_sql = R"(
    create table account_low partition of account for values from (minvalue) to (1000);
    create table account_high partition of account for values from (1000) to (maxvalue);
    alter table contact drop constraint contact_account_id_fkey)";
  BothWays both(given);
  both.sql().run("insert into account (id, name, tier) values (1500, 'Acme', 1)");
  ASSERT_TRUE(both.rests(60s));
  const auto id = both.remote_of("account", "1500");
  both.sql().run("alter table account detach partition account_high");
  both.update("account", id, R"({"Name":"while it is away"})");
  both.tell_of("account", "update", id);
  ASSERT_TRUE(both.rests(60s));
  both.sql().run(R"(
    update account_high set tier = 50;
    alter table account attach partition account_high for values from (1000) to (maxvalue))");
  both.update("account", id, R"({"Name":"back"})");
  both.tell_of("account", "update", id);
  ASSERT_TRUE(both.rests(60s));
  EXPECT_EQ(both.sql().text("select name || ' ' || tier from account"), "back 50");
  EXPECT_EQ(both.sql().text("select string_agg(outcome, ' ' order by counter) from tandem.inbox"),
            "superseded applied");
}

TEST_P(BothWaysWal, AnOldRecordWaitsForTheLogAsLongAsANewOne) {
  BothWays both(parts());
  const auto id = pair_of(both);
  {
    auto holding = hold_stream(both);
    both.sql().run("update account set tier = 9");
    both.update("account", id, R"({"Name":"Theirs"})");
    both.tell_of("account", "update", id);
    ASSERT_TRUE(waits(both));
    const auto due = both.sql().text(
        "with aged as (update tandem.inbox set date_time = now() - interval '40 days' where request_state = 2) select "
        "due from tandem.parked where reason = 'log'");
    const auto looked_again = [&] {
      return both.sql().number("select count(*) from tandem.parked where reason = 'log' and due > '" + due + "'") ==
                 1 ||
             !both.failures().empty();
    };
    ASSERT_TRUE(wait_for(looked_again, 60s));
    ASSERT_TRUE(wait_for(looked_again, 60s));
  }
  ASSERT_TRUE(both.rests(60s));
  EXPECT_EQ(both.outcome(), "applied");
  EXPECT_EQ(both.sql().text("select name || tier from account"), "Theirs9");
  equal(both, id);
}

TEST_P(BothWaysWal, ARowWhoseValuesFailIsCapturedAllTheSame) {
  auto given = parts();
  given.more_routes = "        when: 100 / tier > 0\n";
  given.more_sql = "alter table account replica identity full";
  BothWays both(given);
  const auto id = pair_of(both);
  both.sql().run("update account set tier = 0");
  ASSERT_TRUE(both.rests(60s));
  EXPECT_THAT(both.failures(), testing::HasSubstr("division by zero"));
  EXPECT_EQ(both.sql().text("select c.hash = hashtextextended(a::text, 0) from tandem.captured c, account a"), "t");
  both.sql().run("insert into account (name, tier) values ('new', 0)");
  ASSERT_TRUE(both.is_read());
  EXPECT_EQ(both.sql().number("select count(*) from tandem.captured c join account a on c.object_id = a.id::text and "
                              "c.hash = hashtextextended(a::text, 0)"),
            2);
  both.sql().run("delete from account");
  ASSERT_TRUE(both.is_read());
  EXPECT_EQ(both.sql().number("select count(*) from tandem.captured"), 0);
}

/// The log knows of what has been applied, the stream does not: after a restart it still tells whose it is.
TEST_P(BothWaysWal, KilledBeforeWhatWasAppliedIsCaptured) {
  BothWays both(with_archive());
  const auto id = pair_of(both);
  const auto before = both.writes();
  for (const char* point : {"before_stream_commit:1", "after_stream_commit:1", "before_stream_commit:2"}) {
    ASSERT_EQ(both.stand().tandem().stop(), 0);
    both.stand().tandem().start({{"TANDEM_FAIL_POINT", point}});
    bool dead = false;
    const auto up = [&] {
      return both.stand().tandem().ready() || (dead = both.stand().tandem().wait(1ms).has_value());
    };
    ASSERT_TRUE(wait_for(up, 60s));
    for (int n = 0; n < 200 && !dead; ++n, dead = both.stand().tandem().wait(20ms).has_value()) {
      both.update("account", id, R"({"Tier":)" + std::to_string(2 + n % 50) + "}");
      try {
        both.tell(both.notice("account", "update", id));
      } catch (const std::exception&) {  // it is gone already
      }
    }
    ASSERT_TRUE(dead) << point;
    both.stand().tandem().start_ready();
    both.tell_of("account", "update", id);
    ASSERT_TRUE(both.rests(60s)) << point;
    equal(both, id);
    EXPECT_EQ(both.stand().field("archived", "1", "Tier"), both.field("account", id, "Tier"));
  }
  const auto echoes =
      both.sql().number("select count(*) from tandem.outbox where target = 'second_crm' and operation = 'update'");
  EXPECT_EQ(echoes, 0);
  EXPECT_GT(both.writes(), before) << "what the archive got";
}

/// Comparison tells everybody of what it finds. After a kill a record may have been attempted by the one before, for
/// all that is known, and then it is sent although they have this image.
TEST_P(BothWaysWal, WhatWasAppliedWithinAGapChangesNothingThere) {
  BothWays both(with_archive());
  const auto id = pair_of(both);
  std::string fresh;
  {
    auto holding = hold_stream(both);
    both.update("account", id, R"({"Tier":7})");
    both.tell_of("account", "update", id);
    fresh = both.create("account", R"({"Name":"New","Tier":3})");
    both.tell_of("account", "create", fresh);
    ASSERT_TRUE(wait_for([&] { return both.sql().text("select sum(tier) from account") == "10"; }, 60s));
    both.stand().tandem().kill();
    both.sql().run(end_writers);
  }
  both.sql().run(drop_slot);
  both.stand().tandem().start_ready();
  ASSERT_TRUE(both.is_read());
  ASSERT_TRUE(both.is_current());
  ASSERT_TRUE(both.rests(60s));
  const auto records = [&](const std::string& which) {
    return both.sql().number("select count(*) from tandem.outbox where target = 'second_crm' and " + which);
  };
  EXPECT_EQ(records("outcome in ('unchanged', 'delivered')"), 3)
      << "our create, and one for each that was applied" << both.story("account", id) << both.story("account", fresh);
  EXPECT_EQ(records("true"), 3);
  EXPECT_EQ(both.field("account", id, "Tier"), "7");
  EXPECT_EQ(both.field("account", fresh, "Tier"), "3");
  EXPECT_EQ(both.stand().field("archived", "1", "Tier"), "7");
  EXPECT_EQ(both.stand().field("archived", "2", "Tier"), "3");
  equal(both, id);
}

TEST_P(BothWaysWal, AnotherConnectorTakesAWatchOnlyWhereItsStreamHasEnded) {
  BothWays both(parts());
  const auto id = pair_of(both);
  both.sql().run(R"(
    insert into tandem.stream (connector, slot, plugin, through)
      select 'another', 'another_wal', plugin, pg_current_wal_insert_lsn() from tandem.stream)");
  const auto move = [&] { both.sql().run("select tandem.switch_stream('account', 'another')"); };
  {
    auto session = both.stand().postgres().connect();
    session.run("begin; select from tandem.stream where connector = 'main' for update");
    both.sql().run("update account set tier = 9");
    EXPECT_ANY_THROW(move());
    EXPECT_EQ(both.sql().text("select connector from tandem.stream_watch where watch = 'account'"), "main");
  }
  move();
  EXPECT_EQ(both.sql().text("select connector || state from tandem.stream_watch where watch = 'account'"),
            "anothercurrent");
  EXPECT_EQ(both.sql().text("select c.hash = hashtextextended(a::text, 0) from tandem.captured c, account a"), "t");
  EXPECT_TRUE(both.nothing_is_pending(60s));
  equal(both, id);
}

TEST_P(BothWaysWal, ANewWatchIsListedHoweverMuchTheLogTells) {
  BothWays both(parts());
  both.switch_to("trigger");
  both.fill(R"(
    insert into account (name, tier) select 'a' || n, 0 from generate_series(1, 20000) as n;
    insert into contact (email) select 'c' || n from generate_series(1, 200) as n)");
  both.switch_to("wal");
  std::vector<std::jthread> writers;
  for (int n = 0; n < 2; ++n)
    writers.emplace_back([writer = both.stand().postgres().connect(), n](const std::stop_token& stop) mutable {
      while (!stop.stop_requested())
        writer.run("update contact set email = email || 'x' where id % 2 = " + std::to_string(n));
    });
  EXPECT_TRUE(both.is_current());
  for (auto& writer : writers) writer.request_stop();
}

/// Their edits of one half of the objects and ours of the other go on while the tables change their capture.
TEST_P(BothWaysWal, SwitchedWhileBothSidesChangeThings) {
  BothWays both(parts());
  both.sql().run("insert into account (name, tier) select 'a' || n, 0 from generate_series(1, 40) as n");
  ASSERT_TRUE(both.rests(60s));
  std::vector<std::string> ids;
  for (const auto& row : both.sql().rows("select remote_id from tandem.identity order by object_id::bigint"))
    ids.push_back(row.front().value_or(""));
  ASSERT_EQ(ids.size(), 40U);
  std::atomic<int> rounds{0};
  std::jthread changes([&, writer = both.stand().postgres().connect()](const std::stop_token& stop) mutable {
    for (int round = 1; !stop.stop_requested(); ++round) {
      for (std::size_t n = 0; n < 20; ++n) {
        both.update("account", ids[n], R"({"Tier":)" + std::to_string(round % 90) + "}");
        both.tell_of("account", "update", ids[n]);
      }
      writer.run("update account set name = 'n" + std::to_string(round) + "-' || id where id > 20");
      rounds = round;
    }
  });
  for (const char* mode : {"trigger", "wal", "trigger", "wal"}) {
    const int seen = rounds;
    EXPECT_TRUE(wait_for([&] { return rounds > seen + 3; }, 60s));
    both.switch_to(mode);
  }
  const int seen = rounds;
  EXPECT_TRUE(wait_for([&] { return rounds > seen + 3; }, 60s));
  changes.request_stop();
  changes.join();
  ASSERT_TRUE(both.is_current());
  ASSERT_TRUE(both.rests(120s)) << both.failures();
  EXPECT_EQ(both.sql().number("select count(distinct tier) from account where id <= 20"), 1);
  for (std::size_t n = 0; n < 40; ++n) {
    const auto row = both.sql().rows("select name, tier from account where id = " + std::to_string(n + 1)).front();
    EXPECT_EQ(both.field("account", ids[n], "Name"), *row[0]);
    EXPECT_EQ(both.field("account", ids[n], "Tier"), *row[1]);
  }
  EXPECT_EQ(
      both.sql().number("select count(*) from tandem.outbox where operation <> 'create' and object_id::bigint <= 20"),
      0)
      << "what only they have changed never goes back";
  EXPECT_EQ(both.failures(), "");
}

}  // namespace
}  // namespace tandem::test_support
