#include "support/second_crm/notice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/http_call.hpp"
#include "support/http_fake.hpp"
#include "support/second_crm/server.hpp"
#include "support/wait_for.hpp"

namespace second_crm {
namespace {

using tandem::test_support::answer_with;
using tandem::test_support::http_call;
using tandem::test_support::HttpFake;
using tandem::test_support::wait_for;
using testing::HasSubstr;

int put(const Server& server, const std::string& type, const std::string& body) {
  return http_call(server.port(), "PUT", "/api/" + type + "/external/7", body, {{"Content-Type", "application/json"}})
      .status;
}

TEST(SecondCrmNotice, IsSignedByStandardWebhooks) {  // the example of that specification
  const Notice notice{.id = "msg_p5jXN8AQM9LWM0D4loKWxJek", .body = R"({"test": 2432232314})"};
  EXPECT_EQ(signature_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", notice, "1614265330"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(SecondCrmNotice, TellsOfEveryChangeInOrderUntilItIsTaken) {
  HttpFake subscriber({answer_with(503), answer_with(202)});
  Server server({}, {}, {subscriber.port(), "/told", "whsec_c2VjcmV0", {"account"}});
  EXPECT_EQ(put(server, "account", R"({"Name":"Acme","Website":"a.example"})"), 201);
  EXPECT_EQ(put(server, "product", R"({"Code":"P","Name":"not asked for"})"), 201);
  EXPECT_EQ(put(server, "account", R"({"Website":null})"), 200);
  ASSERT_TRUE(wait_for([&] { return subscriber.answered() == 3; }, std::chrono::seconds(60)));
  const auto told = subscriber.requests();
  EXPECT_EQ(told[0].body, told[1].body) << "not taken the first time";
  EXPECT_EQ(told[0].header("webhook-id"), told[1].header("webhook-id"));
  EXPECT_THAT(told[1].body, HasSubstr(R"("operation":"create")"));
  EXPECT_THAT(told[2].body, HasSubstr(R"("operation":"update")"));
  EXPECT_THAT(told[2].body, HasSubstr(R"("Website":null)")) << "what it has no more is told as well";
  EXPECT_THAT(told[2].body, HasSubstr(R"("version":2)"));
}

TEST(SecondCrmNotice, TheJournalKnowsAWriteThatChangesNothing) {
  Server server;
  EXPECT_EQ(put(server, "account", R"({"Name":"Acme"})"), 201);
  EXPECT_EQ(put(server, "account", R"({"Name":"Acme"})"), 200);
  EXPECT_EQ(server.ask([](Api& api) {
    return std::pair(api.journal().entries().front().changed, api.journal().entries().back().changed);
  }),
            std::pair(true, false));
}

}  // namespace
}  // namespace second_crm
