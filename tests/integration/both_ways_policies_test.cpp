#include <gtest/gtest.h>

#include <algorithm>

#include "both_ways.hpp"

/// What a route says of their deletes and of conflicts, where changes go, and how what both sides had is joined.
namespace tandem::test_support {
namespace {

using std::chrono::seconds;

/// Both sides have these objects, by their ids there.
std::string known_account(BothWays& both, const std::string& body) {
  const auto id = both.create("account", body);
  both.tell_of("account", "create", id);
  EXPECT_TRUE(both.rests());
  return id;
}

TEST(BothWaysDeletes, SoftOnesSetColumnsAndKeepTheRow) {
  BothWays both(BothWays::Parts{.apply = "{ on_delete: soft, soft_delete: { gone: true, reason: deleted there } }",
                                .more_columns = ", gone boolean not null default false, reason text"});
  const auto id = known_account(both, R"({"Name":"Acme","Tier":1})");
  const auto late = both.notice("account", "update", id);
  both.remove("account", id);
  both.tell_of("account", "delete", id);
  ASSERT_TRUE(both.rests());
  const auto row = [&] { return both.sql().text("select concat_ws(' ', name, tier, gone, reason) from account"); };
  EXPECT_EQ(row(), "Acme 1 t deleted there");
  EXPECT_EQ(both.outcome(), "applied");
  EXPECT_EQ(both.sql().text("select string_agg(state, ',') from tandem.identity"), "deleted");
  EXPECT_EQ(both.sql().number("select count(*) from tandem.outbox"), 0);
  EXPECT_EQ(both.writes(), 0U);
  ASSERT_EQ(both.tell(late), 202);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.outcome(), "stale");
  EXPECT_EQ(row(), "Acme 1 t deleted there");
}

TEST(BothWaysDeletes, IgnoredOnesChangeNothingHere) {
  BothWays both("{ on_delete: ignore }");
  const auto id = known_account(both, R"({"Name":"Acme","Tier":1})");
  const auto row = [&] { return both.sql().text("select concat_ws(' ', name, tier, xmin) from account"); };
  const auto before = row();
  both.remove("account", id);
  both.tell_of("account", "delete", id);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(row(), before);
  EXPECT_EQ(both.outcome(), "filtered");
  EXPECT_EQ(both.sql().number("select count(*) from tandem.outbox"), 0);
  EXPECT_EQ(both.writes(), 0U);
}

/// Their object ends, the row here stays and is free; the next object of that name is its partner, also where both are
/// told of at once.
TEST(BothWaysDeletes, AnIgnoredOneFreesItsRowForTheNextOfThatName) {
  BothWays both("{ on_delete: ignore, natural_key: [name] }");
  const auto id = known_account(both, R"({"Name":"Acme","Tier":1})");
  both.sql().run("update tandem.source set paused = true");
  both.remove("account", id);
  both.tell_of("account", "delete", id);
  const auto next = both.create("account", R"({"Name":"Acme","Tier":2})");
  both.tell_of("account", "create", next);
  both.sql().run("update tandem.source set paused = false");
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().text("select string_agg(remote_id, ' ') from tandem.identity where state = 'paired'"), next);
  EXPECT_EQ(both.sql().text("select string_agg(name || tier, ' ') from account"),
            "Acme" + both.field("account", next, "Tier"));
}

/// Both sides have {Acme, 1} and change it: `ours` is what our users set, `theirs` what theirs do.
struct Edits {
  std::string ours, theirs;
  std::string outcome;  ///< name and tier of both sides afterwards
};

/// Ours has hardly been sent when theirs comes.
std::string met_at_once(BothWays& both, const Edits& edits) {
  const auto id = known_account(both, R"({"Name":"Acme","Tier":1})");
  both.sql().text("select tandem.pause('second_crm')");
  both.sql().run("update account set " + edits.ours + " where id = (select max(id) from account)");
  both.update("account", id, edits.theirs);
  both.tell_of("account", "update", id);
  EXPECT_TRUE(wait_for(
      [&] { return both.sql().number("select count(*) from tandem.inbox where request_state in (1, 2)") == 0; },
      seconds(60)));
  both.sql().text("select tandem.resume('second_crm')");
  return id;
}

/// Theirs is told after our write there, which it had not seen.
std::string met_late(BothWays& both, const Edits& edits) {
  const auto id = known_account(both, R"({"Name":"Acme","Tier":1})");
  both.update("account", id, edits.theirs);
  const auto late = both.notice("account", "update", id);
  both.sql().run("update account set " + edits.ours + " where id = (select max(id) from account)");
  EXPECT_TRUE(both.rests());
  EXPECT_EQ(both.tell(late), 202);
  return id;
}

