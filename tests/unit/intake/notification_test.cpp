#include "intake/notification.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

using Header = std::pair<std::string_view, std::string_view>;

/// What a topic's messages say; webhook_test.cpp has the rest.
class NotificationTest : public ::testing::Test {
 protected:
  NotificationTest() {
    RouteSettings route;
    route.target = "crm";
    route.request_type = "account";
    route.apply.emplace();
    settings.routes.push_back(route);
    source.target = "crm";
    source.topics.emplace();
    auto& told = source.notification;
    told.id = "key";
    told.request_type = "header:request_type";
    told.event = "header:record_id";
    told.body = "";
  }
  void as_cloudevents() {
    auto& told = source.notification;
    told = {};
    told.id = "/subject";
    told.request_type = "/type";
    told.type_tells_operation = true;
    told.event = "/id";
    told.body = "/data";
  }
  auto read(const Told& told) { return NotificationReader(settings, source).read(told); }

  Settings settings;
  SourceSettings source;
  const std::vector<Header> headers{
      {"record_id", "r1"}, {"request_type", "account"}, {"operation", "create"}, {"object_id", "7"}};
};

TEST_F(NotificationTest, ReadsAMessageAsOurKafkaTargetWritesIt) {
  const auto record = read({R"({"name": "a"})", "7", "crm.account", {}, headers});
  ASSERT_TRUE(record.has_value()) << record.error();
  EXPECT_EQ(record->request_type, "account");
  EXPECT_EQ(record->operation, "create");
  EXPECT_EQ(record->remote_id, "7");
  EXPECT_EQ(record->object_id, "");
  EXPECT_EQ(record->source_record_id, "r1");
  EXPECT_EQ(record->body, R"({"name": "a"})");
}

TEST_F(NotificationTest, ATombstoneIsADelete) {
  auto record = read({{}, "7", "crm.account", {}, headers});
  ASSERT_TRUE(record.has_value()) << record.error();
  EXPECT_EQ(record->operation, "delete");
  EXPECT_EQ(record->remote_id, "7");
  EXPECT_EQ(record->source_record_id, "r1");
  as_cloudevents();
  record = read({{}, "7", "crm.account", {}, headers});
  ASSERT_TRUE(record.has_value()) << "an event that is not there tells nothing; key and headers do: " << record.error();
  EXPECT_EQ(record->operation, "delete");
  EXPECT_EQ(record->remote_id, "7");
  EXPECT_EQ(record->source_record_id, "r1");
  EXPECT_FALSE(read({{}, {}, "crm.account", {}, headers}).has_value()) << "of which object?";
}

TEST_F(NotificationTest, ACloudEventTellsTypeAndOperationInOneWord) {
  as_cloudevents();
  auto record = read({R"({"id":"e1","type":"account.delete","subject":"7"})"});
  ASSERT_TRUE(record.has_value()) << record.error();
  EXPECT_EQ(record->operation, "delete");
  EXPECT_EQ(record->request_type, "account");
  EXPECT_EQ(record->source_record_id, "e1");
  EXPECT_FALSE(read({R"({"id":"e1","type":"account.exploded","subject":"7","data":{}})"}).has_value());
  source.notification.operations = {{"exploded", "delete"}};
  record = read({R"({"id":"e1","type":"account.exploded","subject":"7","data":{}})"});
  ASSERT_TRUE(record.has_value()) << record.error();
  EXPECT_EQ(record->operation, "delete");
  source.notification.types = {{"com.erp.customer.changed", "account"}};
  record = read({R"({"id":"e1","type":"com.erp.customer.changed","subject":"7","data":{}})"});
  ASSERT_TRUE(record.has_value()) << "a type that is translated as a whole says nothing of the operation";
  EXPECT_EQ(record->operation, "update");
}

TEST_F(NotificationTest, AProducerWithoutOurHeadersTellsTheNewestImage) {
  source.notification.request_type = "topic";
  source.notification.types = {{"master.customer", "account"}};
  const auto record = read({R"({"name": "a"})", "7", "master.customer"});
  ASSERT_TRUE(record.has_value()) << record.error();
  EXPECT_EQ(record->operation, "update");
  EXPECT_EQ(record->request_type, "account");
  EXPECT_EQ(record->source_record_id, "") << "the message's place is its id";
  EXPECT_FALSE(read({R"({"name": "a"})", "7", "another.topic"}).has_value());
}

TEST_F(NotificationTest, AFlagTellsThatTheObjectIsGone) {
  source.notification.deleted = "/gone";
  const auto operation = [&](std::string_view value) {
    const auto record = read({R"({"gone": )" + std::string(value) + "}", "7", "t", {}, headers});
    return record ? record->operation : record.error();
  };
  for (const char* value : {"true", "1", R"("2024-01-01")", R"("yes")"}) EXPECT_EQ(operation(value), "delete") << value;
  for (const char* value : {"false", "0", "null", R"("")"}) EXPECT_EQ(operation(value), "create") << value;
}

TEST_F(NotificationTest, AConfirmationNamesOurRecord) {
  const std::string id = "00000000-0007-8abc-9def-0123456789ab";
  source.confirmations = ConfirmationSettings{"/confirms", "/error", "/error", "/id"};
  const std::string_view change = R"({"name": "a"})";
  EXPECT_EQ(read({change, "7", "crm.account", {}, headers})->confirms, "") << "what names none is a change";
  auto record = read({R"({"confirms": ")" + id + R"(", "id": 12})", "7", "t", {}, headers});
  ASSERT_TRUE(record.has_value()) << record.error();
  EXPECT_EQ(record->confirms, id);
  EXPECT_FALSE(record->failed);
  EXPECT_EQ(record->remote_id, "12");
  EXPECT_EQ(record->source_record_id, "r1");
  record = read({R"({"confirms": ")" + id + R"(", "id": 12, "error": {"why": "full"}})", "7", "t", {}, headers});
  ASSERT_TRUE(record.has_value()) << record.error();
  EXPECT_TRUE(record->failed);
  EXPECT_EQ(record->error, R"({"why": "full"})");
  EXPECT_EQ(record->remote_id, "") << "of what has failed there is none";
  record = read({R"({"confirms": "r1"})", "7", "t", {}, headers});
  EXPECT_EQ(record.error(), "no record_id at /confirms: r1");
}

TEST_F(NotificationTest, AConfirmationThatHasNoIdOfItsOwnMayComeAgainForTheSameRecord) {
  const std::string id = "00000000-0007-8abc-9def-0123456789ab";
  source.confirmations = ConfirmationSettings{"header:record_id", "", "", ""};
  const std::vector<Header> named{{"record_id", id}};
  const auto record = read({{}, "7", "t", {}, named});
  ASSERT_TRUE(record.has_value()) << record.error();
  EXPECT_EQ(record->confirms, id);
  EXPECT_EQ(record->source_record_id, "") << "its place in the topic is its id";
}

}  // namespace
}  // namespace tandem
