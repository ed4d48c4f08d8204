#include <gtest/gtest.h>

#include <string>

#include "accounts.hpp"
#include "support/stand.hpp"

namespace tandem::test_support {
namespace {

constexpr const char* t_table =
    "create table t (id int not null, name text not null, "
    "constraint t_key primary key (id) deferrable initially immediate)";

/// POST creates, their id addresses what follows.
std::string by_remote_id(Stand& stand) {
  return "  second_crm:\n    type: rest\n    url: " + stand.crm().url() +
         "\n    timeout: 2s\n    retry: { count: 3, first: 300ms, factor: 1.5 }\n" + create_and_update;
}
std::string watch_t(const std::string& key_field) {
  return "\n  t:\n    table: public.t\n    routes:\n      - { target: second_crm, fields: { name: Name }, sql: { " +
         key_field + ": \"id::text\" } }\n";
}

std::string remote_of(Stand& stand, const std::string& object_id) {
  return stand.sql().text("select remote_id from tandem.identity where state = 'paired' and object_id = '" + object_id +
                          "'");
}

/// A field of the object there, by their id; "" where it is gone.
std::string at(Stand& stand, const std::string& remote_id, const std::string& name) {
  return stand.crm().ask([&](second_crm::Api& api) -> std::string {
    const auto effect = api.store().get("t", remote_id);
    if (!effect.good() || effect.object == nullptr || effect.object->deleted) return "";
    for (const auto& [field, value] : effect.object->fields)
      if (field == name) return value.kind == second_crm::Json::Kind::string ? value.text : second_crm::print(value);
    return name == "ExternalId" ? effect.object->external_id : "";
  });
}

TEST(ChangedKeys, AReusedKeyIsANewObjectThere) {
  Stand stand;
  stand.sql().run(t_table);
  stand.begin(by_remote_id(stand), watch_t("ExternalId"));
  stand.sql().run("insert into t values (1, 'one'), (2, 'two')");
  ASSERT_TRUE(stand.settles());
  const auto one = remote_of(stand, "1");
  stand.set_faults(R"([{"kind": "status", "status": 500, "method": "DELETE", "times": 2}])");
  stand.sql().run("delete from t where id = 2");
  stand.sql().run("update t set id = 2 where id = 1");
  stand.sql().run("insert into t values (1, 'new one')");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("t"), 2U);
  EXPECT_EQ(remote_of(stand, "2"), one);
  EXPECT_EQ(at(stand, one, "Name"), "one");
  EXPECT_NE(remote_of(stand, "1"), one);
  EXPECT_EQ(at(stand, remote_of(stand, "1"), "Name"), "new one");
}

TEST(ChangedKeys, ShiftedKeysKeepTheirObjects) {
  Stand stand;
  stand.sql().run(t_table);
  stand.begin(by_remote_id(stand), watch_t("Code"));
  stand.sql().run("insert into t values (11, 'eleven'), (12, 'twelve'), (13, 'thirteen')");
  ASSERT_TRUE(stand.settles());
  const auto eleven = remote_of(stand, "11"), twelve = remote_of(stand, "12"), thirteen = remote_of(stand, "13");
  stand.sql().run("update t set id = id + 1");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("t"), 3U);
  EXPECT_EQ(remote_of(stand, "12"), eleven);
  EXPECT_EQ(remote_of(stand, "13"), twelve);
  EXPECT_EQ(remote_of(stand, "14"), thirteen);
  EXPECT_EQ(at(stand, eleven, "Name"), "eleven");
  EXPECT_EQ(at(stand, eleven, "Code"), "12");
  EXPECT_EQ(at(stand, twelve, "Name"), "twelve");
  EXPECT_EQ(at(stand, thirteen, "Name"), "thirteen");
}

