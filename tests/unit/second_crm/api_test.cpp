#include "support/second_crm/api.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace second_crm {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

class SecondCrmApi : public testing::Test {
 protected:
  Reply call(std::string method, std::string path, std::string body = "", std::string key = "") {
    Request request;
    request.method = std::move(method);
    const auto question = path.find('?');
    request.path = path.substr(0, question);
    if (question != std::string::npos) request.query = path.substr(question + 1);
    request.content_type = "application/json";
    request.authorization = authorization_;
    request.idempotency_key = std::move(key);
    request.if_match = if_match_;
    request.body = std::move(body);
    return api_.answer(request, now_);
  }
  std::string id_of(const Reply& reply) { return std::get<Json>(parse_json(reply.body)).find("id")->text; }

  Api api_{[] {
    Settings settings;
    settings.access.token = "secret";
    settings.access.client_id = "client";
    settings.access.client_secret = "hush";
    settings.lookup_lag = 100ms;
    return settings;
  }()};
  Time now_{1'000'000s};
  std::string authorization_ = "Bearer secret", if_match_;
};

TEST_F(SecondCrmApi, CreatesUnderItsOwnId) {
  const auto reply = call("POST", "/api/account", R"({"Name":"Acme","ExternalId":"7"})");
  EXPECT_EQ(reply.status, 201);
  EXPECT_THAT(id_of(reply), testing::MatchesRegex("acc_[0-9A-Z]{10}"));
}

TEST_F(SecondCrmApi, RefusesWhatDoesNotFitAndChangesNothing) {
  const auto reply =
      call("POST", "/api/opportunity", R"({"Nam":"x","Stage":"Lost","Amount":"1","CloseDate":"2026-02-29","id":"me"})");
  EXPECT_EQ(reply.status, 422);
  for (const auto* field :
       {R"("Nam","code":"unknown_field")", R"("Stage","code":"misfit")", R"("Amount","code":"misfit")",
        R"("CloseDate","code":"misfit")", R"("id","code":"read_only")", R"("Name","code":"required")"}) {
    EXPECT_THAT(reply.body, HasSubstr(field));
  }
  EXPECT_EQ(api_.store().living("opportunity"), 0U);
}

TEST_F(SecondCrmApi, ReferencesLeadToLivingParentsOnly) {
  const auto account = id_of(call("POST", "/api/account", R"({"Name":"Acme"})"));
  EXPECT_EQ(call("POST", "/api/contact", R"({"LastName":"A","AccountId":"acc_0000000000"})").status, 422);
  const auto contact = id_of(call("POST", "/api/contact", R"({"LastName":"A","AccountId":")" + account + "\"}"));
  EXPECT_EQ(call("DELETE", "/api/account/" + account).status, 409);
  EXPECT_EQ(call("DELETE", "/api/contact/" + contact).status, 204);
  EXPECT_EQ(call("DELETE", "/api/account/" + account).status, 204);
  EXPECT_EQ(call("POST", "/api/contact", R"({"LastName":"A","AccountId":")" + account + "\"}").status, 422);
}

TEST_F(SecondCrmApi, TellsTheDeletedFromTheUnknown) {
  const auto id = id_of(call("POST", "/api/account", R"({"Name":"Acme"})"));
  call("DELETE", "/api/account/" + id);
  EXPECT_EQ(call("PATCH", "/api/account/" + id, R"({"Name":"B"})").status, 410);
  EXPECT_EQ(call("DELETE", "/api/account/" + id).status, 410);
  EXPECT_EQ(call("PATCH", "/api/account/acc_0000000000", R"({"Name":"B"})").status, 404);
}

TEST_F(SecondCrmApi, UpsertsByExternalIdOnce) {
  EXPECT_EQ(call("PUT", "/api/account/external/a%2Fb", R"({"Name":"A","Website":"w"})").status, 201);
  const auto reply = call("PUT", "/api/account/external/a%2Fb", R"({"Name":"B","Website":null})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr(R"("ExternalId":"a/b","Name":"B"})"));
  EXPECT_EQ(call("PUT", "/api/account/external/x", R"({"Name":"A","ExternalId":"y"})").status, 422);
  EXPECT_EQ(api_.store().living("account"), 1U);
}

TEST_F(SecondCrmApi, ASecondCreateWithTheSameExternalIdIsADuplicate) {
  call("POST", "/api/account", R"({"Name":"Acme","ExternalId":"7"})");
  EXPECT_EQ(call("POST", "/api/account", R"({"Name":"Acme","ExternalId":"7"})").status, 409);
}

TEST_F(SecondCrmApi, ALookupLagsBehindACreate) {
  call("POST", "/api/account", R"({"Name":"Acme","ExternalId":"7"})");
  EXPECT_EQ(call("GET", "/api/account?external_id=7").body, R"({"items":[]})");
  now_ += 100ms;
  EXPECT_THAT(call("GET", "/api/account?external_id=7").body, HasSubstr("Acme"));
}

TEST_F(SecondCrmApi, ListsByOrderOfChangeWithTombstones) {
  const auto first = id_of(call("POST", "/api/account", R"({"Name":"A"})"));
  const auto second = id_of(call("POST", "/api/account", R"({"Name":"B"})"));
  call("DELETE", "/api/account/" + first);
  const auto all = call("GET", "/api/account?after=0").body;
  EXPECT_LT(all.find(second), all.find(first));
  EXPECT_THAT(all, HasSubstr(R"("deleted":true)"));
  EXPECT_THAT(all, HasSubstr(R"("next":3})"));
}

