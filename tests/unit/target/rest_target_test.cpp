#include "target/rest_target.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "json/scan.hpp"
#include "unit/target/rest_bench.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using namespace test_support;
using testing::HasSubstr;
using testing::Not;

TEST(RestTarget, CreatesAndLearnsTheirId) {
  HttpFake fake({answer_with(201, "{\"id\":\"r1\"}", {{"ETag", "7"}})});
  RestBench bench(fake);
  bench.rest().create->version_at = "header:ETag";
  Attempt attempt = RestBench::attempt(1);
  attempt.trace_context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const Answer answer = bench.send(attempt);
  EXPECT_EQ(answer.error, ErrorClass::none);
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.remote_id, "r1");
  EXPECT_EQ(answer.version, "7");
  EXPECT_EQ(answer.doubt, Doubt::none);
  EXPECT_FALSE(answer.maybe_in_effect);
  EXPECT_EQ(answer.description, "");
  EXPECT_GT(answer.duration.count(), 0);
  const FakeRequest request = fake.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/api/opportunity");
  EXPECT_EQ(request.body, "{\"n\":1}");
  EXPECT_EQ(request.header("Content-Type"), "application/json");
  EXPECT_EQ(request.header("Idempotency-Key"), "00000000-0000-0000-0000-000000000001");
  EXPECT_EQ(request.header("traceparent"), attempt.trace_context);
}

TEST(RestTarget, UpdatesAndDeletesByTheirId) {
  HttpFake fake({answer_with(204), answer_with(204)});
  RestBench bench(fake);
  Attempt attempt = RestBench::attempt(1, Operation::update, "a/b");
  attempt.trace_context = "not one\r\nEvil: 1";
  EXPECT_EQ(bench.send(attempt).error, ErrorClass::none);
  EXPECT_EQ(bench.send(RestBench::attempt(2, Operation::remove, "r1")).remote_id, "r1");
  const auto requests = fake.requests();
  EXPECT_EQ(requests[0].method + " " + requests[0].target, "PATCH /api/opportunity/a%2Fb");
  EXPECT_EQ(requests[0].header("traceparent"), "");
  EXPECT_EQ(requests[0].header("evil"), "");
  EXPECT_EQ(requests[1].method + " " + requests[1].target, "DELETE /api/opportunity/r1");
  EXPECT_EQ(requests[1].body, "");
}

TEST(RestTarget, WrapsBodiesAndWritesHeaders) {
  HttpFake fake({answer_with(200, "{\"id\":1}")});
  RestBench bench(fake);
  bench.crm().headers = {{"X-App", "tandem"}, {"Accept", "application/vnd.api+json"}, {"X-Who", "target"}};
  bench.rest().create->headers = {{"X-Who", "route {object_id}"}, {"content-type", "application/vnd.api+json"}};
  bench.rest().create->wrap = R"({"data": {body}})";
  EXPECT_EQ(bench.send(RestBench::attempt(1)).error, ErrorClass::none);
  const FakeRequest request = fake.requests().at(0);
  EXPECT_EQ(request.body, "{\"data\": {\"n\":1}}");
  EXPECT_EQ(request.header("X-App"), "tandem");
  EXPECT_EQ(request.header("X-Who"), "route K1");
  EXPECT_EQ(request.header("Accept"), "application/vnd.api+json");
  EXPECT_EQ(request.header("Content-Type"), "application/vnd.api+json");
  EXPECT_EQ(request.head.find("application/json"), std::string::npos);
}

