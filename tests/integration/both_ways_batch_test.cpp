#include <gtest/gtest.h>

#include "both_ways.hpp"

namespace tandem::test_support {
namespace {

using std::chrono::seconds;

/// Records that apply finds together: what they could do to each other.
class BothWaysBatch : public ::testing::Test {
 protected:
  /// Until `release` the source is paused: what is told meanwhile is read in one window.
  void gather() { both.sql().run("update tandem.source set paused = true"); }
  void release() { both.sql().run("update tandem.source set paused = false"); }
  /// Stores records as the source would tell them. `values`: (type, operation, remote_id, body) as SQL rows, in order.
  void store(const std::string& values) {
    both.sql().run(
        "insert into tandem.inbox (request_type, operation, source, remote_id, source_record_id, version, body) select "
        "type, operation, 'second_crm', remote_id, gen_random_uuid()::text, null, body::jsonb from (values " +
        values + ") as v (type, operation, remote_id, body)");
  }
  /// From here on it is noted which records wait.
  void note_waits() {
    both.sql().run(R"(
      create table waited (counter bigint, reason text);
      create function note_wait() returns trigger language plpgsql security definer as
        $$ begin insert into public.waited values (new.counter, new.reason); return null; end $$;
      create trigger note_wait after insert on tandem.parked for each row execute function note_wait())");
  }
  std::string outcomes() {
    return both.sql().text("select string_agg(outcome, ' ' order by counter) from tandem.inbox");
  }

  BothWays both;
};

TEST_F(BothWaysBatch, SeveralRecordsOfOneObjectKeepTheirOrder) {
  gather();
  for (int turn = 0; turn < 3; ++turn) {
    std::string values;
    for (int object = 0; object < 20; ++object) {
      const auto name = std::to_string(object);
      values += std::string(values.empty() ? "" : ",") + "('account', '" + (turn == 0 ? "create" : "update") + "', 'a" +
                name + R"(', '{"Name":"n)" + name + R"(","Tier":)" + std::to_string(turn) + "}')";
    }
    store(values);
  }
  store(R"(('account', 'update', 'a3', '{"Tier":7}'), ('account', 'update', 'a3', '{"Tier":8}'),
           ('account', 'delete', 'a4', null), ('account', 'update', 'a3', '{"Tier":9}'))");
  release();
  ASSERT_TRUE(both.rests(seconds(60)));
  EXPECT_EQ(both.sql().number("select count(*) from account where tier = 2"), 18);
  EXPECT_EQ(both.sql().text("select tier from account where name = 'n3'"), "9");
  EXPECT_EQ(both.sql().number("select count(*) from account where name = 'n4'"), 0);
  EXPECT_EQ(both.sql().number("select count(*) from tandem.inbox where outcome <> 'applied'"), 0);
  EXPECT_EQ(both.sql().number("select count(*) from tandem.outbox"), 0) << "nothing of it was sent back";
}

TEST_F(BothWaysBatch, AParentAndItsChildrenThatComeTogetherDoNotWait) {
  note_waits();
  gather();
  std::string values;
  for (int at = 0; at < 20; ++at) {
    const auto name = std::to_string(at);
    values += std::string(values.empty() ? "" : ",") + "('account', 'create', 'a" + name + R"(', '{"Name":"n)" + name +
              R"("}'), ('contact', 'create', 'c)" + name + R"(', '{"Email":"e)" + name + R"(","AccountId":"a)" + name +
              R"("}'))";
  }
  store(values);
  release();
  ASSERT_TRUE(both.rests(seconds(60)));
  EXPECT_EQ(both.sql().number("select count(*) from contact c join account a on a.id = c.account_id and substr(a.name, "
                              "2) = substr(c.email, 2)"),
            20);
  EXPECT_EQ(both.sql().number("select count(*) from waited"), 0);
}