void expect_on_both_sides(BothWays& both, const std::string& id, const Edits& edits) {
  ASSERT_TRUE(both.rests(seconds(60)));
  EXPECT_EQ(both.sql().text("select concat_ws(' ', name, tier) from account order by id desc limit 1"), edits.outcome)
      << both.story("account", id);
  EXPECT_EQ(both.field("account", id, "Name") + " " + both.field("account", id, "Tier"), edits.outcome)
      << both.story("account", id);
}

/// fields, policy, resolution and the tiers of agreed, ours, theirs of the newest conflict.
std::string newest_conflict(BothWays& both) {
  return both.sql().text(
      "select concat_ws(' ', array_to_string(fields, '+'), policy, resolution, agreed_image ->> 'tier', our_image ->> "
      "'tier', their_image ->> 'tier') from tandem.conflict order by conflict_id desc limit 1");
}

TEST(BothWaysConflicts, OursAndTheirsWinAsAWhole) {
  const Edits they_change_more{"tier = 3", R"({"Name":"Theirs","Tier":2})", ""};
  const Edits we_change_more{"name = 'Ours', tier = 3", R"({"Tier":2})", ""};
  for (const std::string policy : {"ours", "theirs"}) {
    BothWays both("{ conflict: " + policy + " }");
    const bool ours = policy == "ours";
    for (Edits edits : {they_change_more, we_change_more}) {
      const bool more_there = edits.ours == they_change_more.ours;
      edits.outcome = ours ? (more_there ? "Acme 3" : "Ours 3") : (more_there ? "Theirs 2" : "Acme 2");
      expect_on_both_sides(both, met_at_once(both, edits), edits);
      expect_on_both_sides(both, met_late(both, edits), edits);
      EXPECT_EQ(newest_conflict(both), "name+tier " + policy + " " + policy + " 3 3 2") << "our write was agreed upon";
    }
    EXPECT_EQ(both.sql().number("select count(*) from tandem.conflict"), 4);
    EXPECT_EQ(both.sql().number("select count(*) from tandem.conflict where resolved_at is null"), 0);
    EXPECT_EQ(both.failures(), "");
  }
}

/// Ours was changed at noon UTC.
Edits at_noon(const std::string& their_time, const std::string& outcome) {
  return {"tier = 3, changed_at = '2025-06-01 12:00:00+00'",
          R"({"Name":"Theirs","Tier":2,"ChangedAt":")" + their_time + R"("})", outcome};
}

TEST(BothWaysConflicts, TheNewerOneWinsByTheTimesThatBothSidesTell) {
  BothWays both(BothWays::Parts{.apply = "{ conflict: newest, newest: { ours: changed_at, theirs: /ChangedAt } }",
                                .more_columns = ", changed_at timestamptz not null default '2025-01-01'"});
  // As times, not as characters.
  for (const auto& edits :
       {at_noon("2025-06-01T09:00:00-04:00", "Theirs 2"), at_noon("2025-06-01T13:00:00+02:00", "Acme 3")}) {
    expect_on_both_sides(both, met_at_once(both, edits), edits);
    expect_on_both_sides(both, met_late(both, edits), edits);
  }
  EXPECT_EQ(both.sql().number("select count(*) from tandem.conflict"), 4);
  EXPECT_EQ(both.failures(), "");
}

TEST(BothWaysTargets, WhatTheyChangeGoesToTheOtherTargetOfTheTable) {
  BothWays both(BothWays::Parts{.another_target = "archive", .more_routes = R"(
      - target: archive
        request_type: archived
        fields: { name: Name, tier: Tier }
)"});
  const auto archived = [&](const std::string& field) { return both.stand().field("archived", "1", field); };
  const auto id = known_account(both, R"({"Name":"Acme","Tier":1})");
  EXPECT_EQ(archived("Name") + archived("Tier"), "Acme1");
  both.update("account", id, R"({"Tier":2})");
  both.tell_of("account", "update", id);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().text("select tier from account"), "2");
  EXPECT_EQ(archived("Tier"), "2");
  const auto sent_to = [&](const std::string& target) {
    return both.sql().text(
        "select coalesce(string_agg(operation, ' ' order by counter), '') from tandem.outbox where target = '" +
        target + "'");
  };
  EXPECT_EQ(sent_to("second_crm"), "");
  both.sql().run("update account set tier = 3");
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.field("account", id, "Tier") + archived("Tier"), "33") << "ours goes to both";
  both.remove("account", id);
  both.tell_of("account", "delete", id);
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(both.sql().number("select count(*) from account"), 0);
  EXPECT_EQ(both.stand().living("archived"), 0U);
  EXPECT_EQ(sent_to("archive"), "create update update delete");
  EXPECT_EQ(sent_to("second_crm"), "update");
}