TEST(RestTarget, ClassesWhatIsAnswered) {
  const std::pair<int, ErrorClass> table[] = {
      {400, ErrorClass::rejected},    {401, ErrorClass::auth},        {403, ErrorClass::auth},
      {409, ErrorClass::conflict},    {412, ErrorClass::conflict},    {413, ErrorClass::too_large},
      {422, ErrorClass::rejected},    {423, ErrorClass::lock},        {429, ErrorClass::throttled},
      {408, ErrorClass::unavailable}, {425, ErrorClass::unavailable}, {500, ErrorClass::unavailable},
      {503, ErrorClass::unavailable}, {302, ErrorClass::unavailable}};
  for (const auto& [status, error] : table) {
    HttpFake fake({answer_with(status, "{\"message\":\"because\"}")});
    RestBench bench(fake);
    const Answer answer = bench.send(RestBench::attempt(1, Operation::update, "r1"));
    EXPECT_EQ(answer.error, error) << status;
    EXPECT_EQ(answer.status, status);
    EXPECT_THAT(answer.description, HasSubstr("because"));
    EXPECT_EQ(answer.maybe_in_effect, status >= 500 || status == 408) << status;
    EXPECT_FALSE(answer.not_there);
    EXPECT_EQ(answer.remote_id, "r1");
  }
}

TEST(RestTarget, WhatIsGoneThereIsNotThere) {
  for (const int status : {404, 410}) {
    HttpFake fake({answer_with(status), answer_with(status), answer_with(status)});
    RestBench bench(fake);
    const Answer update = bench.send(RestBench::attempt(1, Operation::update, "r1"));
    EXPECT_EQ(update.error, ErrorClass::not_found);
    EXPECT_TRUE(update.not_there);
    const Answer remove = bench.send(RestBench::attempt(2, Operation::remove, "r1"));
    EXPECT_EQ(remove.error, ErrorClass::none) << "a delete of what is gone is delivered";
    EXPECT_TRUE(remove.not_there);
    EXPECT_EQ(remove.status, status);
    const Answer create = bench.send(RestBench::attempt(3));
    EXPECT_EQ(create.error, ErrorClass::not_found) << "the address is wrong";
    EXPECT_FALSE(create.not_there);
  }
}

TEST(RestTarget, CapsRetryAfter) {
  HttpFake fake({answer_with(429, "", {{"Retry-After", "7"}}), answer_with(503, "", {{"Retry-After", "86400"}}),
                 answer_with(429, "", {{"Retry-After", "soon"}})});
  RestBench bench(fake);
  bench.crm().retry_after_cap = 60s;
  EXPECT_EQ(bench.send(RestBench::attempt(1)).retry_after, 7s);
  EXPECT_EQ(bench.send(RestBench::attempt(2)).retry_after, 60s);
  EXPECT_EQ(bench.send(RestBench::attempt(3)).retry_after, std::nullopt);
}

TEST(RestTarget, AnErrorInA200IsRejected) {
  HttpFake fake({answer_with(200, R"({"success":false,"error":"no such stage","item":{"id":1}})")});
  RestBench bench(fake);
  bench.rest().create->error_at = "/error";
  const Answer answer = bench.send(RestBench::attempt(1));
  EXPECT_EQ(answer.error, ErrorClass::rejected);
  EXPECT_EQ(answer.description, "answered 200 with an error: no such stage");
}

// ---- creates whose outcome is unknown
// -------------------------------------------------------------------------------------

TEST(RestTarget, AnUnansweredCreateIsLookedForTwiceBeforeItIsSentAgain) {
  HttpFake fake({closed_unanswered(), answer_with(200, "{\"items\":[]}"), answer_with(200, "{\"items\":[]}"),
                 answer_with(201, "{\"id\":\"r9\"}")});
  RestBench bench(fake);
  bench.with_lookup();
  const Answer first = bench.send(RestBench::attempt(1));
  EXPECT_EQ(first.error, ErrorClass::network);
  EXPECT_TRUE(first.maybe_in_effect);
  EXPECT_EQ(first.doubt, Doubt::may_exist);
  const Answer second = bench.send(RestBench::attempt(1, Operation::create, "", first.doubt));
  EXPECT_EQ(second.error, ErrorClass::outcome_unknown);
  EXPECT_EQ(second.doubt, Doubt::missing_once);
  const Answer third = bench.send(RestBench::attempt(1, Operation::create, "", second.doubt));
  EXPECT_EQ(third.error, ErrorClass::none);
  EXPECT_EQ(third.remote_id, "r9");
  EXPECT_EQ(third.doubt, Doubt::none);
  std::vector<std::string> sent;
  for (const auto& request : fake.requests()) sent.push_back(request.method + " " + request.target);
  EXPECT_THAT(sent, testing::ElementsAre("POST /api/opportunity", "GET /api/opportunity?ext=K1",
                                         "GET /api/opportunity?ext=K1", "POST /api/opportunity"));
}

