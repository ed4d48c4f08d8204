#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "both_ways.hpp"

namespace tandem::test_support {
namespace {

using std::chrono::seconds;

/// What one transaction of apply does while another one is open that must not see it, or must see it. Each scene is
/// longer than two transactions, so that both sessions are at work.
class BothWaysBeside : public ::testing::Test {
 protected:
  explicit BothWaysBeside(const BothWays::Parts& parts = {}) : both(parts) {
    both.sql().run("update tandem.source set paused = true");
  }

  void release() { both.sql().run("update tandem.source set paused = false"); }
  void tell(const std::string& type, const std::string& operation, const std::string& id, const std::string& body) {
    values_ += std::string(values_.empty() ? "" : ", ") + "('" + type + "', '" + operation + "', '" + id + "', " +
               (body.empty() ? "null" : "'" + body + "'") + ")";
  }
  void tell_of_account(const std::string& id) {
    tell("account", "create", id, R"({"Name":"n)" + id + R"(","Tier":1})");
  }
  /// Objects of which nobody else tells.
  void tell_of_others(int count) {
    for (int at = 0; at < count; ++at) tell_of_account("o" + std::to_string(++others_));
  }
  void store() {
    both.sql().run(
        "insert into tandem.inbox (request_type, operation, source, remote_id, source_record_id, body) select type, "
        "operation, 'second_crm', remote_id, gen_random_uuid()::text, body::jsonb from (values " +
        values_ + ") as v (type, operation, remote_id, body)");
    values_.clear();
  }
  long long pending() { return both.sql().number("select count(*) from tandem.inbox where request_state in (1, 2)"); }

  BothWays both;

 private:
  std::string values_;
  int others_ = 0;
};

/// No foreign key says that the account must be there: the order of the inbox alone does.
TEST_F(BothWaysBeside, AChildWaitsForAParentThatAnEarlierRecordDeletes) {
  both.sql().run("alter table contact drop constraint contact_account_id_fkey");
  constexpr int parents = 12;
  for (int at = 0; at < parents; ++at) tell_of_account("p" + std::to_string(at));
  store();
  release();
  ASSERT_TRUE(both.rests(seconds(60)));
  both.sql().run("update tandem.source set paused = true");
  for (int at = 0; at < parents; ++at) {
    const auto parent = "p" + std::to_string(at);
    tell("account", "delete", parent, "");
    tell_of_others(at % 2 == 0 ? 3 : 400);  // in the same round, in the same transaction, in the one behind it
    tell("contact", "create", "c" + std::to_string(at), R"({"Email":"e","AccountId":")" + parent + R"("})");
    tell_of_others(100);
  }
  store();
  release();
  ASSERT_TRUE(wait_for([&] { return pending() == parents; }, seconds(60)));
  EXPECT_EQ(both.sql().number("select count(*) from tandem.parked where reason = 'parent'"), parents);
  EXPECT_EQ(both.sql().number("select count(*) from contact"), 0);
  EXPECT_EQ(both.sql().number("select count(*) from account where name like 'np%'"), 0);
}

/// The CRM counts its keys anew. What is left of the objects that had them is overwritten, as if they came one by one.
TEST_F(BothWaysBeside, AKeyThatIsUsedAgainHasTheImageOfItsNewObject) {
  both.sql().run(
      "insert into tandem.agreed (target, request_type, object_id, image) select 'second_crm', 'account', n::text, "
      "'{\"Name\": \"left\"}' from generate_series(200, 1200, 7) n");
  tell_of_others(1'500);
  store();
  release();
  ASSERT_TRUE(both.rests(seconds(120))) << both.failures();
  EXPECT_EQ(both.sql().number("select count(*) from tandem.inbox where outcome = 'applied'"), 1'500);
  EXPECT_EQ(both.sql().number("select count(*) from account a join tandem.agreed g on g.request_type = 'account' and "
                              "g.object_id = a.id::text and g.image ->> 'Name' = a.name"),
            1'500);
  EXPECT_EQ(both.sql().number("select count(*) from tandem.identity where state = 'paired'"), 1'500);
}

/// Two types of theirs are one table of ours.
class BothWaysBesideInOneTable : public BothWaysBeside {
 protected:
  BothWaysBesideInOneTable()
      : BothWaysBeside({.apply = "{ natural_key: [name] }", .more_routes = R"(      - target: second_crm
        request_type: client
        fields: { name: Name, tier: Tier }
        apply: { natural_key: [name] })"}) {}
};

TEST_F(BothWaysBesideInOneTable, ANaturalKeyFindsTheRowOfAnEarlierRecord) {
  constexpr int pairs = 15;
  for (int at = 0; at < pairs; ++at) {
    const auto body = R"({"Name":"both)" + std::to_string(at) + R"(","Tier":1})";
    tell("account", "create", "a" + std::to_string(at), body);
    tell_of_others(at % 3 == 0 ? 0 : at % 3 * 200);
    tell("client", "create", "k" + std::to_string(at), body);
    tell_of_others(50);
  }
  store();
  release();
  ASSERT_TRUE(both.rests(seconds(120))) << both.failures();
  EXPECT_EQ(both.sql().number("select count(*) from account where name like 'both%'"), pairs);
  EXPECT_EQ(
      both.sql().number("select count(*) from tandem.identity a join tandem.identity k on k.object_id = a.object_id "
                        "where a.request_type = 'account' and k.request_type = 'client'"),
      pairs);
}

/// Of two free rows with their name the first record takes one by its key; the second has the other one for its own.
class BothWaysBesideByName : public BothWaysBeside {
 protected:
  BothWaysBesideByName() : BothWaysBeside({.apply = "{ natural_key: [name] }", .more_columns = ", code text unique"}) {}
};

TEST_F(BothWaysBesideByName, ARowThatAnEarlierRecordTakesIsNoSecondPartner) {
  constexpr int names = 12;
  both.fill("insert into account (name, tier) select 'twin' || n % " + std::to_string(names) +
            ", 5 from generate_series(0, " + std::to_string(2 * names - 1) + ") n");
  for (int at = 0; at < names; ++at) {
    const auto first = both.sql().text("select min(id) from account where name = 'twin" + std::to_string(at) + "'");
    both.sql().run("select tandem.pair('second_crm', 'account', '" + first + "', 't" + std::to_string(at) + "')");
    both.sql().run("select tandem.unpair('second_crm', 'account', '" + first + "', 'made ready')");
  }
  for (int at = 0; at < names; ++at) {
    const auto name = "twin" + std::to_string(at);
    const auto first = both.sql().text("select min(id) from account where name = '" + name + "'");
    both.sql().run(
        "insert into tandem.identity (target, request_type, object_id, remote_id, state) values ('second_crm', "
        "'account', '" +
        first + "', 't" + std::to_string(at) + "', 'pending')");
    tell("account", "update", "t" + std::to_string(at), R"({"Name":")" + name + R"(","Tier":6})");
    tell_of_others(at % 2 == 0 ? 3 : 400);
    tell("account", "create", "u" + std::to_string(at), R"({"Name":")" + name + R"(","Tier":7})");
    tell_of_others(100);
  }
  store();
  release();
  ASSERT_TRUE(both.rests(seconds(120))) << both.failures();
  EXPECT_EQ(both.sql().number("select count(*) from account where name like 'twin%'"), 2 * names);
}

}  // namespace
}  // namespace tandem::test_support
