#include "both_ways.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace tandem::test_support {
namespace {

TEST(BothWays, WhatTheyCreateChangeAndDeleteHappensHereWithoutAnEcho) {
  BothWays both;
  const auto id = both.create("account", R"({"Name":"Acme","Tier":1})");
  both.tell_of("account", "create", id);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().text("select name || tier from account"), "Acme1");
  EXPECT_EQ(both.outcome(), "applied");
  EXPECT_EQ(both.sql().text("select remote_id from tandem.identity"), id);
  both.update("account", id, R"({"Tier":2})");
  both.tell_of("account", "update", id);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().text("select name || tier from account"), "Acme2");
  both.remove("account", id);
  both.tell_of("account", "delete", id);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().number("select count(*) from account"), 0);
  EXPECT_EQ(both.writes(), 0U) << "nothing of it was sent back";
  EXPECT_EQ(both.sql().number("select count(*) from tandem.outbox"), 0);
}

TEST(BothWays, OurChangeOfTheirObjectGoesToTheSameObjectThere) {
  BothWays both;
  const auto id = both.create("account", R"({"Name":"Acme","Tier":1})");
  both.tell_of("account", "create", id);
  ASSERT_TRUE(both.rests());
  both.sql().run("update account set tier = 5");
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.field("account", id, "Tier"), "5");
  both.tell_of("account", "update", id);  // of our own write
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.outcome(), "unchanged");
  EXPECT_EQ(both.stand().living("account"), 1U);
  EXPECT_EQ(both.writes(), 1U);
}

TEST(BothWays, ANoticeOfOurOwnCreateThatIsQuickerThanItsAnswerMakesNoSecondObject) {
  for (const std::string more : {"", "      idempotency_key: true\n"}) {
    BothWays both("{}", ", version: /version", more);
    both.stand().crm().ask([](second_crm::Api& api) {
      api.faults().set({{.kind = second_crm::FaultKind::slow, .delay = std::chrono::seconds(2), .method = "POST"}});
      return true;
    });
    both.sql().run("insert into account (name, tier) values ('Acme', 1)");
    ASSERT_TRUE(wait_for([&] { return both.stand().living("account") == 1; }, std::chrono::seconds(60)));
    const auto id = both.stand().crm().ask(
        [](second_crm::Api& api) { return api.store().changed_after("account", 0, 1).front()->id; });
    both.tell_of("account", "create", id);
    ASSERT_TRUE(both.rests(std::chrono::seconds(60)));
    EXPECT_EQ(both.sql().number("select count(*) from account"), 1);
    EXPECT_EQ(both.remote_of("account", "1"), id);
    EXPECT_EQ(both.failures(), "");
  }
}

TEST(BothWays, NorDoesOneThatComesAfterALongOutageOfTheConnector) {
  BothWays both("{}", ", version: /version", "      idempotency_key: true\n");
  both.stand().crm().ask([](second_crm::Api& api) {
    api.faults().set({{.kind = second_crm::FaultKind::slow, .delay = std::chrono::seconds(5), .method = "POST"}});
    return true;
  });
  both.sql().run("insert into account (name, tier) values ('Acme', 1)");
  ASSERT_TRUE(wait_for([&] { return both.stand().living("account") == 1; }, std::chrono::seconds(60)));
  both.stand().tandem().kill();
  both.sql().run(
      "update tandem.identity set created_at = now() - interval '1 day', updated_at = now() - interval '1 day'");
  both.stand().crm().ask([](second_crm::Api& api) {
    api.faults().set({});
    return true;
  });
  const auto id = both.stand().crm().ask(
      [](second_crm::Api& api) { return api.store().changed_after("account", 0, 1).front()->id; });
  both.sql().run("select tandem.pause('second_crm')");  // the notice meets the create before that is asked for
  both.stand().tandem().start_ready();
  both.tell_of("account", "create", id);
  ASSERT_TRUE(
      wait_for([&] { return both.sql().number("select count(*) from tandem.parked where queue = 'inbox'") == 1; },
               std::chrono::seconds(60)));
  both.sql().run("select tandem.resume('second_crm')");
  ASSERT_TRUE(both.rests(std::chrono::seconds(60)));
  EXPECT_EQ(both.sql().number("select count(*) from account"), 1);
  EXPECT_EQ(both.remote_of("account", "1"), id);
  EXPECT_EQ(both.failures(), "");
}