TEST(RestTarget, AnUnansweredCreateThatArrivedIsUpdated) {
  HttpFake fake({answer_with(200, "{\"items\":[{\"id\":42}]}"), answer_with(200, "{}")});
  RestBench bench(fake);
  bench.with_lookup();
  const Answer answer = bench.send(RestBench::attempt(1, Operation::create, "", Doubt::may_exist));
  EXPECT_EQ(answer.error, ErrorClass::none);
  EXPECT_EQ(answer.remote_id, "42");
  EXPECT_EQ(fake.requests().at(1).method + " " + fake.requests().at(1).target, "PATCH /api/opportunity/42");
}

TEST(RestTarget, ALookupThatFailsKeepsTheDoubt) {
  for (const Doubt doubt : {Doubt::may_exist, Doubt::missing_once}) {
    HttpFake fake({answer_with(503), no_answer(), answer_with(200, "<html>")});
    RestBench bench(fake);
    bench.with_lookup();
    for (int i = 0; i < 3; ++i) {
      const Answer answer = bench.send(RestBench::attempt(1, Operation::create, "", doubt));
      EXPECT_NE(answer.error, ErrorClass::none);
      EXPECT_NE(answer.error, ErrorClass::outcome_unknown);
      EXPECT_EQ(answer.doubt, doubt);
      EXPECT_THAT(answer.description, HasSubstr("lookup"));
    }
    for (const auto& request : fake.requests()) EXPECT_EQ(request.method, "GET");
  }
}

TEST(RestTarget, A404OfTheLookupMeansMissing) {
  HttpFake fake({answer_with(404), answer_with(201, "{\"id\":1}")});
  RestBench bench(fake);
  bench.with_lookup();
  EXPECT_EQ(bench.send(RestBench::attempt(1, Operation::create, "", Doubt::missing_once)).remote_id, "1");
}

TEST(RestTarget, WithoutAWayToLookAnUnansweredCreateFails) {
  HttpFake fake({no_answer(), cut_answer(answer_with(201, "{\"id\":1}"), 30), answer_with(502), answer_with(504),
                 answer_with(201, "{}"), answer_with(201, "oops")});
  RestBench bench(fake);
  for (int i = 1; i <= 6; ++i) {
    const Answer answer = bench.send(RestBench::attempt(i));
    EXPECT_EQ(answer.error, ErrorClass::outcome_unknown) << i << " " << answer.description;
    EXPECT_EQ(answer.doubt, Doubt::may_exist) << i;
    EXPECT_TRUE(answer.maybe_in_effect) << i;
  }
  const std::size_t sent = fake.requests().size();
  EXPECT_EQ(bench.send(RestBench::attempt(7, Operation::create, "", Doubt::may_exist)).error,
            ErrorClass::outcome_unknown);
  EXPECT_EQ(fake.requests().size(), sent) << "never blindly";
}

TEST(RestTarget, A500IsBelievedUnlessThereIsAWayToLook) {
  HttpFake fake({answer_with(500), answer_with(500)});
  RestBench plain(fake);
  EXPECT_EQ(plain.send(RestBench::attempt(1)).error, ErrorClass::unavailable);
  EXPECT_EQ(plain.answers[1].doubt, Doubt::none);
  RestBench looking(fake);
  looking.with_lookup();
  EXPECT_EQ(looking.send(RestBench::attempt(1)).error, ErrorClass::unavailable);
  EXPECT_EQ(looking.answers[1].doubt, Doubt::may_exist);
}