TEST_F(SecondCrmApi, AnOldVersionIsRefused) {
  const auto id = id_of(call("POST", "/api/account", R"({"Name":"A"})"));
  if_match_ = "\"1\"";
  EXPECT_EQ(call("PATCH", "/api/account/" + id, R"({"Name":"B"})").status, 200);
  EXPECT_EQ(call("PATCH", "/api/account/" + id, R"({"Name":"C"})").status, 412);
}

TEST_F(SecondCrmApi, TheSameKeyHasTheSameAnswerAndOneEffect) {
  const auto first = call("POST", "/api/account", R"({"Name":"A"})", "\"k\"");
  const auto again = call("POST", "/api/account", R"({"Name":"A"})", "k");
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(call("POST", "/api/account", R"({"Name":"B"})", "k").status, 422);
  EXPECT_EQ(api_.store().living("account"), 1U);
}

TEST_F(SecondCrmApi, AKeyWhoseRequestIsStillRunningIsAConflict) {
  api_.faults().set({{.kind = FaultKind::slow, .delay = 1s, .times = 1}});
  EXPECT_EQ(call("POST", "/api/account", R"({"Name":"A"})", "k").delay, 1s);
  EXPECT_EQ(call("POST", "/api/account", R"({"Name":"A"})", "k").status, 409);
  now_ += 1s;
  EXPECT_EQ(call("POST", "/api/account", R"({"Name":"A"})", "k").status, 201);
}

TEST_F(SecondCrmApi, BatchesAnswerRecordByRecord) {
  const auto reply = call("POST", "/api/batch/account", R"({"records":[{"id":"r1","op":"create","data":{"Name":"A"}},
    {"id":"r2","op":"create","data":{}},{"id":"r3","op":"upsert","external_id":"9","data":{"Name":"C"}}]})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr(R"({"id":"r2","ok":false,"status":422)"));
  EXPECT_LT(reply.body.find("r3"), reply.body.find("r1"));  // in no order to rely on
  EXPECT_EQ(api_.store().living("account"), 2U);
  EXPECT_EQ(api_.journal().entries().size(), 3U);
}

TEST_F(SecondCrmApi, ChecksWhoCalls) {
  authorization_ = "Bearer wrong";
  EXPECT_EQ(call("GET", "/api/account?after=0").status, 401);
  const auto granted =
      call("POST", "/oauth/token", "grant_type=client_credentials&client_id=client&client_secret=hush");
  EXPECT_EQ(granted.status, 200);
  authorization_ = "Bearer " + std::get<Json>(parse_json(granted.body)).find("access_token")->text;
  EXPECT_EQ(call("GET", "/api/account?after=0").status, 200);
  now_ += 3600s;
  EXPECT_EQ(call("GET", "/api/account?after=0").status, 401);
  EXPECT_EQ(call("POST", "/oauth/token", "grant_type=client_credentials&client_id=client&client_secret=guess").status,
            401);
}

TEST_F(SecondCrmApi, AFaultBeforeItsEffectChangesNothingAndAfterItDoes) {
  api_.faults().set(
      {{.kind = FaultKind::status, .status = 500, .times = 1},
       {.kind = FaultKind::status, .moment = Moment::after_effect, .status = 503, .retry_after = 7s, .times = 1},
       {.kind = FaultKind::hidden_error, .times = 1}});
  EXPECT_EQ(call("POST", "/api/account", R"({"Name":"A"})").status, 500);
  EXPECT_EQ(api_.store().living("account"), 0U);
  const auto late = call("POST", "/api/account", R"({"Name":"A"})");
  EXPECT_EQ(late.status, 503);
  EXPECT_THAT(late.headers, testing::Contains(testing::Pair("Retry-After", "7")));
  EXPECT_EQ(api_.store().living("account"), 1U);
  const auto hidden = call("POST", "/api/account", R"({"Name":"A"})");
  EXPECT_EQ(hidden.status, 200);
  EXPECT_THAT(hidden.body, HasSubstr("error"));
  EXPECT_EQ(api_.store().living("account"), 1U);
}

TEST_F(SecondCrmApi, AShareOfFaultsIsTheSameEveryTime) {
  const auto statuses = [this] {
    api_.faults().set({{.kind = FaultKind::status, .status = 500, .share = 0.2}}, 42);
    std::string seen;
    for (int i = 0; i < 1000; ++i) seen += call("GET", "/api/account?after=0").status == 500 ? 'x' : '.';
    return seen;
  };
  const auto first = statuses();
  EXPECT_EQ(statuses(), first);
  EXPECT_NEAR(static_cast<double>(std::ranges::count(first, 'x')), 200, 40);
}

TEST_F(SecondCrmApi, TheJournalTellsEveryWriteInOrder) {
  call("PUT", "/api/account/external/7", R"({"Name":"A"})", "k1");
  api_.faults().set({{.kind = FaultKind::status, .status = 500, .times = 1}});
  call("PUT", "/api/account/external/7", R"({"Name":"B"})", "k2");
  call("PUT", "/api/account/external/7", R"({"Name":"B"})", "k2");
  const auto writes = api_.journal().writes_of("account", "7");
  ASSERT_EQ(writes.size(), 3U);
  EXPECT_TRUE(writes[0].in_effect);
  EXPECT_FALSE(writes[1].in_effect);
  EXPECT_EQ(writes[1].status, 500);
  EXPECT_EQ(writes[2].version, 2U);
  EXPECT_EQ(writes[2].idempotency_key, "k2");
}

}  // namespace
}  // namespace second_crm