TEST(BothWays, FieldsThatOneSideChangedEachAreMerged) {
  BothWays both;
  both.sql().run("insert into account (name, tier) values ('Acme', 1)");
  ASSERT_TRUE(both.rests());
  const auto id = both.remote_of("account", "1");
  both.tell_of("account", "create", id);
  ASSERT_TRUE(both.rests());
  // Both at once: theirs is stored before ours can go out.
  both.update("account", id, R"({"Name":"Theirs"})");
  const auto notice = both.notice("account", "update", id);
  both.sql().run("begin; update account set tier = 9");
  ASSERT_EQ(both.tell(notice), 202);
  ASSERT_TRUE(
      wait_for([&] { return both.sql().number("select count(*) from tandem.parked where queue = 'inbox'") == 1; }));
  both.sql().run("commit");
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().text("select name || tier from account"), "Theirs9");
  EXPECT_EQ(both.sql().number("select count(*) from tandem.conflict"), 0);
  EXPECT_EQ(both.field("account", id, "Name"), "Theirs");
  EXPECT_EQ(both.field("account", id, "Tier"), "9");
}

TEST(BothWays, ADeletedObjectIsThereAgainWhereItsVersionSaysSo) {
  BothWays both;
  const auto tell = [&](const std::string& operation, int version) {
    const std::string data = operation == "delete" ? "null" : R"({"Name":"Acme )" + std::to_string(version) + R"("})";
    static int event = 0;
    ASSERT_EQ(both.tell(R"({"event":"again )" + std::to_string(++event) + R"(","type":"account","op":")" + operation +
                        R"(","id":"a1","version":)" + std::to_string(version) + R"(,"data":)" + data + "}"),
              202);
    ASSERT_TRUE(both.rests());
  };
  tell("create", 1);
  tell("delete", 3);
  EXPECT_EQ(both.sql().number("select count(*) from account"), 0);
  tell("update", 2);
  EXPECT_EQ(both.outcome(), "stale") << "it came late";
  tell("create", 4);
  EXPECT_EQ(both.sql().text("select name from account"), "Acme 4");
  tell("delete", 3);
  EXPECT_EQ(both.outcome(), "stale") << "the delete before it has come twice";
  EXPECT_EQ(both.sql().number("select count(*) from account"), 1);
  tell("delete", 4);
  EXPECT_EQ(both.sql().number("select count(*) from account"), 0) << "not every system counts a delete";
}

TEST(BothWays, ANaturalKeyFindsTheOneThatNobodyHasPaired) {
  BothWays both("{ natural_key: [name] }");
  both.sql().run("insert into account (name, tier) values ('Acme', 1)");
  ASSERT_TRUE(both.rests());
  both.sql().run("alter table account disable trigger all; insert into account (name, tier) values ('Acme', 2)");
  both.sql().run("alter table account enable trigger all");
  const auto other = both.create("account", R"({"Name":"Acme","Tier":2})");
  both.tell_of("account", "create", other);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().number("select count(*) from account"), 2) << "the second one is joined, no third one is made";
  EXPECT_EQ(both.remote_of("account", "2"), other);
}

