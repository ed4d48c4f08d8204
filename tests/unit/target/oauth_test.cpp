#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "target/rest_target.hpp"
#include "unit/target/rest_bench.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using namespace test_support;
using testing::HasSubstr;
using testing::Not;

/// Issues tokens t1, t2, …; the API takes `valid` alone.
struct TokenServer {
  std::atomic<int> issued = 0;
  std::atomic<int> revoked_below = 0;  ///< tokens with a lower number are refused
  std::string extra = ",\"expires_in\":3600";
  int token_status = 200;
  std::string token_body;
  HttpFake fake{[this](const FakeRequest& request) { return answer(request); }};

  FakeAnswer answer(const FakeRequest& request) {
    if (request.target == "/token") {
      if (token_status != 200 || !token_body.empty()) return answer_with(token_status, token_body);
      return answer_with(
          200, "{\"access_token\":\"t" + std::to_string(++issued) + "\",\"token_type\":\"Bearer\"" + extra + "}");
    }
    const std::string token = request.header("authorization");
    const bool good = token.starts_with("Bearer t") && std::stoi(token.substr(8)) >= revoked_below;
    return good ? answer_with(201, "{\"id\":1}") : answer_with(401, "{\"message\":\"expired " + token + "\"}");
  }
  [[nodiscard]] int count(std::string_view target) const {
    int n = 0;
    for (const auto& request : fake.requests()) n += request.target == target;
    return n;
  }
};

void with_oauth(RestBench& bench, const TokenServer& server, OAuthGrant grant = OAuthGrant::client_credentials) {
  AuthSettings& auth = bench.crm().auth;
  auth.kind = AuthKind::oauth2;
  auth.grant = grant;
  auth.token_url = server.fake.url("/token");
  auth.client_id = "client";
  auth.client_secret = Secret("shh&=");
}

