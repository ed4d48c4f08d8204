#include "target/verdict.hpp"

#include <gmock/gmock.h>

#include <string>

namespace tandem {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const WallTime now = std::chrono::system_clock::from_time_t(1'795'000'000);

HttpAnswer answered(int status, std::string body = {}, std::string head = {}) {
  HttpAnswer answer;
  answer.sent = true;
  answer.status = status;
  answer.body = std::move(body);
  answer.head = std::move(head);
  return answer;
}

HttpAnswer failed(HttpFailure failure, bool sent) {
  HttpAnswer answer;
  answer.failure = failure;
  answer.sent = sent;
  answer.error = "words";
  return answer;
}

TEST(Verdict, EveryStatusHasItsClass) {
  const std::pair<int, ErrorClass> table[] = {
      {300, ErrorClass::rejected},    {301, ErrorClass::unavailable}, {302, ErrorClass::unavailable},
      {304, ErrorClass::rejected},    {307, ErrorClass::unavailable}, {400, ErrorClass::rejected},
      {401, ErrorClass::auth},        {403, ErrorClass::auth},        {404, ErrorClass::not_found},
      {405, ErrorClass::rejected},    {407, ErrorClass::auth},        {408, ErrorClass::unavailable},
      {409, ErrorClass::conflict},    {410, ErrorClass::not_found},   {412, ErrorClass::conflict},
      {413, ErrorClass::too_large},   {415, ErrorClass::rejected},    {422, ErrorClass::rejected},
      {423, ErrorClass::lock},        {425, ErrorClass::unavailable}, {429, ErrorClass::throttled},
      {451, ErrorClass::rejected},    {500, ErrorClass::unavailable}, {501, ErrorClass::unavailable},
      {502, ErrorClass::unavailable}, {503, ErrorClass::unavailable}, {504, ErrorClass::unavailable},
      {524, ErrorClass::unavailable}};
  for (const auto& [status, error] : table) {
    const Verdict verdict = judge({}, answered(status), now);
    EXPECT_EQ(verdict.error, error) << status;
    EXPECT_EQ(verdict.status, status);
    EXPECT_THAT(verdict.description, HasSubstr(std::to_string(status)));
  }
}

TEST(Verdict, TellsWhatMayHaveHappenedThere) {
  for (const int status : {400, 401, 404, 409, 413, 422, 423, 429, 302})
    EXPECT_EQ(judge({}, answered(status), now).effect, Effect::none) << status;
  for (const int status : {500, 501, 503, 408})
    EXPECT_EQ(judge({}, answered(status), now).effect, Effect::denied) << status;
  for (const int status : {502, 504, 520, 524})
    EXPECT_EQ(judge({}, answered(status), now).effect, Effect::unknown) << status;
  EXPECT_EQ(judge({}, failed(HttpFailure::connect, false), now).effect, Effect::none);
  EXPECT_EQ(judge({}, failed(HttpFailure::timeout, false), now).effect, Effect::none);
  EXPECT_EQ(judge({}, failed(HttpFailure::timeout, true), now).effect, Effect::unknown);
  EXPECT_EQ(judge({}, failed(HttpFailure::cut, true), now).effect, Effect::unknown);
}

TEST(Verdict, TellsFailuresApart) {
  EXPECT_EQ(judge({}, failed(HttpFailure::connect, false), now).error, ErrorClass::network);
  EXPECT_EQ(judge({}, failed(HttpFailure::cut, true), now).error, ErrorClass::network);
  EXPECT_EQ(judge({}, failed(HttpFailure::cancelled, true), now).error, ErrorClass::network);
  EXPECT_EQ(judge({}, failed(HttpFailure::timeout, true), now).error, ErrorClass::timeout);
  EXPECT_EQ(judge({}, failed(HttpFailure::too_large, true), now).error, ErrorClass::unavailable);
}

TEST(Verdict, OnlyTheStatusesOfTheRouteAreASuccess) {
  CallPlan call;
  EXPECT_EQ(judge(call, answered(204), now).error, ErrorClass::none);
  call.ok = {200, 409};
  EXPECT_EQ(judge(call, answered(409), now).error, ErrorClass::none);
  const Verdict verdict = judge(call, answered(202), now);
  EXPECT_EQ(verdict.error, ErrorClass::rejected);
  EXPECT_EQ(verdict.effect, Effect::unknown);
  EXPECT_THAT(verdict.description, HasSubstr("does not count that as success"));
}

TEST(Verdict, FindsTheErrorThatHidesInASuccess) {
  CallPlan call;
  call.error_at = "/error";
  for (const char* body : {"{}", "{\"error\":null}", "{\"error\":\"\"}", "{\"error\":false}", "{\"error\":[]}",
                           "{\"error\":{}}", "{\"error\":0}", "[]", ""})
    EXPECT_EQ(judge(call, answered(200, body), now).error, ErrorClass::none) << body;
  for (const char* body : {"{\"error\":\"no such field\"}", "{\"error\":{\"message\":\"no such field\"}}",
                           "{\"error\":[{\"detail\":\"no such field\"}]}"}) {
    const Verdict verdict = judge(call, answered(200, body), now);
    EXPECT_EQ(verdict.error, ErrorClass::rejected) << body;
    EXPECT_EQ(verdict.effect, Effect::none);
    EXPECT_EQ(verdict.description, "answered 200 with an error: no such field");
  }
  for (const char* body : {"{\"error\":true}", "{\"error\":7}"})
    EXPECT_EQ(judge(call, answered(200, body), now).error, ErrorClass::rejected) << body;
}

TEST(Verdict, ASuccessThatCannotBeReadIsNone) {
  CallPlan call;
  EXPECT_EQ(judge(call, answered(200, "<html>"), now).error, ErrorClass::none) << "nothing is read from it";
  call.remote_id = answer_place("/id");
  for (const char* body : {"<html>", "{\"id\":7", "{\"id\":\"\xFF\"}"}) {
    const Verdict verdict = judge(call, answered(200, body), now);
    EXPECT_EQ(verdict.error, ErrorClass::unavailable) << body;
    EXPECT_EQ(verdict.effect, Effect::unknown) << body;
  }
  HttpAnswer giant = answered(201, "{\"id\":7,");
  giant.failure = HttpFailure::too_large;
  EXPECT_EQ(judge(call, giant, now).effect, Effect::unknown);
  EXPECT_EQ(judge({}, giant, now).error, ErrorClass::none);
}

TEST(Verdict, AnErrorIsBelievedThoughItsBodyIsCut) {
  HttpAnswer answer = answered(400, "{\"mess");
  answer.failure = HttpFailure::cut;
  EXPECT_EQ(judge({}, answer, now).error, ErrorClass::rejected);
}

TEST(Verdict, ReadsTheirIdAndVersion) {
  CallPlan call;
  call.remote_id = answer_place("/data/id");
  call.version = answer_place("header:ETag");
  const Verdict verdict =
      judge(call, answered(201, "{\"data\":{\"id\":12345678901234567890}}", "ETag: W/\"3\"\r\n"), now);
  EXPECT_EQ(verdict.remote_id, "12345678901234567890");
  EXPECT_EQ(verdict.version, "W/\"3\"");
  EXPECT_EQ(judge(call, answered(200, "{\"data\":{\"id\":null}}"), now).remote_id, "");
  EXPECT_EQ(judge(call, answered(200, "{\"data\":{\"id\":{}}}"), now).remote_id, "");
  EXPECT_EQ(judge(call, answered(204), now).remote_id, "");
}

TEST(Verdict, TakesTheLastSegmentOfAnAddress) {
  const AnswerPlace place = answer_place("header:Location");
  EXPECT_EQ(value_at(place, answered(201, "", "Location: https://x.example/api/things/a-7/?x=1\r\n")), "a-7");
  EXPECT_EQ(value_at(place, answered(201, "", "Location: /things/42\r\n")), "42");
  EXPECT_EQ(value_at(place, answered(201, "", "Location: 42\r\n")), "42");
  EXPECT_EQ(value_at(place, answered(201)), "");
}

TEST(Verdict, ReadsRetryAfter) {
  EXPECT_EQ(retry_after("0", "", now), 0ms);
  EXPECT_EQ(retry_after("120", "", now), 120s);
  EXPECT_EQ(retry_after("99999999999999999999", "", now), 999'999'999s);
  EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", "", now), 0ms) << "past";
  EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:51:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", now), 120s)
      << "by their clock";
  for (const char* bad : {"", "soon", "-5", "1.5", "12 s", "Sun, 99 Foo 1994"})
    EXPECT_FALSE(retry_after(bad, "", now)) << bad;
}

TEST(Verdict, AsksForRestOnlyWhereThatMeansTheTarget) {
  EXPECT_EQ(judge({}, answered(429, "", "Retry-After: 7\r\n"), now).retry_after, 7s);
  EXPECT_EQ(judge({}, answered(503, "", "retry-after: 7\r\n"), now).retry_after, 7s);
  EXPECT_EQ(judge({}, answered(503, "", "Retry-After: nonsense\r\n"), now).retry_after, std::nullopt);
  EXPECT_EQ(judge({}, answered(400, "", "Retry-After: 7\r\n"), now).retry_after, std::nullopt);
}

TEST(Verdict, FindsTheWordsOfAnError) {
  EXPECT_EQ(
      error_words(R"([{"message":"Required fields are missing: [LastName]","errorCode":"REQUIRED_FIELD_MISSING"}])"),
      "Required fields are missing: [LastName]");
  EXPECT_EQ(error_words(R"({"errors":{"status":400,"title":"Bad","detail":"Bean exists"}})"), "Bean exists");
  EXPECT_EQ(error_words(R"({"error":{"code":200,"message":"Odoo Server Error"}})"), "Odoo Server Error");
  EXPECT_EQ(error_words(R"({"error":"need_login","error_message":"log in"})"), "log in");
  EXPECT_EQ(error_words(R"({"error":"CODE","error_description":"text"})"), "text");
  EXPECT_EQ(error_words("\"plain\""), "plain");
  EXPECT_EQ(error_words("<html>oops</html>"), "<html>oops</html>");
  EXPECT_EQ(error_words(R"({"unknown":1})"), R"({"unknown":1})");
  EXPECT_EQ(error_words(""), "");
  EXPECT_EQ(error_words(std::string(5000, '[') + std::string(5000, ']')).size(), 1000U);
}

}  // namespace
}  // namespace tandem
