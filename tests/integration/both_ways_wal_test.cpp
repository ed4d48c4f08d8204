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

TEST_P(BothWaysWal, WhatWasAppliedWithinAGapIsNotSentBack) {
  BothWays both(with_archive());
  const auto id = pair_of(both);
  {
    auto holding = hold_stream(both);
    both.update("account", id, R"({"Tier":7})");
    both.tell_of("account", "update", id);
    const auto fresh = both.create("account", R"({"Name":"New","Tier":3})");
    both.tell_of("account", "create", fresh);
    ASSERT_TRUE(wait_for([&] { return both.sql().text("select sum(tier) from account") == "10"; }, 60s));
    both.stand().tandem().kill();
  }
  both.sql().run(drop_slot);
  both.stand().tandem().start_ready();
  ASSERT_TRUE(both.is_read());
  ASSERT_TRUE(both.is_current());
  ASSERT_TRUE(both.rests(60s));
  // The first of them may have been captured all the same, as what it is.
  EXPECT_GE(
      both.sql().number("select count(*) from tandem.outbox where target = 'second_crm' and outcome = 'unchanged'"), 1);
  EXPECT_EQ(
      both.sql().number(
          "select count(*) from tandem.outbox where target = 'second_crm' and outcome is distinct from 'unchanged'"),
      1)
      << "our create alone";
  EXPECT_EQ(both.stand().field("archived", "1", "Tier"), "7");
  EXPECT_EQ(both.stand().field("archived", "2", "Tier"), "3");
  equal(both, id);
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
