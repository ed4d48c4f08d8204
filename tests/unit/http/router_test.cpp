#include "http/router.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem::http {
namespace {

using ::testing::HasSubstr;

Router router(std::vector<std::pair<std::string, Secret>> tokens = {}) {
  Router out{Access(tokens)};
  const auto echo = [](const Request& request) {
    Response response;
    for (const auto& [name, value] : request.parameters) response.body += name + "=" + value + ";";
    return response;
  };
  out.add("GET", "/livez", Role::anyone, echo);
  out.add("GET", "/v1/{target}/records/{id}", Role::viewer, echo);
  out.add("POST", "/v1/{target}/pause", Role::operate, echo);
  return out;
}

Request request(std::string method, std::string_view target, std::string authorization = {}) {
  Request out;
  out.method = std::move(method);
  EXPECT_TRUE(split_target(target, out));
  if (!authorization.empty()) out.headers.emplace_back("authorization", std::move(authorization));
  return out;
}

TEST(Router, FillsNamedSegmentsDecoded) {
  EXPECT_EQ(router().respond(request("GET", "/v1/second_crm/records/a%2Fb")).body, "id=a/b;target=second_crm;");
}

TEST(Router, DoesNotMatchEmptySegmentsOrOtherDepths) {
  EXPECT_EQ(router().respond(request("GET", "/v1//records/1")).status, 404);
  EXPECT_EQ(router().respond(request("GET", "/livez/")).status, 404);
  EXPECT_EQ(router().respond(request("GET", "/v1/x/records/%zz")).status, 404);
}

TEST(Router, GivesAllThatLiesBelowAPathToOne) {
  Router below{Access({})};
  below.add_below("/v1/proxy/{target}", Role::anyone, [](const Request& asked, const Respond& respond) {
    Response response;
    response.body = asked.method + " " + asked.path + " " + asked.query_text + " " + asked.parameters.at("target");
    respond(std::move(response));
  });
  EXPECT_EQ(below.respond(request("PATCH", "/v1/proxy/crm/a/%2e/b?x=1&x=%20")).body,
            "PATCH /v1/proxy/crm/a/%2e/b x=1&x=%20 crm");
  EXPECT_EQ(below.respond(request("HEAD", "/v1/proxy/crm/a")).body, "HEAD /v1/proxy/crm/a  crm");
  EXPECT_EQ(below.respond(request("GET", "/v1/proxy/crm")).status, 404);
  EXPECT_EQ(below.respond(request("GET", "/v1/other/crm/a")).status, 404);
}

TEST(Router, TellsWhichMethodsAreAllowed) {
  const Response response = router().respond(request("POST", "/livez"));
  EXPECT_EQ(response.status, 405);
  ASSERT_EQ(response.headers.size(), 1U);
  EXPECT_EQ(response.headers[0], (std::pair<std::string, std::string>{"Allow", "GET"}));
}

TEST(Router, AnswersHeadAsGet) {
  EXPECT_EQ(router().respond(request("HEAD", "/livez")).status, 200);
}

TEST(Router, WithoutTokensEverybodyMay) {
  EXPECT_EQ(router().respond(request("POST", "/v1/x/pause")).status, 200);
}

TEST(Router, AsksForARole) {
  const Router guarded = router({{"viewer", Secret("viewer-token")}, {"operator", Secret("operator-token")}});
  EXPECT_EQ(guarded.respond(request("GET", "/livez")).status, 200);
  EXPECT_EQ(guarded.respond(request("GET", "/v1/x/records/1")).status, 401);
  EXPECT_EQ(guarded.respond(request("GET", "/v1/x/records/1", "Bearer wrong")).status, 401);
  EXPECT_EQ(guarded.respond(request("GET", "/v1/x/records/1", "Basic viewer-token")).status, 401);
  EXPECT_EQ(guarded.respond(request("GET", "/v1/x/records/1", "bearer viewer-token")).status, 200);
  EXPECT_EQ(guarded.respond(request("POST", "/v1/x/pause", "Bearer viewer-token")).status, 403);
  EXPECT_EQ(guarded.respond(request("POST", "/v1/x/pause", "Bearer operator-token")).status, 200);
}

TEST(Message, SplitsQueriesAndRefusesMalformedOnes) {
  Request out;
  ASSERT_TRUE(split_target("/a?x=1&y=a+b%26&z", out));
  EXPECT_EQ(out.path, "/a");
  EXPECT_EQ(out.query.at("x"), "1");
  EXPECT_EQ(out.query.at("y"), "a b&");
  EXPECT_EQ(out.query.at("z"), "");
  EXPECT_FALSE(split_target("/a?x=%0", out));
  EXPECT_FALSE(split_target("/a?x=%00", out));
  EXPECT_FALSE(split_target("http://elsewhere/", out));
}

TEST(Message, ProblemIsQuotedJson) {
  EXPECT_EQ(problem(404, "not found", "/\"x\"").body,
            R"({"type":"about:blank","title":"not found","status":404,"detail":"/\"x\""})");
}

}  // namespace
}  // namespace tandem::http