TEST(BothWays, WhatWaitsBehindARecordHoldsBackNoOther) {
  BothWays both;
  const auto post = [&](const std::string& event, const std::string& rest) {
    ASSERT_EQ(both.tell(R"({"event":")" + event + R"(",)" + rest + "}"), 202);
  };
  // A contact of an account that has not come, and a second notice of it.
  post("1", R"("type":"contact","op":"create","id":"c1","version":1,"data":{"Email":"a","AccountId":"nobody"})");
  post("2", R"("type":"contact","op":"update","id":"c1","version":2,"data":{"Email":"b","AccountId":"nobody"})");
  ASSERT_TRUE(wait_for([&] {
    return both.sql().number("select count(*) from tandem.parked where queue = 'inbox'") == 2;
  })) << "the one behind is parked as well";
  post("3", R"("type":"account","op":"create","id":"a1","version":1,"data":{"Name":"other"})");
  ASSERT_TRUE(wait_for([&] {
    return both.sql().number(
               "select coalesce(max(t.counter), 0) from tandem.settled_through t where queue = 'inbox'") >=
           both.sql().number("select max(counter) from tandem.inbox");
  })) << "the floor passes them";
  post("4", R"("type":"account","op":"create","id":"nobody","version":1,"data":{"Name":"parent"})");
  ASSERT_TRUE(both.rests(std::chrono::seconds(60)));
  EXPECT_EQ(both.sql().text("select email from contact"), "b");
  EXPECT_EQ(both.failures(), "");
}

TEST(BothWays, APausedSourcesRecordsAreKeptBelowTheFloor) {
  BothWays both;
  constexpr auto floors_are_written = std::chrono::milliseconds(2'500);  // once a second, where they move
  both.sql().run("update tandem.source set paused = true");
  const auto id = both.create("account", R"({"Name":"Acme","Tier":1})");
  both.tell_of("account", "create", id);
  std::this_thread::sleep_for(floors_are_written);
  EXPECT_EQ(both.sql().number("select count(*) from account"), 0);
  // Without versions only the order tells which is the newer one.
  const auto plain = [&](const std::string& event, const std::string& name) {
    return both.tell(R"({"event":")" + event + R"(","type":"account","op":"create","id":"p1","data":{"Name":")" + name +
                     R"("}})");
  };
  ASSERT_EQ(plain("old", "old"), 202);
  std::this_thread::sleep_for(floors_are_written);
  ASSERT_EQ(plain("new", "new"), 202);
  both.sql().run("update tandem.source set paused = false");
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().text("select string_agg(name, ' ' order by name) from account"), "Acme new");
}

TEST(BothWays, ANoticeThatHadNotSeenOurWriteIsAConflictAndNeverALostUpdate) {
  BothWays both;
  both.sql().run("insert into account (name, tier) values ('Acme', 1)");
  ASSERT_TRUE(both.rests());
  const auto id = both.remote_of("account", "1");
  both.tell_of("account", "create", id);
  ASSERT_TRUE(both.rests());
  both.update("account", id, R"({"Tier":2})");
  const auto late = both.notice("account", "update", id);
  both.sql().run("update account set tier = 3");
  ASSERT_TRUE(both.rests());
  ASSERT_EQ(both.tell(late), 202);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().text("select tier from account"), "3");
  EXPECT_EQ(both.field("account", id, "Tier"), "3");
  EXPECT_EQ(both.sql().text("select their_image ->> 'tier' from tandem.conflict"), "2");
  ASSERT_EQ(both.tell(late), 202);
  EXPECT_EQ(both.sql().number("select count(*) from tandem.inbox"), 2) << "the same event once";
}

TEST(BothWays, WhatTheCrmsTriggersChangeGoesBack) {
  BothWays both;
  both.sql().run(R"(
    create function tidy() returns trigger language plpgsql as $$ begin new.name := upper(new.name); return new; end $$;
    create trigger tidy before insert or update on account for each row execute function tidy())");
  const auto id = both.create("account", R"({"Name":"Acme","Tier":1})");
  both.tell_of("account", "create", id);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.field("account", id, "Name"), "ACME");
  EXPECT_EQ(both.stand().living("account"), 1U);
}

