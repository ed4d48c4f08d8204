#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "accounts.hpp"
#include "support/http_call.hpp"
#include "support/http_fake.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* token = "token-of-the-caller-inside";

/// The connector before a target that is a script.
class Proxy {
 public:
  explicit Proxy(std::function<FakeAnswer(const FakeRequest&)> script, const std::string& more = "",
                 const std::string& timeout = "1s")
      : fake_(std::move(script)), stand_(options(timeout)) {
    stand_.sql().run(account_table);
    stand_.begin("  second_crm:\n    type: rest\n    url: " + fake_.url("/api") +
                     "\n    auth: { bearer: the-secret-of-the-target }\n"
                     "    requests: { upsert: { method: PUT, path: \"/{request_type}/{object_id}\" }, delete: { "
                     "method: DELETE, path: \"/{request_type}/{object_id}\" } }\n" +
                     more,
                 watch_account);
  }

  HttpReply call(const std::string& method, const std::string& path, const std::string& body = "",
                 const std::string& authorization = std::string("Bearer ") + token) {
    return http_call(stand_.tandem().http_port(), method, path, body,
                     {{"Authorization", authorization}, {"Content-Type", "application/json"}, {"Cookie", "c=1"}});
  }

  HttpFake& fake() { return fake_; }
  Stand& stand() { return stand_; }

 private:
  static Stand::Options options(const std::string& timeout) {
    Stand::Options out;
    out.top = "proxy:\n  timeout: " + timeout +
              std::string("\n  max_body: 2KiB\n  max_answer: 4KiB\n  callers:\n    reports:\n") +
              "      token: " + token + "\n      allow: { second_crm: [\"GET /account/*\", \"POST /report/**\"] }\n";
    return out;
  }
  HttpFake fake_;
  Stand stand_;
};

FakeAnswer echo(const FakeRequest& request) {
  return answer_with(200, request.head + request.body, {{"Set-Cookie", "s=1"}, {"X-Theirs", "yes"}});
}

