#include "store/receive.hpp"

#include <gtest/gtest.h>

#include "outbox_scene.hpp"

namespace tandem::test_support {
namespace {

store::Incoming incoming(const std::string& id, const std::string& body = "{}") {
  store::Incoming one;
  one.request_type = "account";
  one.operation = "update";
  one.remote_id = "r" + id;
  one.body = body;
  one.source_record_id = id;
  return one;
}

class Receive : public ::testing::Test {
 protected:
  Receive() {
    scene.admin->run(R"(insert into tandem.source (source, definition) values ('theirs', '{"target": "alpha"}');
      insert into tandem.identity (target, request_type, object_id, remote_id, state) values ('alpha', 'account', 'o2', 'r2', 'paired'),
        ('beta', 'account', 'wrong', 'r1', 'paired'), ('alpha', 'account', 'gone', 'r1', 'deleted'))");
  }
  OutboxScene scene;
};

TEST_F(Receive, StoresInOrderAndEachRecordOnce) {
  auto session = scene.session();
  const std::vector records{incoming("2"), incoming("1"), incoming("2")};
  auto count = store::receive(session, "theirs", records);
  ASSERT_TRUE(count.has_value()) << count.error().message;
  EXPECT_EQ(*count, 2U);
  EXPECT_EQ(*store::receive(session, "theirs", records), 0U);
  EXPECT_EQ(*store::receive(session, "others", records), 2U) << "the id is the source's own";
  const auto rows = scene.admin->rows(
      "select source_record_id, object_id, remote_id, request_state, xid is not null from tandem.inbox where source = "
      "'theirs' order by counter");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0][0], "2");
  EXPECT_EQ(rows[0][1], "o2") << "known by its identity";
  EXPECT_EQ(rows[1][0], "1");
  EXPECT_EQ(rows[1][1], std::nullopt) << "neither another target's nor a deleted identity counts";
  EXPECT_EQ(rows[1][3], "1");
}

TEST_F(Receive, MovesThePositionWithTheRecords) {
  auto session = scene.session();
  ASSERT_TRUE(store::receive(session, "theirs", std::vector{incoming("1")}, R"({"offset": 5})"));
  EXPECT_EQ(scene.admin->text("select position from tandem.source"), R"({"offset": 5})");
  ASSERT_TRUE(store::receive(session, "theirs", std::vector{incoming("3")}));
  EXPECT_EQ(scene.admin->text("select position from tandem.source"), R"({"offset": 5})");
  const auto bad =
      store::receive(session, "theirs", std::vector{incoming("4"), incoming("5", R"("\u0000")")}, R"({"offset": 6})");
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().kind, ErrorKind::refused);
  EXPECT_EQ(scene.admin->text("select position from tandem.source"), R"({"offset": 5})");
  EXPECT_EQ(scene.admin->number("select count(*) from tandem.inbox where source_record_id = '4'"), 0);
  ASSERT_TRUE(store::receive(session, "theirs", {}, R"({"offset": 7})"));
  EXPECT_EQ(scene.admin->text("select position from tandem.source"), R"({"offset": 7})");
}

}  // namespace
}  // namespace tandem::test_support
