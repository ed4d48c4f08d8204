#include "intake/webhook.hpp"

#include <gtest/gtest.h>

#include "intake/signature.hpp"

namespace tandem {
namespace {

const WallTime now{std::chrono::seconds(1'700'000'000)};

class WebhookTest : public ::testing::Test {
 protected:
  WebhookTest() {
    for (const char* type : {"account", "contact"}) {
      RouteSettings route;
      route.target = "crm";
      route.request_type = type;
      route.apply.emplace();
      settings.routes.push_back(route);
    }
    RouteSettings one_way;
    one_way.target = "crm";
    one_way.request_type = "order";
    settings.routes.push_back(one_way);
    source.target = "crm";
    source.notification.request_type = "/type";
    source.notification.operation = "/op";
    source.notification.operations = {{"deleted", "delete"}};
    source.notification.types = {{"Account", "account"}};
    source.notification.version = "/version";
    source.notification.event = "/event";
    source.notification.object_id = "/ours";
  }

  auto read(std::string body, std::vector<std::pair<std::string, std::string>> headers = {}) {
    return Webhook(settings, source).read({std::move(headers), std::move(body)}, now);
  }
  int status_of(const std::string& body, std::vector<std::pair<std::string, std::string>> headers = {}) {
    const auto records = read(body, std::move(headers));
    return records ? 202 : records.error().status;
  }

  Settings settings;
  SourceSettings source;
};

TEST_F(WebhookTest, ReadsWhatThePointersName) {
  const auto records = read(
      R"({"type": "Account", "op": "deleted", "id": 12345678901234567890, "ours": "a1", "version": 7, "event": "e", "data": {"n": 1.50}})",
      {{"traceparent", "00-aa"}});
  ASSERT_TRUE(records.has_value()) << records.error().detail;
  ASSERT_EQ(records->size(), 1U);
  const auto& one = records->front();
  EXPECT_EQ(one.request_type, "account");
  EXPECT_EQ(one.operation, "delete");
  EXPECT_EQ(one.remote_id, "12345678901234567890");
  EXPECT_EQ(one.object_id, "a1");
  EXPECT_EQ(one.version, "7");
  EXPECT_EQ(one.source_record_id, "e");
  EXPECT_EQ(one.body, R"({"n": 1.50})");
  EXPECT_EQ(one.trace_context, "00-aa");
}

TEST_F(WebhookTest, TakesArraysAndBatchesBehindAPointer) {
  const auto records = read(R"([{"type":"contact","op":"create","id":"1","data":{}},
                               {"type":"contact","op":"update","id":"2"}])",
                            {{"webhook-id", "msg"}});
  ASSERT_TRUE(records.has_value()) << records.error().detail;
  ASSERT_EQ(records->size(), 2U);
  EXPECT_EQ((*records)[0].source_record_id, "msg#0");
  EXPECT_EQ((*records)[1].source_record_id, "msg#1");
  EXPECT_EQ((*records)[1].body, "") << "only the id is told";
  source.notification.records = "/events";
  const auto behind = read(R"({"events":[{"type":"contact","op":"create","id":"1","data":{}}]})");
  ASSERT_TRUE(behind.has_value());
  EXPECT_EQ(behind->size(), 1U);
  EXPECT_EQ(status_of(R"({"events":{}})"), 422);
  EXPECT_EQ(status_of(R"({})"), 422);
}

TEST_F(WebhookTest, GivesASingleRecordTheIdOfItsMessage) {
  const auto records = read(R"({"type":"contact","op":"create","id":"1","data":{}})", {{"webhook-id", "msg"}});
  ASSERT_TRUE(records.has_value());
  EXPECT_EQ(records->front().source_record_id, "msg");
  const auto first = read(R"({"type":"contact","op":"create","id":"1","data":{}})");
  const auto second = read(R"({"type":"contact","op":"create","id":"1","data":{}})");
  EXPECT_NE(first->front().source_record_id, second->front().source_record_id);
}

TEST_F(WebhookTest, RefusesWhatItDoesNotUnderstandAsAWhole) {
  EXPECT_EQ(status_of("{"), 422);
  EXPECT_EQ(status_of("[1]"), 422);
  EXPECT_EQ(status_of("\"text\""), 422);
  EXPECT_EQ(status_of(R"({"type":"unknown","op":"create","id":"1","data":{}})"), 422);
  EXPECT_EQ(status_of(R"({"type":"order","op":"create","id":"1","data":{}})"), 422) << "goes one way";
  EXPECT_EQ(status_of(R"({"type":"contact","op":"explode","id":"1","data":{}})"), 422);
  EXPECT_EQ(status_of(R"({"type":"contact","op":"create","data":{}})"), 422) << "no id";
  EXPECT_EQ(status_of(R"({"type":"contact","op":"create","id":"1","data":[]})"), 422);
  EXPECT_EQ(status_of(R"({"type":"contact","op":"create","id":"a\u0000b","data":{}})"), 422);
  EXPECT_EQ(status_of(R"([{"type":"contact","op":"create","id":"1","data":{}},{"type":"?"}])"), 422);
  EXPECT_EQ(status_of("[]"), 202);
}

TEST_F(WebhookTest, RefusesWhatIsTooLargeBeforeAnythingElse) {
  source.max_body_bytes = 100;
  source.header_name = "x-token";
  EXPECT_EQ(status_of(std::string(101, 'x')), 413);
}

TEST_F(WebhookTest, EveryConfiguredWayToAuthenticateMustAgree) {
  const std::string body = R"({"type":"contact","op":"create","id":"1","data":{}})";
  source.signing = {Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")};
  source.header_name = "x-token";
  source.header_value = Secret("shared");
  source.username = "u";
  source.password = Secret("p");
  const std::string signature = sign(source.signing[0], "m", "1700000000", body);
  const std::vector<std::pair<std::string, std::string>> good{{"webhook-id", "m"},
                                                              {"webhook-timestamp", "1700000000"},
                                                              {"webhook-signature", signature},
                                                              {"x-token", "shared"},
                                                              {"authorization", "Basic dTpw"}};
  EXPECT_EQ(status_of(body, good), 202);
  for (std::size_t missing = 0; missing < good.size(); ++missing) {
    auto some = good;
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(missing));
    EXPECT_EQ(status_of(body, some), 401) << good[missing].first;
  }
  auto wrong = good;
  wrong[3].second = "shareD";
  EXPECT_EQ(status_of(body, wrong), 401);
  EXPECT_EQ(status_of(body + " ", good), 401);
}

}  // namespace
}  // namespace tandem
