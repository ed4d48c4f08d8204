#include "target/proxy_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(ProxyRules, APathIsDecodedSegmentBySegment) {
  EXPECT_THAT(*safe_segments("/account/a%20b/%E2%82%AC"), ElementsAre("account", "a b", "€"));
  EXPECT_THAT(*safe_segments("/a;v=1/b"), ElementsAre("a;v=1", "b"));
}

TEST(ProxyRules, APathThatCouldNameAnotherThingIsRefused) {
  for (const char* path : {"",         "account", "/",         "//",        "/a//b",  "/a/",    "/a/..",
                           "/../a",    "/a/./b",  "/%2e%2e/a", "/a/%2E./b", "/a%2fb", "/a%2Fb", "/a%5cb",
                           "/a\\b",    "/a%00",   "/a%0d%0ab", "/a%",       "/a%4",   "/a%zz",  "/%252e%252e/a",
                           "/a%252fb", "/..;/a",  "/.;x/a",    "/;/a",      "/a%7f"})
    EXPECT_FALSE(safe_segments(path)) << path;
}

TEST(ProxyRules, AQueryIsPassedOnAsItIsWhereItIsOne) {
  EXPECT_TRUE(safe_query("a=1&b=%20x+y&c=/d?e"));
  for (const char* query : {"a b", "a%00", "a%0a", "a#b", "a%", "a\\b", "a\rb"})
    EXPECT_FALSE(safe_query(query)) << query;
}

TEST(ProxyRules, ACallerMayWhatItsRulesName) {
  ProxyCaller caller;
  caller.allow = {{"crm", "GET", {"account", "*"}}, {"crm", "POST", {"report", "**"}}};
  const auto may = [&](const char* target, const char* method, const char* path) {
    return allowed(caller, target, method, *safe_segments(path));
  };
  EXPECT_TRUE(may("crm", "GET", "/account/7"));
  EXPECT_TRUE(may("crm", "GET", "/%61ccount/7")) << "what it says decides, not how it is written";
  EXPECT_TRUE(may("crm", "POST", "/report/a/b"));
  EXPECT_FALSE(may("crm", "POST", "/report"));
  EXPECT_FALSE(may("crm", "GET", "/account"));
  EXPECT_FALSE(may("crm", "GET", "/account/7/notes"));
  EXPECT_FALSE(may("crm", "GET", "/accounts/7"));
  EXPECT_FALSE(may("crm", "GET", "/Account/7"));
  EXPECT_FALSE(may("crm", "DELETE", "/account/7"));
  EXPECT_FALSE(may("crm", "get", "/account/7"));
  EXPECT_FALSE(may("erp", "GET", "/account/7"));
}

TEST(ProxyRules, WhatIsTheCallersOwnIsNotPassedOn) {
  TargetSettings target;
  target.auth.header_name = "X-Api-Key";
  target.headers = {{"X-App", "tandem"}};
  const auto request = lent_request(target, "POST", {"a b", "c"}, "x=1",
                                    {{"authorization", "Bearer caller"},
                                     {"cookie", "c=1"},
                                     {"host", "evil.example"},
                                     {"connection", "close, X-Hop"},
                                     {"x-hop", "1"},
                                     {"transfer-encoding", "chunked"},
                                     {"content-length", "3"},
                                     {"proxy-authorization", "Basic eA=="},
                                     {"x-forwarded-for", "10.0.0.1"},
                                     {"x-forwarded-prefix", "/admin"},
                                     {"x-http-method-override", "DELETE"},
                                     {"x-http-method", "DELETE"},
                                     {"x-method-override", "DELETE"},
                                     {"x-original-url", "/admin"},
                                     {"x-rewrite-url", "/admin"},
                                     {"x_http_method_override", "DELETE"},
                                     {"x-api-key", "caller's"},
                                     {"x-app", "caller's"},
                                     {"content-type", "text/plain"},
                                     {"if-match", "\"3\""}},
                                    "abc");
  ASSERT_TRUE(request);
  EXPECT_THAT(request->headers, ElementsAre("content-type: text/plain", "if-match: \"3\""));
  EXPECT_EQ(request->url, "/a%20b/c?x=1");
  EXPECT_EQ(request->body, "abc");
  EXPECT_EQ(request->repeat, Repeat::never);
  EXPECT_FALSE(lent_request(target, "GET", {"a"}, "", {{"x-split", "a\r\nX-Evil: 1"}}, ""));
}

CallOutcome answered(int status, std::string head, std::string body = {}) {
  CallOutcome out;
  out.answer.status = status;
  out.answer.head = std::move(head);
  out.answer.body = std::move(body);
  return out;
}

TEST(ProxyRules, TheirAnswerComesBackWithoutTheirSessionAndOurSecrets) {
  Scrubber scrubber;
  scrubber.add("our-secret");
  const auto answer = loan_answer(
      answered(404,
               "Content-Type: text/plain\r\nSet-Cookie: s=1\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-Echo: our-secret\r\n",
               "you sent our-secret"),
      scrubber, {});
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.problem, IsEmpty());
  EXPECT_THAT(answer.headers, ElementsAre(Pair("content-type", "text/plain"), Pair("x-echo", "***")));
  EXPECT_EQ(answer.body, "you sent ***");
  EXPECT_THAT(loan_answer(answered(302, "Location: http://elsewhere/\r\n"), scrubber, {}).headers,
              Contains(Pair("location", "http://elsewhere/")))
      << "whoever asked may follow it";
}

TEST(ProxyRules, WhatIsNotTheCallersFaultIsAProblemOfOurs) {
  const Scrubber scrubber;
  const auto status_of = [&](HttpFailure failure) {
    CallOutcome out;
    out.answer.failure = failure;
    const auto answer = loan_answer(out, scrubber, {});
    EXPECT_FALSE(answer.problem.empty());
    return answer.status;
  };
  EXPECT_EQ(status_of(HttpFailure::timeout), 504);
  EXPECT_EQ(status_of(HttpFailure::connect), 502);
  EXPECT_EQ(status_of(HttpFailure::cut), 502);
  EXPECT_EQ(status_of(HttpFailure::too_large), 502);
  EXPECT_EQ(status_of(HttpFailure::withheld), 503);
  EXPECT_EQ(loan_answer(answered(401, ""), scrubber, {}).status, 502) << "our credentials, not the caller's";
  const auto busy = loan_answer(answered(429, "Retry-After: 7\r\n"), scrubber, {});
  EXPECT_EQ(busy.status, 429);
  EXPECT_TRUE(busy.throttled);
  EXPECT_EQ(busy.rest, std::chrono::seconds(7));
  const auto long_header =
      loan_answer(answered(429, "Retry-After: 7\r\nX-Long: " + std::string(70'000, 'x')), scrubber, {});
  EXPECT_EQ(long_header.status, 502);
  EXPECT_FALSE(long_header.problem.empty());
  EXPECT_EQ(long_header.rest, std::chrono::seconds(7)) << "the target is asked for rest all the same";
}

TEST(ProxyRules, OnlyAFailureOfTheTargetMakesDeliveryRest) {
  const auto rest_after = [](int status) {
    return loan_answer(answered(status, "Retry-After: 7\r\n"), Scrubber(), {}).rest;
  };
  for (const int status : {200, 202, 301, 404, 409, 413}) EXPECT_FALSE(rest_after(status)) << status;
  for (const int status : {429, 500, 503}) EXPECT_EQ(rest_after(status), std::chrono::seconds(7)) << status;
}

}  // namespace
}  // namespace tandem