TEST(RestTarget, ACreateThatWasNotSentIsInNoDoubt) {
  std::unique_ptr<RestBench> bench;
  {
    const HttpFake gone;
    bench = std::make_unique<RestBench>(gone);
  }
  const Answer answer = bench->send(RestBench::attempt(1));
  EXPECT_EQ(answer.error, ErrorClass::network);
  EXPECT_FALSE(answer.maybe_in_effect);
  EXPECT_EQ(answer.doubt, Doubt::none);
  bench->with_lookup();
  bench->target.reset();
  EXPECT_EQ(bench->send(RestBench::attempt(2, Operation::create, "", Doubt::missing_once)).doubt, Doubt::missing_once);
}

TEST(RestTarget, WithAnIdempotencyKeyACreateIsSentAgain) {
  HttpFake fake({closed_unanswered(), answer_with(201, "{\"id\":1}")});
  RestBench bench(fake);
  bench.rest().idempotency_key = true;
  const Answer first = bench.send(RestBench::attempt(1));
  EXPECT_EQ(first.error, ErrorClass::network);
  EXPECT_EQ(first.doubt, Doubt::none);
  EXPECT_EQ(bench.send(RestBench::attempt(1, Operation::create, "", Doubt::may_exist)).error, ErrorClass::none);
  EXPECT_EQ(fake.requests().at(0).header("idempotency-key"), fake.requests().at(1).header("idempotency-key"));
}

TEST(RestTarget, ACreateIsNotSentTwiceOverADeadKeptConnection) {
  HttpFake fake({answer_with(201, "{\"id\":1}"), closed_unanswered()});
  RestBench bench(fake);
  bench.with_lookup();
  bench.send(RestBench::attempt(1));
  EXPECT_EQ(bench.send(RestBench::attempt(2)).doubt, Doubt::may_exist);
  EXPECT_EQ(fake.requests().size(), 2U);
}

TEST(RestTarget, UpsertIsOneCallWhateverTheDoubt) {
  HttpFake fake({closed_unanswered(), answer_with(204)});
  RestBench bench(fake);
  bench.rest().upsert = RestBench::call("PUT", "/{request_type}/external/{object_id}");
  bench.rest().upsert->remote_id = "/id";
  const Answer first = bench.send(RestBench::attempt(1));
  EXPECT_EQ(first.error, ErrorClass::network);
  EXPECT_EQ(first.doubt, Doubt::none);
  const Answer second = bench.send(RestBench::attempt(1, Operation::update, "", Doubt::may_exist));
  EXPECT_EQ(second.error, ErrorClass::none);
  EXPECT_EQ(second.remote_id, "") << "a 204 tells none, and that is no fault";
  EXPECT_EQ(fake.requests().at(1).target, "/api/opportunity/external/K1");
}

TEST(RestTarget, DeletesWithoutIdentity) {
  HttpFake fake({answer_with(200, "{\"items\":[{\"id\":5}]}"), answer_with(204), answer_with(200, "{\"items\":[]}")});
  RestBench plain(fake);
  EXPECT_EQ(plain.send(RestBench::attempt(1, Operation::remove)).error, ErrorClass::none);
  EXPECT_TRUE(plain.answers[1].not_there);
  EXPECT_TRUE(fake.requests().empty()) << "they never had it";
  EXPECT_EQ(plain.send(RestBench::attempt(1, Operation::remove, "", Doubt::may_exist)).error,
            ErrorClass::outcome_unknown);
  RestBench looking(fake);
  looking.with_lookup();
  EXPECT_EQ(looking.send(RestBench::attempt(2, Operation::remove, "", Doubt::may_exist)).error, ErrorClass::none);
  EXPECT_EQ(fake.requests().at(1).target, "/api/opportunity/5");
  EXPECT_EQ(looking.send(RestBench::attempt(3, Operation::remove, "", Doubt::may_exist)).doubt, Doubt::missing_once);
}

// ---- records that cannot be sent
// ------------------------------------------------------------------------------------------