TEST_F(BothWaysBatch, AUniqueValueGoesFromOneObjectToTheNextInTheirOrder) {
  both.sql().run("alter table account add constraint name_is_unique unique (name)");
  store(R"(('account', 'create', 'a1', '{"Name":"wanted"}'))");
  ASSERT_TRUE(both.rests(seconds(60)));
  gather();
  store(R"(('account', 'create', 'a0', '{"Name":"other"}'), ('account', 'update', 'a1', '{"Name":"former"}'),
           ('account', 'create', 'a2', '{"Name":"wanted"}'), ('account', 'create', 'a3', '{"Name":"wanted"}'),
           ('account', 'create', 'a4', '{"Name":"last"}'))");
  release();
  ASSERT_TRUE(both.rests(seconds(60)));
  EXPECT_EQ(outcomes(), "applied applied applied applied rejected applied");
  EXPECT_EQ(
      both.sql().text("select i.remote_id from account a join tandem.identity i on i.object_id = a.id::text where "
                      "a.name = 'wanted'"),
      "a2");
}

TEST_F(BothWaysBatch, ARecordThatRaisesInATriggerFailsAloneAmongHundreds) {
  both.sql().run(R"(
    create function refuse() returns trigger language plpgsql as
      $$ begin if new.tier = 13 then raise exception 'thirteen is not wanted'; end if; return new; end $$;
    create trigger refuse after insert on account for each row execute function refuse())");
  gather();
  both.sql().run(R"(
    insert into tandem.inbox (request_type, operation, source, remote_id, source_record_id, body)
    select 'account', 'create', 'second_crm', 'a' || n, n::text, jsonb_build_object('Name', 'a' || n, 'Tier', case n when 250 then 13 else 1 end)
    from generate_series(1, 500) as n)");
  release();
  ASSERT_TRUE(both.rests(seconds(60)));
  EXPECT_EQ(both.sql().number("select count(*) from account"), 499);
  EXPECT_EQ(both.sql()
                .text("select string_agg(remote_id || ' ' || outcome || ' ' || description, ',') from tandem.inbox "
                      "where outcome <> 'applied'")
                .substr(0, 14),
            "a250 rejected ");
  EXPECT_EQ(both.sql().number("select count(*) from tandem.identity where state = 'paired'"), 499);
}

TEST_F(BothWaysBatch, ARowThatASessionOfTheCrmHoldsHoldsUpNoOther) {
  std::string values;
  for (int at = 0; at < 30; ++at)
    values += std::string(at == 0 ? "" : ",") + "('account', 'create', 'a" + std::to_string(at) +
              R"(', '{"Name":"n","Tier":1}'))";
  store(values);
  ASSERT_TRUE(both.rests(seconds(60)));
  auto holding = both.stand().postgres().connect();
  holding.run(
      "begin; select from account where id::text = (select object_id from tandem.identity where remote_id = "
      "'a7') for update");
  gather();
  both.sql().run(
      "insert into tandem.inbox (request_type, operation, source, remote_id, source_record_id, body) select "
      "'account', 'update', 'second_crm', 'a' || n, 'u' || n, '{\"Tier\": 2}' from generate_series(0, 29) n");
  store(R"(('account', 'update', 'a7', '{"Tier":3}'))");
  release();
  ASSERT_TRUE(
      wait_for([&] { return both.sql().number("select count(*) from account where tier = 2") == 29; }, seconds(60)));
  EXPECT_EQ(both.sql().number("select count(*) from tandem.inbox where request_state in (1, 2)"), 2);
  holding.run("commit");
  ASSERT_TRUE(both.rests(seconds(60)));
  EXPECT_EQ(both.sql().text("select tier from account where id::text = (select object_id from tandem.identity where "
                            "remote_id = 'a7')"),
            "3")
      << "in their order";
  EXPECT_EQ(both.sql().number("select count(*) from tandem.inbox where outcome <> 'applied'"), 0);
}