TEST(ChangedKeys, SwappedKeysKeepTheirObjects) {
  Stand stand;
  stand.sql().run(t_table);
  stand.begin(by_remote_id(stand), watch_t("Nr"));
  stand.sql().run("insert into t values (1, 'one'), (2, 'two'), (3, 'three')");
  ASSERT_TRUE(stand.settles());
  const auto one = remote_of(stand, "1"), two = remote_of(stand, "2"), three = remote_of(stand, "3");
  stand.sql().run("update t set id = case id when 1 then 2 else 1 end where id in (1, 2)");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(remote_of(stand, "2"), one);
  EXPECT_EQ(remote_of(stand, "1"), two);
  EXPECT_EQ(at(stand, one, "Name") + at(stand, one, "Nr"), "one2");
  EXPECT_EQ(at(stand, two, "Name") + at(stand, two, "Nr"), "two1");
  stand.sql().run("update t set id = id % 3 + 1");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("t"), 3U);
  EXPECT_EQ(at(stand, one, "Name") + at(stand, one, "Nr"), "one3");
  EXPECT_EQ(at(stand, two, "Name") + at(stand, two, "Nr"), "two2");
  EXPECT_EQ(at(stand, three, "Name") + at(stand, three, "Nr"), "three1");
}

TEST(ChangedKeys, OneObjectMayChangeItsKeyTwiceInATransaction) {
  Stand stand;
  stand.sql().run(t_table);
  stand.begin(by_remote_id(stand), watch_t("ExternalId"));
  stand.sql().run("insert into t values (1, 'one')");
  ASSERT_TRUE(stand.settles());
  const auto one = remote_of(stand, "1");
  stand.sql().run("begin; update t set id = 2; update t set id = 3, name = 'uno'; commit");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("t"), 1U);
  EXPECT_EQ(remote_of(stand, "3"), one);
  EXPECT_EQ(at(stand, one, "Name") + at(stand, one, "ExternalId"), "uno3");
}

TEST(ChangedKeys, WhereObjectsAreAddressedByKeyTheOldOneIsRemovedFirst) {
  Stand stand;
  stand.sql().run(t_table);
  stand.begin(watch_t("ExternalId"));
  stand.sql().run("insert into t values (1, 'one')");
  ASSERT_TRUE(stand.settles());
  stand.sql().run("update t set id = 2");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.outcome_of("2", "t"), "delivered");
  EXPECT_EQ(stand.living("t"), 1U);
  EXPECT_EQ(stand.field("t", "2", "Name"), "one");
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.identity where state = 'paired'"), 1);
  // The key that it left is free for another.
  stand.sql().run("insert into t values (1, 'new one')");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("t"), 2U);
  EXPECT_EQ(stand.field("t", "1", "Name"), "new one");
  // Shifted, swapped and moved on: what nobody has any more goes, what somebody has stays.
  stand.sql().run("update t set id = id + 1");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("t"), 2U);
  EXPECT_EQ(stand.field("t", "2", "Name"), "new one");
  EXPECT_EQ(stand.field("t", "3", "Name"), "one");
  stand.sql().run("update t set id = case id when 2 then 3 else 2 end");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("t"), 2U);
  EXPECT_EQ(stand.field("t", "2", "Name"), "one");
  EXPECT_EQ(stand.field("t", "3", "Name"), "new one");
  stand.sql().run("begin; update t set id = 7 where id = 3; update t set id = 8 where id = 7; commit");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("t"), 2U);
  EXPECT_EQ(stand.field("t", "8", "Name"), "new one");
}

TEST(ChangedKeys, WhereNothingCanBeRemovedTheRecordFailsAndSaysWhy) {
  Stand stand;
  stand.sql().run(t_table);
  stand.begin("  second_crm:\n    type: rest\n    url: " + stand.crm().url() +
                  "\n    requests:\n      upsert: { method: PUT, path: \"/{request_type}/external/{object_id}\" }\n",
              "\n  t:\n    table: public.t\n    routes:\n      - { target: second_crm, operations: [create, update], "
              "fields: { id: ExternalId, name: Name } }\n");
  stand.sql().run("insert into t values (1, 'one')");
  ASSERT_TRUE(stand.settles());
  stand.sql().run("update t set id = 2");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.outcome_of("2", "t"), "rejected");
  EXPECT_NE(
      stand.sql().text("select description from tandem.outbox where operation = 'rekey'").find("has changed from 1"),
      std::string::npos);
}

}  // namespace
}  // namespace tandem::test_support