TEST(BothWays, WhereEachSideChangesWhatTheOtherWritesBothComeToRest) {
  BothWays both;
  both.sql().run(R"(
    create function always() returns trigger language plpgsql as $$ begin new.tier := 50; return new; end $$;
    create trigger always before insert or update on account for each row execute function always())");
  const auto id = both.create("account", R"({"Name":"Acme","Tier":1})");
  both.tell_of("account", "create", id);
  ASSERT_TRUE(both.rests());
  std::size_t answered = 0;
  for (int n = 0; n < 20 && (n == 0 || both.writes() > answered); ++n) {  // what their system makes of each answer
    answered = both.writes();
    both.update("account", id, R"({"Tier":)" + std::to_string(60 + n) + "}");
    both.tell_of("account", "update", id);
    ASSERT_TRUE(both.rests());
  }
  EXPECT_EQ(both.writes(), 5U) << "and no more within a minute";
  EXPECT_EQ(both.failures(), "");
}

TEST(BothWays, AChildWaitsForItsParentAndItsReferenceIsTheParentsIdHere) {
  BothWays both;
  const auto account = both.create("account", R"({"Name":"Acme"})");
  const auto contact = both.create("contact", R"({"Email":"a@b","AccountId":")" + account + R"("})");
  both.tell_of("contact", "create", contact);
  ASSERT_TRUE(wait_for([&] { return both.sql().number("select count(*) from tandem.parked") == 1; }));
  both.tell_of("account", "create", account);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().text("select a.name from contact c join account a on a.id = c.account_id"), "Acme");
}

TEST(BothWays, AConstraintOfTheCrmRejectsTheRecordWithItsWords) {
  BothWays both;
  const auto bad = both.create("account", R"({"Name":"Acme","Tier":100})");
  const auto good = both.create("account", R"({"Name":"Good","Tier":1})");
  both.tell_of("account", "create", bad);
  both.tell_of("account", "create", good);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().text("select outcome from tandem.inbox where remote_id = '" + bad + "'"), "rejected");
  EXPECT_NE(both.sql()
                .text("select description from tandem.inbox where remote_id = '" + bad + "'")
                .find("account_tier_check"),
            std::string::npos);
  EXPECT_EQ(both.sql().text("select name from account"), "Good");
  // A person mends the cause and sends it again.
  both.sql().run(
      "alter table account drop constraint account_tier_check; select tandem.retry(record_id) from tandem.inbox where "
      "outcome = 'rejected'");
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().number("select count(*) from account where tier = 100"), 1);
}

TEST(BothWays, AWrongPairIsReplacedByHand) {
  BothWays both;
  both.sql().run("insert into account (name, tier) values ('Acme', 1)");
  ASSERT_TRUE(both.rests());
  const auto wrong = both.remote_of("account", "1");
  const auto right = both.create("account", R"({"Name":"Acme Ltd","Tier":7})");
  both.sql().run(
      "begin; select tandem.unpair('second_crm', 'account', '1'); select tandem.pair('second_crm', "
      "'account', '1', '" +
      right + "'); commit; select tandem.enqueue('second_crm', 'account', '1')");
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.field("account", right, "Name"), "Acme");
  both.update("account", wrong, R"({"Name":"Another"})");
  both.tell_of("account", "create", wrong);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.outcome(), "applied") << "it has not been deleted";
  EXPECT_EQ(both.sql().text("select string_agg(name, ' ' order by id) from account where id = 1 or name = 'Another'"),
            "Acme Another");
}