TEST_F(BothWaysBatch, ARowThatAnotherRecordsTriggerHasChangedIsDecidedAnew) {
  both.sql().run(R"(
    create function count_contacts() returns trigger language plpgsql as
      $$ begin update account set tier = tier + 50 where id = new.account_id; return null; end $$;
    create trigger count_contacts after insert on contact for each row execute function count_contacts())");
  const auto account = both.create("account", R"({"Name":"Acme","Tier":1})");
  both.tell_of("account", "create", account);
  ASSERT_TRUE(both.rests(seconds(60)));
  gather();
  const auto contact = both.create("contact", R"({"Email":"a@b","AccountId":")" + account + R"("})");
  both.tell_of("contact", "create", contact);
  both.update("account", account, R"({"Name":"Theirs","Tier":2})");
  both.tell_of("account", "update", account);
  release();
  ASSERT_TRUE(both.rests(seconds(60)));
  EXPECT_EQ(both.sql().text("select name || ' ' || tier from account"), "Theirs 51") << "ours stays in a conflict";
  EXPECT_EQ(both.field("account", account, "Tier"), "51");
  EXPECT_EQ(both.sql().number("select count(*) from tandem.conflict"), 1);
}

TEST_F(BothWaysBatch, ABacklogOfSeveralWindowsKeepsTheOrderOfEachObject) {
  store(R"(('account', 'create', 'early', '{"Name":"early","Tier":1}'))");
  store(R"(('contact', 'create', 'c1', '{"Email":"before","AccountId":"early"}'))");
  ASSERT_TRUE(both.rests(seconds(60)));
  gather();
  const auto store_accounts = [&](const std::string& operation, int tier) {
    both.sql().run(
        "insert into tandem.inbox (request_type, operation, source, remote_id, source_record_id, body) select "
        "'account', '" +
        operation + "', 'second_crm', 'a' || n, '" + std::to_string(tier) +
        "/' || n, jsonb_build_object('Name', 'n' || n, 'Tier', " + std::to_string(tier) +
        ") from generate_series(1, 1500) as n");
  };
  store_accounts("create", 1);
  store(R"(('contact', 'update', 'c1', '{"Email":"first","AccountId":"late"}'))");
  store_accounts("update", 2);
  store(R"(('contact', 'update', 'c1', '{"Email":"second"}'))");  // in the window behind the one before
  store_accounts("update", 3);
  store_accounts("update", 4);
  store(R"(('account', 'create', 'late', '{"Name":"late","Tier":4}'))");
  release();
  ASSERT_TRUE(both.rests(seconds(60)));
  EXPECT_EQ(both.sql().number("select count(*) from account where tier = 4"), 1501);
  EXPECT_EQ(both.sql().text("select email from contact"), "second") << "behind what waited for its parent";
  EXPECT_EQ(both.sql().number("select count(*) from tandem.inbox where outcome = 'applied'"), 6005);
  EXPECT_EQ(both.sql().number("select count(*) from tandem.outbox"), 0);
}

/// Rows of tables on which the CRM has nothing of its own share a statement; what it sees there is counted.
class BothWaysSets : public BothWaysBatch {
 protected:
  /// By how many statements these rows were written.
  std::int64_t statements(const std::string& condition) {
    return static_cast<std::int64_t>(
        both.sql().number("select count(distinct (xmin::text, cmin::text)) from account where " + condition));
  }
  void store_accounts(const std::string& operation, int count, const std::string& tier) {
    both.sql().run(
        "insert into tandem.inbox (request_type, operation, source, remote_id, source_record_id, body) select "
        "'account', '" +
        operation + "', 'second_crm', 'a' || n, '" + operation + tier +
        "' || n, jsonb_build_object('Name', 'n' || n, 'Tier', " + tier + ") from generate_series(1, " +
        std::to_string(count) + ") as n where '" + operation +
        "' = 'create' or exists (select from tandem.identity i where i.remote_id = 'a' || n)");
  }
  void apply_gathered() {
    release();
    ASSERT_TRUE(both.rests(seconds(60)));
  }
};

TEST_F(BothWaysSets, RowsOfOneKindAreWrittenTogether) {
  gather();
  store_accounts("create", 40, "1");
  apply_gathered();
  EXPECT_EQ(both.sql().number("select count(*) from account"), 40);
  EXPECT_LT(statements("true"), 40) << "rounds are shorter on a machine that is busy";
  gather();
  store_accounts("update", 40, "2");
  apply_gathered();
  EXPECT_EQ(both.sql().number("select count(*) from account where tier = 2"), 40);
  EXPECT_LT(statements("tier = 2"), 40);
  EXPECT_EQ(both.sql().number("select count(*) from account a join tandem.identity i on i.object_id = a.id::text and "
                              "i.remote_id = 'a' || substr(a.name, 2)"),
            40)
      << "each has the key of its own row";
  EXPECT_EQ(both.sql().number("select count(*) from tandem.outbox"), 0);
}