TEST(BothWaysLocks, ACollisionIsTriedAgainAtOnce) {
  for (const std::string state : {"40001", "40P01"}) {
    BothWays both;
    const auto id = known_account(both, R"({"Name":"Acme","Tier":1})");
    both.sql().run(R"(
      create sequence tried;
      create function collide() returns trigger language plpgsql security definer as $$ begin
        if nextval('public.tried') <= 2 then raise exception 'not now' using errcode = ')" +
                   state + R"('; end if;
        return new;
      end $$;
      create trigger collide before update on account for each row execute function collide();
      create table waited (counter bigint);
      create function note_wait() returns trigger language plpgsql security definer as
        $$ begin insert into public.waited values (new.counter); return null; end $$;
      create trigger note_wait after insert on tandem.parked for each row execute function note_wait())");
    both.update("account", id, R"({"Tier":2})");
    both.tell_of("account", "update", id);
    ASSERT_TRUE(both.rests(seconds(60)));
    EXPECT_EQ(both.outcome(), "applied");
    EXPECT_EQ(both.sql().text("select tier from account"), "2");
    EXPECT_EQ(both.sql().number("select last_value from tried"), 3);
    EXPECT_EQ(both.sql().number("select count(*) from waited"), 0) << "it did not come again later";
  }
}

/// Both sides were filled before, and a lookup finds theirs by the name.
class BothWaysAdoption : public ::testing::Test {
 protected:
  void SetUp() override {
    both.fill("insert into account (name, tier) values ('Acme', 1)");
    id = both.stand().crm().ask([](second_crm::Api& api) {
      const auto body = std::get<second_crm::Json>(second_crm::parse_json(R"({"Name":"Acme","Tier":7})"));
      return api.store().upsert("account", "Acme", body, std::chrono::system_clock::now()).object->id;
    });
    before = both.notice("account", "create", id);
  }
  std::size_t asked(second_crm::Operation operation) {
    return both.stand().crm().ask([&](second_crm::Api& api) {
      return static_cast<std::size_t>(
          std::ranges::count(api.journal().entries(), operation, &second_crm::Entry::operation));
    });
  }
  /// One object, one row, one pair; and so it remains when they tell of their object.
  void expect_one_pair(const std::string& tier) {
    EXPECT_EQ(both.remote_of("account", "1"), id);
    for (const auto& notice : {before, both.notice("account", "update", id)}) {
      ASSERT_EQ(both.tell(notice), 202);
      ASSERT_TRUE(both.rests());
    }
    EXPECT_EQ(both.sql().text("select string_agg(name || tier, ' ') from account"), "Acme" + tier);
    EXPECT_EQ(both.field("account", id, "Tier"), tier);
    EXPECT_EQ(both.stand().living("account"), 1U);
    EXPECT_EQ(asked(second_crm::Operation::create), 0U);
    EXPECT_EQ(both.failures(), "");
  }

  BothWays both{BothWays::Parts{.apply = "{ natural_key: [name] }",
                                .more_of_requests =
                                    "      lookup: { method: GET, path: \"/{request_type}?external_id={body.Name}\", "
                                    "remote_id: /items/0/id }\n"}};
  std::string id, before;
};

TEST_F(BothWaysAdoption, OurSnapshotThatGoesOutFirstFindsTheirObject) {
  both.sql().text("select tandem.enqueue('second_crm', 'account', '1', 'snapshot')");
  ASSERT_TRUE(both.rests());
  expect_one_pair("1");
}

TEST_F(BothWaysAdoption, OurUpdateThatGoesOutFirstFindsTheirObject) {
  both.sql().run("update account set tier = 2");
  ASSERT_TRUE(both.rests());
  expect_one_pair("2");
}

TEST_F(BothWaysAdoption, WhatALookupDoesNotFindIsCreatedOnce) {
  both.fill("insert into account (name, tier) values ('Other', 3)");
  both.sql().run("update account set tier = 4 where name = 'Other'");
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(asked(second_crm::Operation::lookup), 1U);
  EXPECT_EQ(asked(second_crm::Operation::create), 1U);
  EXPECT_EQ(both.field("account", both.remote_of("account", "2"), "Tier"), "4");
}

TEST_F(BothWaysAdoption, ARowThatIsNewHereIsCreatedWithoutALookup) {
  both.sql().run("insert into account (name, tier) values ('Other', 3)");
  ASSERT_TRUE(both.rests());
  EXPECT_EQ(asked(second_crm::Operation::lookup), 0U);
  EXPECT_EQ(both.field("account", both.remote_of("account", "2"), "Tier"), "3");
}

}  // namespace
}  // namespace tandem::test_support