TEST(Proxy, LendsOurAccessToWhoMayHaveItAndNeverShowsIt) {
  Proxy proxy(echo);
  const auto reply = proxy.call("POST", "/v1/proxy/second_crm/report/a%20b?x=1", "{}");
  EXPECT_EQ(reply.status, 200);
  ASSERT_EQ(proxy.fake().requests().size(), 1U);
  const auto asked = proxy.fake().requests().front();
  EXPECT_EQ(asked.target, "/api/report/a%20b?x=1");
  EXPECT_EQ(asked.header("authorization"), "Bearer the-secret-of-the-target");
  EXPECT_EQ(asked.header("cookie"), "");
  EXPECT_EQ(asked.body, "{}");
  EXPECT_THAT(asked.head, Not(HasSubstr(token)));
  EXPECT_THAT(reply.head, HasSubstr("yes"));
  EXPECT_THAT(reply.head, Not(HasSubstr("s=1")));
  EXPECT_THAT(reply.body, HasSubstr("***"));
  EXPECT_THAT(reply.head + reply.body, Not(HasSubstr("the-secret-of-the-target")));
  EXPECT_FALSE(proxy.stand().tandem().logged(token));
  const auto metrics = http_call(proxy.stand().tandem().http_port(), "GET", "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr(R"(tandem_proxy_requests_total{target="second_crm",status="200"} 1)"));
  EXPECT_THAT(metrics, Not(HasSubstr("the-secret-of-the-target")));
}

TEST(Proxy, RefusesWhatIsNotAllowedBeforeTheTargetHearsOfIt) {
  Proxy proxy(echo);
  EXPECT_EQ(proxy.call("GET", "/v1/proxy/second_crm/account/1", "", "Bearer wrong-token-of-nobody").status, 401);
  EXPECT_EQ(proxy.call("GET", "/v1/proxy/second_crm/account/1", "", "").status, 401);
  EXPECT_EQ(proxy.call("GET", "/v1/proxy/other/account/1").status, 403);
  EXPECT_EQ(proxy.call("DELETE", "/v1/proxy/second_crm/account/1").status, 403);
  EXPECT_EQ(proxy.call("GET", "/v1/proxy/second_crm/contact/1").status, 403);
  for (const char* path : {"/account/..", "/account/%2e%2e", "/account//", "/account/a%2fb", "/account/%00",
                           "/report/../account/1", "/account/%252e%252e"})
    EXPECT_EQ(proxy.call("GET", std::string("/v1/proxy/second_crm") + path).status, 400) << path;
  EXPECT_EQ(proxy.call("GET", "http://127.0.0.1:1/v1/proxy/second_crm/account/1").status, 400) << "absolute form";
  EXPECT_EQ(proxy.call("GET", "/v1/proxy/second_crm/account/1?a=%0d%0a").status, 400);
  EXPECT_EQ(proxy.call("POST", "/v1/proxy/second_crm/report/a", std::string(3'000, 'x')).status, 413);
  EXPECT_TRUE(proxy.fake().requests().empty());
}

TEST(Proxy, BoundsWhatTheTargetAnswersAndDoesNotFollowIt) {
  Proxy proxy([](const FakeRequest& request) {
    if (request.target.ends_with("large")) return answer_with(200, std::string(10'000, 'x'));
    if (request.target.ends_with("silent")) return no_answer();
    if (request.target.ends_with("moved")) return answer_with(302, "", {{"Location", "http://127.0.0.1:1/"}});
    if (request.target.ends_with("wide")) return answer_with(200, "", {{"X-Wide", std::string(70'000, 'x')}});
    if (request.target.ends_with("refused")) return answer_with(401, "who are you");
    return closed_unanswered();
  });
  const auto status_of = [&](const char* what) {
    return proxy.call("POST", std::string("/v1/proxy/second_crm/report/") + what, "{}").status;
  };
  EXPECT_EQ(status_of("large"), 502);
  EXPECT_EQ(status_of("silent"), 504);
  EXPECT_EQ(status_of("moved"), 302);
  EXPECT_EQ(status_of("refused"), 502);
  EXPECT_EQ(status_of("wide"), 502);
  EXPECT_EQ(status_of("cut"), 502);
  EXPECT_EQ(proxy.fake().requests().size(), 6U);
}

TEST(Proxy, KeepsToItsShareWhileDeliveryGoesOn) {
  std::atomic<bool> asked{false}, answering{false};
  Proxy proxy(
      [&](const FakeRequest& request) {
        asked = true;
        const bool held =
            request.method != "POST" || wait_for([&] { return answering.load(); }, std::chrono::seconds(60));
        return answer_with(held ? 200 : 500, "{}");
      },
      "    concurrency: 4\n", "60s");
  // One of four is lent, and that is taken.
  std::jthread first([&] { EXPECT_EQ(proxy.call("POST", "/v1/proxy/second_crm/report/a", "{}").status, 200); });
  EXPECT_TRUE(wait_for([&] { return asked.load(); }, std::chrono::seconds(60)));
  const auto second = proxy.call("POST", "/v1/proxy/second_crm/report/b", "{}");
  EXPECT_EQ(second.status, 429);
  EXPECT_THAT(second.head, HasSubstr("Retry-After: "));
  answering = true;
  first.join();
  proxy.stand().sql().run("insert into account select n, 'n', 1, true from generate_series(1, 20) n");
  EXPECT_TRUE(proxy.stand().settles(std::chrono::seconds(60)));
  EXPECT_EQ(proxy.stand().outcome_of("20", "account"), "delivered");
}

TEST(Proxy, AsksToComeBackWhileTheTargetIsDownOrPausedOrWantsRest) {
  std::atomic<int> status{200};
  Proxy proxy(
      [&](const FakeRequest&) {
        return answer_with(status, "{}",
                           status == 429 ? std::vector<std::pair<std::string, std::string>>{{"Retry-After", "600"}}
                                         : std::vector<std::pair<std::string, std::string>>{});
      },
      "    retry: { count: 1, first: 100ms }\n    breaker: { consecutive_failures: 2, open_first: 60s, open_longest: "
      "60s }\n");
  const auto call = [&] { return proxy.call("GET", "/v1/proxy/second_crm/account/1"); };
  EXPECT_EQ(call().status, 200);
  proxy.stand().sql().text("select tandem.pause('second_crm', null, 'a test')");
  ASSERT_TRUE(wait_for([&] { return call().status == 503; }, std::chrono::seconds(60)));
  EXPECT_THAT(call().head, HasSubstr("Retry-After: "));
  proxy.stand().sql().text("select tandem.resume('second_crm')");
  ASSERT_TRUE(wait_for([&] { return call().status == 200; }, std::chrono::seconds(60)));
  status = 429;
  EXPECT_EQ(call().status, 429) << "theirs";
  const auto asked = proxy.fake().requests().size();
  EXPECT_EQ(call().status, 429) << "ours";
  EXPECT_EQ(proxy.fake().requests().size(), asked);
}

TEST(Proxy, IsClosedWhileTheBreakerIsOpen) {
  Proxy proxy([](const FakeRequest&) { return answer_with(500, "{}"); },
              "    retry: { count: 1, first: 100ms }\n"
              "    breaker: { consecutive_failures: 2, open_first: 60s, open_longest: 60s }\n");
  proxy.stand().sql().run("insert into account select n, 'n', 1, true from generate_series(1, 5) n");
  const auto call = [&] { return proxy.call("GET", "/v1/proxy/second_crm/account/1"); };
  ASSERT_TRUE(wait_for([&] { return call().status == 503; }, std::chrono::seconds(60)));
  EXPECT_THAT(call().head, HasSubstr("Retry-After: "));
}

}  // namespace
}  // namespace tandem::test_support