TEST_F(BothWaysSets, ABadRowHarmsOnlyItself) {
  gather();
  store_accounts("create", 60, "case n when 7 then 100 when 55 then 101 else n end");
  apply_gathered();
  EXPECT_EQ(both.sql().text("select string_agg(remote_id || ' ' || outcome, ',' order by counter) from tandem.inbox "
                            "where outcome <> 'applied'"),
            "a7 rejected,a55 rejected");
  EXPECT_EQ(both.sql().number("select count(*) from account where name = 'n' || tier"), 58);
  gather();
  store_accounts("update", 60, "case n when 20 then 100 else 0 end");
  store(R"(('account', 'update', 'a3', '{"Tier":"many"}'))");
  apply_gathered();
  EXPECT_EQ(both.sql().text("select string_agg(remote_id, ',' order by counter) from tandem.inbox where outcome = "
                            "'rejected' and operation = 'update'"),
            "a20,a3");
  EXPECT_EQ(both.sql().text("select string_agg(name, ',') from account where tier <> 0"), "n20");
}

TEST_F(BothWaysSets, StandAsideWhereTheCrmHasATriggerForStatements) {
  both.stand().tandem().stop();  // a start knows of it at once
  both.sql().run(R"(
    create table seen (rows bigint);
    create function see() returns trigger language plpgsql security definer as
      $$ begin insert into public.seen select count(*) from changed; return null; end $$;
    create trigger see_inserts after insert on account referencing new table as changed for each statement execute function see();
    create trigger see_updates after update on account referencing new table as changed for each statement execute function see())");
  both.stand().tandem().start_ready();
  gather();
  store_accounts("create", 30, "1");
  apply_gathered();
  gather();
  store_accounts("update", 30, "2");
  apply_gathered();
  EXPECT_EQ(both.sql().number("select count(*) from seen where rows = 1"), 60);
  EXPECT_EQ(both.sql().number("select count(*) from seen where rows > 1"), 0);
}

TEST_F(BothWaysSets, ARowOfASetThatAnotherRecordsTriggerHasChangedIsDecidedAnew) {
  both.sql().run(R"(
    create function count_contacts() returns trigger language plpgsql as
      $$ begin update account set tier = tier + 50 where id = new.account_id; return null; end $$;
    create trigger count_contacts after insert on contact for each row execute function count_contacts())");
  gather();
  store_accounts("create", 3, "1");
  apply_gathered();
  gather();
  store(R"(('contact', 'create', 'c1', '{"Email":"a@b","AccountId":"a2"}'))");
  store_accounts("update", 3, "2");
  apply_gathered();
  EXPECT_EQ(both.sql().text("select string_agg(name || ' ' || tier, ',' order by name) from account"),
            "n1 2,n2 51,n3 2")
      << "ours stays in a conflict";
  EXPECT_EQ(both.sql().number("select count(*) from tandem.conflict"), 1);
}

TEST_F(BothWaysSets, StandAsideWhereTheCrmHasARule) {
  both.stand().tandem().stop();
  both.sql().run(R"(
    create table ruled (name text);
    create rule note as on insert to account do also insert into ruled values (new.name))");
  both.stand().tandem().start_ready();
  gather();
  store_accounts("create", 30, "1");
  apply_gathered();
  EXPECT_EQ(both.sql().number("select count(*) from account"), 30);
  EXPECT_EQ(statements("true"), 30);
}