TEST(BothWays, WhatArrivesLateTwiceOrInTheWrongOrderChangesNothing) {
  BothWays both;
  const auto id = both.create("account", R"({"Name":"Acme","Tier":1})");
  const auto first = both.notice("account", "create", id);
  both.update("account", id, R"({"Tier":2})");
  const auto second = both.notice("account", "update", id);
  ASSERT_EQ(both.tell(second), 202);
  ASSERT_TRUE(wait_for([&] { return both.sql().number("select count(*) from tandem.parked") == 1; }))
      << "not known yet";
  ASSERT_EQ(both.tell(first), 202);
  ASSERT_EQ(both.tell(first), 202);
  both.remove("account", id);
  const auto third = both.notice("account", "delete", id);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().text("select tier from account"), "2");
  ASSERT_EQ(both.tell(third), 202);
  ASSERT_TRUE(both.rests());
  ASSERT_EQ(both.tell(both.notice("account", "create", id)), 202);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().number("select count(*) from account"), 0) << "a deleted object does not come back";
  EXPECT_EQ(both.outcome(), "stale");
}

TEST(BothWays, AManualConflictWaitsForAPersonAndBothSidesAreEqualAfterwards) {
  for (const std::string resolution : {"ours", "theirs"}) {
    BothWays both("{ conflict: manual }");
    both.sql().run("insert into account (name, tier) values ('Acme', 1)");
    ASSERT_TRUE(both.rests());
    const auto id = both.remote_of("account", "1");
    both.update("account", id, R"({"Tier":2})");
    const auto late = both.notice("account", "update", id);
    both.sql().run("update account set tier = 3");
    ASSERT_TRUE(both.rests());
    ASSERT_EQ(both.tell(late), 202);
    ASSERT_TRUE(both.rests());
    EXPECT_EQ(both.outcome(), "conflict");
    ASSERT_EQ(both.sql().number("select count(*) from tandem.conflict where resolution is null"), 1);
    both.sql().run("select tandem.resolve(conflict_id, '" + resolution + "') from tandem.conflict");
    ASSERT_TRUE(both.rests());
    const std::string tier = resolution == "ours" ? "3" : "2";
    EXPECT_EQ(both.sql().text("select tier from account"), tier);
    EXPECT_EQ(both.field("account", id, "Tier"), tier);
    EXPECT_EQ(both.sql().number("select count(*) from tandem.conflict where resolved_at is null"), 0);
  }
}

TEST(BothWays, TwoFilledSystemsAreJoinedByTheNaturalKey) {
  BothWays both("{ natural_key: [name], conflict: theirs }");
  both.fill("insert into account (name, tier) values ('Acme', 1)");
  const auto id = both.create("account", R"({"Name":"Acme","Tier":7})");
  both.tell_of("account", "create", id);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().number("select count(*) from account"), 1);
  EXPECT_EQ(both.sql().text("select tier from account"), "7");
  EXPECT_EQ(both.stand().living("account"), 1U);
}

TEST(BothWays, WhatIsSentOfTheOldRowWhileApplyChangesItIsSentOnceMore) {
  BothWays both;
  both.sql().run(R"(
    insert into account (name, tier) values ('Acme', 1);
    create function hold() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock(7); return new; end $$;
    create trigger hold before update on account for each row execute function hold())");
  ASSERT_TRUE(both.rests());
  const auto id = both.remote_of("account", "1");
  both.tell_of("account", "create", id);
  ASSERT_TRUE(both.rests());
  auto holding = both.stand().postgres().connect();
  holding.run("begin; select pg_advisory_xact_lock(7)");
  both.update("account", id, R"({"Tier":2})");
  both.tell_of("account", "update", id);
  ASSERT_TRUE(wait_for(
      [&] {
        return both.sql().number("select count(*) from pg_locks where locktype = 'advisory' and not granted") > 0;
      },
      std::chrono::seconds(60)))
      << "apply is about to change the row";
  both.sql().text("select tandem.enqueue('second_crm', 'account', '1')");
  [[maybe_unused]] const bool sent =
      both.stand().settles(std::chrono::seconds(1));  // unless apply was quicker to try again
  holding.run("commit");
  ASSERT_TRUE(both.rests(std::chrono::seconds(60)));
  EXPECT_EQ(both.sql().text("select tier from account"), both.field("account", id, "Tier"));
}