TEST(OAuth, FetchesATokenOnceForAll) {
  TokenServer server;
  RestBench bench(server.fake);
  with_oauth(bench, server);
  bench.crm().auth.scope = "api write";
  bench.make();
  for (int i = 1; i <= 10; ++i) bench.target->start({0, {RestBench::attempt(i)}});
  bench.turn_until_answered(10);
  for (const auto& [counter, answer] : bench.answers) EXPECT_EQ(answer.error, ErrorClass::none) << answer.description;
  EXPECT_EQ(server.count("/token"), 1);
  bench.send(RestBench::attempt(11));
  EXPECT_EQ(server.count("/token"), 1) << "kept";
  const FakeRequest request = server.fake.requests().at(0);
  EXPECT_EQ(request.body, "grant_type=client_credentials&client_id=client&client_secret=shh%26%3D&scope=api%20write");
  EXPECT_EQ(request.header("content-type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(request.header("authorization"), "");
}

TEST(OAuth, PasswordGrant) {
  TokenServer server;
  RestBench bench(server.fake);
  with_oauth(bench, server, OAuthGrant::password);
  bench.crm().auth.username = "me@x";
  bench.crm().auth.password = Secret("p w");
  EXPECT_EQ(bench.send(RestBench::attempt(1)).error, ErrorClass::none);
  EXPECT_EQ(server.fake.requests().at(0).body,
            "grant_type=password&username=me%40x&password=p%20w&client_id=client&client_secret=shh%26%3D");
}

TEST(OAuth, ARefusedTokenIsRenewedOnceForAll) {
  TokenServer server;
  RestBench bench(server.fake);
  with_oauth(bench, server);
  bench.send(RestBench::attempt(1));
  server.revoked_below = 2;
  bench.answers.clear();
  for (int i = 2; i <= 9; ++i) bench.target->start({0, {RestBench::attempt(i)}});
  bench.turn_until_answered(8);
  for (const auto& [counter, answer] : bench.answers) EXPECT_EQ(answer.error, ErrorClass::none) << answer.description;
  EXPECT_EQ(server.count("/token"), 2) << "eight refusals, one new token";
}

TEST(OAuth, ATokenThatIsRefusedAgainIsAuth) {
  TokenServer server;
  server.revoked_below = 1000;
  RestBench bench(server.fake);
  with_oauth(bench, server);
  const Answer answer = bench.send(RestBench::attempt(1));
  EXPECT_EQ(answer.error, ErrorClass::auth);
  EXPECT_EQ(answer.status, 401);
  EXPECT_FALSE(answer.maybe_in_effect);
  EXPECT_EQ(answer.doubt, Doubt::none);
  EXPECT_EQ(answer.description, "answered 401: expired Bearer ***");
  EXPECT_EQ(server.count("/api/opportunity"), 2) << "repeated once";
}

TEST(OAuth, ATokenEndpointThatFailsIsNotTheRecordsFault) {
  struct Case {
    int status;
    const char* body;
    ErrorClass error;
  };
  for (const Case& c :
       {Case{400, R"({"error":"invalid_grant","error_description":"expired shh&= code"})", ErrorClass::auth},
        Case{401, "{}", ErrorClass::auth}, Case{403, "", ErrorClass::auth}, Case{404, "", ErrorClass::auth},
        Case{429, "", ErrorClass::throttled}, Case{500, "", ErrorClass::unavailable},
        Case{200, "{\"error\":\"x\"}", ErrorClass::unavailable}, Case{200, "<html>", ErrorClass::unavailable},
        Case{200, "{\"access_token\":\"a\\r\\nb\"}", ErrorClass::unavailable},
        Case{302, "", ErrorClass::unavailable}}) {
    TokenServer server;
    server.token_status = c.status;
    server.token_body = c.body[0] == '\0' ? "{}" : c.body;
    RestBench bench(server.fake);
    with_oauth(bench, server);
    const Answer answer = bench.send(RestBench::attempt(1));
    EXPECT_EQ(answer.error, c.error) << c.status << c.body;
    EXPECT_EQ(answer.doubt, Doubt::none);
    EXPECT_FALSE(answer.maybe_in_effect);
    EXPECT_THAT(answer.description, HasSubstr("token endpoint"));
    EXPECT_THAT(answer.description, Not(HasSubstr("shh")));
    EXPECT_EQ(server.count("/api/opportunity"), 0);
  }
}

TEST(OAuth, AFailedEndpointIsLeftAloneForAMoment) {
  TokenServer server;
  server.token_status = 500;
  RestBench bench(server.fake);
  with_oauth(bench, server);
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(bench.send(RestBench::attempt(i)).error, ErrorClass::unavailable);
  EXPECT_EQ(server.count("/token"), 1);
}

TEST(OAuth, AnUnreachableEndpointIsNetwork) {
  std::string gone;
  {
    const HttpFake fake;
    gone = fake.url("/token");
  }
  TokenServer server;
  RestBench bench(server.fake);
  with_oauth(bench, server);
  bench.crm().auth.token_url = gone;
  EXPECT_EQ(bench.send(RestBench::attempt(1)).error, ErrorClass::network);
  EXPECT_FALSE(bench.answers[1].maybe_in_effect);
}

TEST(OAuth, ATokenIsKeptWhateverItsLifetimeSays) {
  for (const char* extra : {"", ",\"expires_in\":null", ",\"expires_in\":\"3600\"", ",\"expires_in\":-5",
                            ",\"expires_in\":0", ",\"expires_in\":99999999999999999999"}) {
    TokenServer server;
    server.extra = extra;
    RestBench bench(server.fake);
    with_oauth(bench, server);
    EXPECT_EQ(bench.send(RestBench::attempt(1)).error, ErrorClass::none) << extra;
    EXPECT_EQ(bench.send(RestBench::attempt(2)).error, ErrorClass::none) << extra;
    EXPECT_EQ(server.count("/token"), 1) << extra;
  }
}

TEST(OAuth, ARotatedRefreshTokenIsWrittenBackBeforeItIsUsed) {
  char folder[] = "/tmp/tandem-oauth-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string file = std::string(folder) + "/refresh";
  std::ofstream(file) << "old";
  TokenServer server;
  server.extra = ",\"refresh_token\":\"new-one\",\"expires_in\":3600";
  RestBench bench(server.fake);
  with_oauth(bench, server, OAuthGrant::refresh_token);
  bench.crm().auth.refresh_token = Secret("old");
  bench.crm().auth.refresh_token_file = file;
  EXPECT_EQ(bench.send(RestBench::attempt(1)).error, ErrorClass::none);
  std::string kept;
  std::ifstream(file) >> kept;
  EXPECT_EQ(kept, "new-one");
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  server.revoked_below = 2;
  EXPECT_EQ(bench.send(RestBench::attempt(2)).error, ErrorClass::none);
  std::vector<std::string> forms;
  for (const auto& request : server.fake.requests())
    if (request.target == "/token") forms.push_back(request.body);
  ASSERT_EQ(forms.size(), 2U);
  EXPECT_THAT(forms[0], HasSubstr("refresh_token=old&"));
  EXPECT_THAT(forms[1], HasSubstr("refresh_token=new-one&"));
  ::unlink(file.c_str());
  ::rmdir(folder);
}

TEST(OAuth, ARotatedTokenThatCannotBeWrittenIsNotUsed) {
  TokenServer server;
  server.extra = ",\"refresh_token\":\"new-one\"";
  RestBench bench(server.fake);
  with_oauth(bench, server, OAuthGrant::refresh_token);
  bench.crm().auth.refresh_token = Secret("old");
  bench.crm().auth.refresh_token_file = "/no/such/folder/refresh";
  const Answer answer = bench.send(RestBench::attempt(1));
  EXPECT_EQ(answer.error, ErrorClass::auth);
  EXPECT_THAT(answer.description, HasSubstr("cannot be written"));
}

TEST(OAuth, AbandonAnswersThoseWhoWaitForAToken) {
  HttpFake silent({no_answer()});
  TokenServer server;
  RestBench bench(server.fake);
  with_oauth(bench, server);
  bench.crm().auth.token_url = silent.url("/token");
  bench.make();
  for (int i = 1; i <= 3; ++i) bench.target->start({0, {RestBench::attempt(i)}});
  const auto end = std::chrono::steady_clock::now() + 5s;
  while (silent.requests().empty() && std::chrono::steady_clock::now() < end) bench.http.turn(10ms);
  bench.target->abandon();
  ASSERT_EQ(bench.answers.size(), 3U);
  for (const auto& [counter, answer] : bench.answers) {
    EXPECT_EQ(answer.error, ErrorClass::network);
    EXPECT_FALSE(answer.maybe_in_effect);
  }
}

}  // namespace
}  // namespace tandem