TEST(BothWaysTypes, AreWrittenTogetherAsTheyAreOneByOne) {
  BothWays both(BothWays::Parts{
      .more_columns = ", code varchar(5), price numeric(8,2), seen timestamptz, day date, active boolean, share real, "
                      "tags text[], more jsonb",
      .more_fields =
          ", code: Code, price: Price, seen: Seen, day: Day, active: Active, share: Share, tags: Tags, more: More"});
  const auto store = [&](const std::string& operation, const std::string& values) {
    both.sql().run("update tandem.source set paused = true");
    both.sql().run(
        "insert into tandem.inbox (request_type, operation, source, remote_id, source_record_id, body) select "
        "'account', '" +
        operation + "', 'second_crm', id, '" + operation +
        "' || id, jsonb_build_object('Name', id) || body::jsonb from (values " + values + ") as v (id, body)");
    both.sql().run("update tandem.source set paused = false");
    ASSERT_TRUE(both.rests(seconds(60)));
  };
  const auto row = [&](const std::string& id) {
    return both.sql().text(
        "select concat_ws('|', a.name, code, price, seen, day, active, share, tags, more, (a.*)::text ~ ',,') from "
        "account a join tandem.identity i on i.object_id = a.id::text where i.remote_id = '" +
        id + "'");
  };
  const std::string scalars =
      R"("Tier":1,"Price":1.5,"Seen":"2026-01-02T03:04:05.006Z","Day":"2026-02-28","Active":true,"Share":0.1)";
  store("create", R"(('a', '{"Name":"q\"\\ ü {1,NULL}",)" + scalars + R"(,"Code":"abc   "}'), ('b', '{)" + scalars +
                      R"(,"Code":"abcdef"}'), ('c', '{)" + scalars + R"(,"Code":null}'), ('d', '{)" + scalars +
                      R"(,"Code":"x","Tags":["1","b,c"],"More":{"a":[1]}}'), ('e', '{)" + scalars +
                      R"(,"Code":"","Tags":null,"More":null}'))");
  EXPECT_EQ(both.sql().text("select string_agg(remote_id || ' ' || outcome, ',' order by counter) from tandem.inbox"),
            "a applied,b rejected,c applied,d applied,e applied");
  const std::string printed = "1.50|2026-01-02 03:04:05.006+00|2026-02-28|t|0.1";
  EXPECT_EQ(row("a"), R"(q"\ ü {1,NULL}|abc  |)" + printed + "|t");
  EXPECT_EQ(row("c"), "c|" + printed + "|t");
  EXPECT_EQ(row("d"), "d|x|" + printed + R"(|{1,"b,c"}|{"a": [1]}|f)");
  EXPECT_EQ(row("e"), "e||" + printed + "|t");
  store("update", R"(('a', '{"Price":-0.25,"Seen":null,"Code":"NULL"}'), ('c', '{"Price":7,"Seen":null,"Code":"{}"}'),
                     ('d', '{"Tags":["z"]}'), ('e', '{"Tags":[]}'))");
  EXPECT_EQ(row("a"), R"(a|NULL|-0.25|2026-02-28|t|0.1|t)");
  EXPECT_EQ(row("c"), R"(c|{}|7.00|2026-02-28|t|0.1|t)");
  EXPECT_EQ(row("d"), "d|x|" + printed + R"(|{z}|{"a": [1]}|f)");
  EXPECT_EQ(row("e"), "e||" + printed + "|{}|f");
}

TEST(BothWaysNaturalKey, TwoRecordsThatTellTheSameDoNotShareARow) {
  BothWays both("{ natural_key: [name], conflict: theirs }");
  both.stand().tandem().stop();
  both.sql().run(R"(
    insert into account (name, tier) values ('Acme', 1);
    truncate tandem.outbox;
    insert into tandem.inbox (request_type, operation, source, remote_id, source_record_id, body)
    select 'account', 'create', 'second_crm', 'a' || n, n::text, '{"Name": "Acme", "Tier": 2}' from generate_series(1, 3) as n)");
  both.stand().tandem().start_ready();
  ASSERT_TRUE(both.rests(std::chrono::seconds(60)));
  EXPECT_EQ(both.sql().number("select count(*) from account"), 3);
  EXPECT_EQ(both.sql().text("select remote_id from tandem.identity where object_id = '1'"), "a1") << "the first has it";
  EXPECT_EQ(both.sql().number("select count(distinct object_id) from tandem.identity where state = 'paired'"), 3);
}

}  // namespace
}  // namespace tandem::test_support