TEST(BothWays, ManyRecordsShareATransactionAndOneThatFailsFailsAlone) {
  BothWays both;
  both.stand().tandem().stop();
  both.sql().run(R"(
    insert into tandem.inbox (request_type, operation, source, remote_id, source_record_id, version, body)
    select 'account', 'create', 'second_crm', 'a' || n, n::text, '1',
           jsonb_build_object('Name', 'a' || n, 'Tier', case when n % 40 = 7 then 100 else n % 100 end)
    from generate_series(0, 119) as n)");
  both.stand().tandem().start_ready();
  ASSERT_TRUE(both.rests(std::chrono::seconds(60)));
  EXPECT_EQ(both.sql().number("select count(*) from account"), 117);
  EXPECT_EQ(both.sql().number("select count(*) from tandem.identity where state = 'paired'"), 117);
  EXPECT_EQ(both.sql().text("select string_agg(remote_id, ' ' order by counter) from tandem.inbox where outcome = "
                            "'rejected' and description like '%account_tier_check%'"),
            "a7 a47 a87");
  EXPECT_LT(both.sql().number("select count(distinct xmin::text) from account"), 60) << "they share transactions";
}

TEST(BothWays, WhatASettlementTeachesIsKnownToApplyThatHasWaitedForIt) {
  BothWays both;
  both.sql().run("insert into account (name, tier) values ('Acme', 1)");
  ASSERT_TRUE(both.rests());
  const auto id = both.remote_of("account", "1");
  both.tell_of("account", "create", id);
  ASSERT_TRUE(both.rests());
  both.update("account", id, R"({"Tier":2})");
  const auto notice = both.notice("account", "update", id);
  both.sql().text("select tandem.pause('second_crm', null, 'the test settles')");
  both.sql().run("update account set tier = 3");
  // As the settling statement does: our write was made after theirs and got version 3.
  auto settling = both.stand().postgres().connect();
  settling.run(R"(begin;
    update tandem.outbox set request_state = 3, outcome = 'delivered' where request_state in (1, 2);
    update tandem.identity set version = '3';
    update tandem.agreed set image = '{"Name": "Acme", "Tier": 3}', counter = 2, updated_at = clock_timestamp())");
  both.update("account", id, R"({"Tier":3})");
  ASSERT_EQ(both.tell(notice), 202);
  ASSERT_TRUE(
      wait_for([&] { return both.sql().number("select count(*) from tandem.parked") > 0; }, std::chrono::seconds(60)))
      << "apply waits for the record that is being settled";
  settling.run("commit");
  both.sql().text("select tandem.resume('second_crm')");
  ASSERT_TRUE(both.rests(std::chrono::seconds(60)));
  EXPECT_EQ(both.sql().text("select tier from account"), "3") << "they had not seen our write when they made theirs";
  EXPECT_EQ(both.field("account", id, "Tier"), "3");
  EXPECT_EQ(both.sql().number("select count(*) from tandem.conflict"), 1);
}

TEST(BothWaysDoctor, RefusesARoleWhoseWritesWouldGoBack) {
  BothWays both;
  const auto& file = both.stand().tandem().configuration_file();
  EXPECT_EQ(both.stand().tandem().command({"doctor"}).output.find("routes with `apply`"), std::string::npos);
  std::ifstream in(file);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  const std::string role = "tandem_connector@";
  const auto at = text.find(role);
  ASSERT_NE(at, std::string::npos) << text;
  std::ofstream(file) << text.replace(at, role.size(), "postgres@");
  const auto told = both.stand().tandem().command({"doctor"});
  EXPECT_EQ(told.status, 1);
  EXPECT_NE(told.output.find("routes with `apply` are written as postgres"), std::string::npos) << told.output;
}

}  // namespace
}  // namespace tandem::test_support