TEST(RestTarget, BadKeysFailAsMappingAndNothingIsSent) {
  HttpFake fake;
  RestBench bench(fake);
  bench.rest().upsert = RestBench::call("PUT", "/{request_type}/{object_id}");
  bench.rest().upsert->headers = {{"X-Key", "{object_id}"}};
  bench.rest().remove = RestBench::call("DELETE", "/{request_type}/{object_id}");
  for (const std::string key : {"", ".", "..", "a\r\nEvil: 1", "\xFF\xFE", "nul\x01"}) {
    for (const Operation operation : {Operation::create, Operation::remove}) {
      Attempt attempt = RestBench::attempt(1, operation);
      attempt.object_id = key;
      if (operation == Operation::remove && key.size() > 2 && key[0] != '\xFF')
        continue;  // encoded in the path, and in no header
      const Answer answer = bench.send(attempt);
      EXPECT_EQ(answer.error, ErrorClass::mapping) << key;
      EXPECT_FALSE(answer.maybe_in_effect);
      EXPECT_FALSE(answer.description.empty());
    }
  }
  EXPECT_TRUE(fake.requests().empty());
}

TEST(RestTarget, LongKeysTravelWhole) {
  HttpFake fake;
  RestBench bench(fake);
  bench.rest().upsert = RestBench::call("PUT", "/x/{object_id}");
  Attempt attempt = RestBench::attempt(1);
  attempt.object_id = std::string(10'000, 'k');
  EXPECT_EQ(bench.send(attempt).error, ErrorClass::none);
  EXPECT_EQ(fake.requests().at(0).target, "/api/x/" + std::string(10'000, 'k'));
}

TEST(RestTarget, ABodyOverTheLimitIsNotSent) {
  HttpFake fake;
  RestBench bench(fake);
  bench.crm().max_body_bytes = 1000;
  Attempt attempt = RestBench::attempt(1);
  attempt.body = "{\"x\":\"" + std::string(1000, 'x') + "\"}";
  EXPECT_EQ(bench.send(attempt).error, ErrorClass::too_large);
  EXPECT_TRUE(fake.requests().empty());
}

TEST(RestTarget, BodiesArriveByteForByte) {
  HttpFake fake({answer_with(201, "{\"id\":1}")});
  RestBench bench(fake);
  bench.crm().max_body_bytes = 100 << 20;
  bench.crm().timeout = 20s;
  Attempt attempt = RestBench::attempt(1);
  attempt.body =
      "{\"a\":9007199254740993,\"b\":12345678901234567890.10,\"c\":1e400,\"d\":\"\xC3\xA4\\u0000\",\"e\":\"" +
      std::string(5'000'000, 'z') + "\"}";
  EXPECT_EQ(bench.send(attempt).error, ErrorClass::none);
  EXPECT_EQ(fake.requests().at(0).body, attempt.body);
}

TEST(RestTarget, AnOperationWithoutARequestIsRejected) {
  HttpFake fake;
  RestBench bench(fake);
  EXPECT_EQ(bench.send(RestBench::attempt(1, Operation::call)).error, ErrorClass::rejected);
  EXPECT_THAT(bench.answers[1].description, HasSubstr("no request for call"));
}

TEST(RestTarget, TellsNoSecrets) {
  HttpFake fake([](const FakeRequest& request) {
    return answer_with(400, "{\"message\":\"bad " + request.header("authorization") + " at https://me:pw@host/\"}");
  });
  RestBench bench(fake);
  bench.crm().auth.kind = AuthKind::bearer;
  bench.crm().auth.token = Secret("top-secret-token");
  const Answer answer = bench.send(RestBench::attempt(1));
  EXPECT_EQ(fake.requests().at(0).header("authorization"), "Bearer top-secret-token");
  EXPECT_EQ(answer.description, "answered 400: bad Bearer *** at https://***@host/");
}

TEST(RestTarget, SendsFixedCredentials) {
  HttpFake fake;
  {
    RestBench bench(fake);
    bench.crm().auth.kind = AuthKind::basic;
    bench.crm().auth.username = "user";
    bench.crm().auth.password = Secret("pässword");
    bench.send(RestBench::attempt(1));
  }
  RestBench bench(fake);
  bench.crm().auth.kind = AuthKind::header;
  bench.crm().auth.header_name = "X-Token";
  bench.crm().auth.token = Secret("abc");
  bench.send(RestBench::attempt(1));
  EXPECT_EQ(fake.requests().at(0).header("authorization"), "Basic " + base64("user:pässword"));
  EXPECT_EQ(fake.requests().at(1).header("x-token"), "abc");
}

TEST(RestTarget, AbandonAnswersEverythingAtOnce) {
  HttpFake fake({no_answer(), no_answer()});
  RestBench bench(fake);
  bench.with_lookup();
  bench.make();
  bench.target->start({0, {RestBench::attempt(1)}});
  bench.target->start({0, {RestBench::attempt(2, Operation::update, "r")}});
  const auto end = std::chrono::steady_clock::now() + 5s;
  while (fake.requests().size() < 2 && std::chrono::steady_clock::now() < end) bench.http.turn(10ms);
  bench.target->abandon();
  ASSERT_EQ(bench.answers.size(), 2U);
  for (const auto& [counter, answer] : bench.answers) {
    EXPECT_EQ(answer.error, ErrorClass::network);
    EXPECT_TRUE(answer.maybe_in_effect);
  }
  EXPECT_EQ(bench.answers[1].doubt, Doubt::may_exist);
  EXPECT_EQ(bench.http.in_flight(), 0U);
}

TEST(RestTarget, MayEndWithAttemptsInFlight) {
  HttpFake fake({no_answer()});
  RestBench bench(fake);
  bench.make();
  bench.target->start({0, {RestBench::attempt(1)}});
  bench.target->start({0, {RestBench::attempt(2, Operation::call)}});
  bench.http.turn(10ms);
  bench.target->start({0, {RestBench::attempt(3, Operation::call)}});
  bench.target.reset();
  bench.http.turn(10ms);
  EXPECT_FALSE(bench.answers.contains(3));
}

TEST(RestTarget, ProbesWhereItIsToldTo) {
  HttpFake fake({answer_with(503), answer_with(404), answer_with(200), answer_with(401),
                 answer_with(429, "", {{"Retry-After", "3"}})});
  RestBench bench(fake);
  bench.make();
  EXPECT_FALSE(bench.target->probe([](const Answer&) {}));
  bench.crm().probe_path = "/health";
  bench.make();
  std::vector<ErrorClass> found;
  for (int i = 1; i <= 5; ++i) {
    bool done = false;
    EXPECT_TRUE(bench.target->probe([&](const Answer& answer) {
      found.push_back(answer.error);
      done = true;
    }));
    const auto end = std::chrono::steady_clock::now() + 5s;
    while (!done && std::chrono::steady_clock::now() < end) bench.http.turn(10ms);
  }
  EXPECT_THAT(found, testing::ElementsAre(ErrorClass::unavailable, ErrorClass::none, ErrorClass::none, ErrorClass::auth,
                                          ErrorClass::throttled));
  EXPECT_EQ(fake.requests().at(0).target, "/api/health");
}

TEST(Registry, NamesEveryProblem) {
  HttpFake fake;
  RestBench bench(fake);
  bench.rest().create->path = "opportunity/{objekt}";
  bench.rest().create->remote_id = "id";
  bench.rest().update->wrap = "{\"data\": {body}";
  bench.rest().remove->path = "/{key.id}";
  bench.rest().remove->line = 17;
  bench.crm().url = "ftp://x";
  bench.crm().auth.token = Secret("with\nbreak");
  const auto problems = check_target(bench.settings, bench.crm());
  std::string all;
  for (const auto& problem : problems) all += std::to_string(problem.line) + " " + problem.message + "\n";
  for (const char* words :
       {"unknown placeholder {objekt}", "path must begin with /", "\"id\" is not a JSON pointer",
        "request `update` of opportunity: template is not JSON",
        "17 request `delete` of opportunity: {key.COLUMN} needs", "must begin with http://", "control character"})
    EXPECT_THAT(all, HasSubstr(words));
  EXPECT_THAT(all, Not(HasSubstr("break")));
  EXPECT_FALSE(make_target(bench.settings, bench.crm(), bench.http, {}));
  bench.crm().type = "fax";
  EXPECT_THAT(check_target(bench.settings, bench.crm()).at(0).message, HasSubstr("unknown type: fax"));
}

}  // namespace
}  // namespace tandem
