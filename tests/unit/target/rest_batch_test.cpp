#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "json/scan.hpp"
#include "json/text.hpp"
#include "target/rest_target.hpp"
#include "unit/target/rest_bench.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using namespace test_support;
using testing::HasSubstr;

void with_batch(RestBench& bench) {
  BatchSettings batch;
  batch.call = RestBench::call("POST", "/batch/{request_type}");
  batch.call.wrap = R"({"records":[{body}]})";
  batch.each = R"({"id":{record_id},"op":{operation},"key":{object_id},"data":{body}})";
  batch.max_records = 50;
  batch.answers_at = "/results";
  batch.match = "/id";
  batch.ok_at = "/ok";
  batch.error_at = "/error";
  batch.remote_id_at = "/remote_id";
  bench.rest().batch = batch;
}

std::vector<Attempt> attempts(std::int64_t count) {
  std::vector<Attempt> out;
  for (std::int64_t i = 1; i <= count; ++i) out.push_back(RestBench::attempt(i));
  return out;
}

std::vector<std::string> keys_of(const FakeRequest& request) {
  std::vector<std::string> keys;
  const auto list = json::at(request.body, "/records");
  const auto records = json::elements(**list);
  for (const auto record : *records) keys.push_back(*json::unquote(**json::at(record, "/key")));
  return keys;
}

std::string id(int n) {
  return std::string("00000000-0000-0000-0000-0000000000") + (n < 16 ? "0" : "") +
         (n < 16 ? "0123456789abcdef"[n] : 'x');
}
std::string fine(int n) {
  return "{\"id\":\"" + id(n) + "\",\"ok\":true,\"remote_id\":\"r" + std::to_string(n) + "\"}";
}

TEST(RestBatch, SendsManyInOneCallAndMatchesAnswersById) {
  HttpFake fake({answer_with(207, "{\"results\":[" + fine(3) + "," + fine(1) + R"(,{"id":")" + id(2) +
                                      R"(","ok":false,"error":{"message":"no name"}}]})")});
  RestBench bench(fake);
  with_batch(bench);
  bench.send_together(attempts(3));
  EXPECT_EQ(bench.target->batch_limit(0, Operation::create), 50U);
  EXPECT_EQ(bench.target->batch_limit(0, Operation::remove), 1U);
  ASSERT_EQ(fake.requests().size(), 1U);
  EXPECT_EQ(fake.requests()[0].target, "/api/batch/opportunity");
  EXPECT_TRUE(json::validate(fake.requests()[0].body));
  EXPECT_THAT(
      fake.requests()[0].body,
      testing::StartsWith(
          R"({"records":[{"id":"00000000-0000-0000-0000-000000000001","op":"create","key":"K1","data":{"n":1}},)"));
  EXPECT_EQ(bench.answers[1].remote_id, "r1");
  EXPECT_EQ(bench.answers[3].remote_id, "r3");
  EXPECT_EQ(bench.answers[2].error, ErrorClass::rejected);
  EXPECT_EQ(bench.answers[2].description, "answered within the batch: no name");
  EXPECT_EQ(bench.answers[1].error, ErrorClass::none);
}

TEST(RestBatch, ASuccessWithErrorsInsideIsNoSuccess) {
  HttpFake fake(
      {answer_with(200, "{\"results\":[{\"status\":201},{\"status\":423},{\"status\":500},{\"status\":404},{}]}")});
  RestBench bench(fake);
  with_batch(bench);
  auto& batch = *bench.rest().batch;
  batch.match.clear();
  batch.ok_at = batch.error_at = batch.remote_id_at = "";
  batch.status_at = "/status";
  std::vector<Attempt> sent;
  for (int i = 1; i <= 5; ++i) sent.push_back(RestBench::attempt(i, Operation::update, "r" + std::to_string(i)));
  bench.send_together(sent);
  EXPECT_EQ(bench.answers[1].error, ErrorClass::none);
  EXPECT_EQ(bench.answers[2].error, ErrorClass::lock);
  EXPECT_EQ(bench.answers[3].error, ErrorClass::unavailable);
  EXPECT_EQ(bench.answers[4].error, ErrorClass::not_found);
  EXPECT_TRUE(bench.answers[4].not_there);
  EXPECT_EQ(bench.answers[5].error, ErrorClass::rejected);
}

TEST(RestBatch, ByPositionTheCountsMustAgree) {
  for (const char* body : {"{\"results\":[{\"ok\":true}]}", "{\"results\":[{\"ok\":true},{\"ok\":true},{\"ok\":true}]}",
                           "{}", "{\"results\":{}}", "[]", "oops", ""}) {
    HttpFake fake({answer_with(200, body)});
    RestBench bench(fake);
    with_batch(bench);
    bench.rest().batch->match.clear();
    bench.send_together(attempts(2));
    for (const auto& [counter, answer] : bench.answers) {
      EXPECT_EQ(answer.error, ErrorClass::unavailable) << body;
      EXPECT_TRUE(answer.maybe_in_effect) << body;
    }
  }
}

TEST(RestBatch, ARecordThatTheAnswerDoesNotNameIsNotDelivered) {
  HttpFake fake({answer_with(200, "{\"results\":[" + fine(1) + "]}")});
  RestBench bench(fake);
  with_batch(bench);
  bench.send_together(attempts(2));
  EXPECT_EQ(bench.answers[1].error, ErrorClass::none);
  EXPECT_EQ(bench.answers[2].error, ErrorClass::unavailable);
  EXPECT_TRUE(bench.answers[2].maybe_in_effect);
  EXPECT_THAT(bench.answers[2].description, HasSubstr("does not name this record"));
}

TEST(RestBatch, MatchesByObjectIdToo) {
  HttpFake fake({answer_with(200, R"({"results":[{"key":"K2","ok":true},{"key":"K1","ok":false}]})")});
  RestBench bench(fake);
  with_batch(bench);
  bench.rest().batch->match = "/key";
  bench.rest().batch->match_by = "object_id";
  bench.rest().batch->remote_id_at = "";
  bench.send_together(attempts(2));
  EXPECT_EQ(bench.answers[1].error, ErrorClass::rejected);
  EXPECT_EQ(bench.answers[2].error, ErrorClass::none);
}

/// Refuses the whole batch while it holds a bad key, as strict APIs do.
FakeAnswer strict(const FakeRequest& request, const std::vector<std::string>& bad, int status) {
  std::string results;
  for (const std::string& key : keys_of(request)) {
    if (std::find(bad.begin(), bad.end(), key) != bad.end())
      return answer_with(status, "{\"message\":\"bad record in the batch\"}");
    results += (results.empty() ? "" : ",") + std::string("{\"key\":\"") + key + "\",\"ok\":true,\"remote_id\":\"x\"}";
  }
  return answer_with(200, "{\"results\":[" + results + "]}");
}

TEST(RestBatch, APoisonedBatchIsSplitUntilTheBadRecordStandsAlone) {
  for (const int status : {400, 409, 413, 422}) {
    HttpFake fake([status](const FakeRequest& request) { return strict(request, {"K4", "K11"}, status); });
    RestBench bench(fake);
    with_batch(bench);
    bench.rest().batch->match = "/key";
    bench.rest().batch->match_by = "object_id";
    bench.send_together(attempts(15));
    for (auto& [counter, answer] : bench.answers) {
      if (counter == 4 || counter == 11)
        EXPECT_EQ(answer.error, class_of_status(status)) << counter;
      else
        EXPECT_EQ(answer.error, ErrorClass::none) << counter << " " << answer.description;
    }
    EXPECT_LE(fake.requests().size(), 17U);
  }
}

TEST(RestBatch, TheTargetsOwnTroubleIsNotSplit) {
  for (const int status : {401, 429, 500, 503}) {
    HttpFake fake([status](const FakeRequest&) { return answer_with(status); });
    RestBench bench(fake);
    with_batch(bench);
    bench.send_together(attempts(10));
    EXPECT_EQ(fake.requests().size(), 1U) << status;
    for (const auto& [counter, answer] : bench.answers) EXPECT_EQ(answer.error, class_of_status(status));
  }
}

TEST(RestBatch, TroubleInTheMiddleOfASplitLeavesTheRestUnsent) {
  HttpFake fake({answer_with(400), answer_with(503)});
  RestBench bench(fake);
  with_batch(bench);
  bench.send_together(attempts(4));
  EXPECT_EQ(fake.requests().size(), 2U);
  for (const auto& [counter, answer] : bench.answers) {
    EXPECT_EQ(answer.error, ErrorClass::unavailable);
    EXPECT_EQ(answer.maybe_in_effect, counter <= 2) << counter;
  }
}

TEST(RestBatch, AnUnansweredBatchIsUnknownForAll) {
  HttpFake fake({closed_unanswered()});
  RestBench bench(fake);
  with_batch(bench);
  bench.rest().batch->each = R"({"id":{record_id},"theirs":{remote_id},"data":{body}})";
  auto sent = attempts(1);
  sent.push_back(RestBench::attempt(2, Operation::update, "r2"));
  bench.send_together(sent);
  EXPECT_EQ(bench.answers[1].error, ErrorClass::outcome_unknown) << "its batch needs their id, so it is no upsert";
  EXPECT_EQ(bench.answers[1].doubt, Doubt::may_exist);
  EXPECT_EQ(bench.answers[2].error, ErrorClass::network);
  EXPECT_EQ(bench.answers[2].doubt, Doubt::none);
}

TEST(RestBatch, ABatchThatUpsertsMayBeSentAgain) {
  HttpFake fake({closed_unanswered()});
  RestBench bench(fake);
  with_batch(bench);
  bench.send_together(attempts(2));
  for (const auto& [counter, answer] : bench.answers) {
    EXPECT_EQ(answer.error, ErrorClass::network);
    EXPECT_EQ(answer.doubt, Doubt::none);
  }
}

TEST(RestBatch, KeepsToTheBytesOfACall) {
  HttpFake fake([](const FakeRequest& request) { return strict(request, {}, 400); });
  RestBench bench(fake);
  with_batch(bench);
  bench.rest().batch->match = "/key";
  bench.rest().batch->match_by = "object_id";
  bench.rest().batch->max_bytes = 2000;
  auto sent = attempts(10);
  for (Attempt& attempt : sent)
    attempt.body = "{\"x\":\"" + std::string(attempt.counter.value == 7 ? 3000 : 500, 'x') + "\"}";
  bench.send_together(sent);
  for (auto& [counter, answer] : bench.answers)
    EXPECT_EQ(answer.error, counter == 7 ? ErrorClass::too_large : ErrorClass::none) << counter;
  for (const auto& request : fake.requests()) EXPECT_LE(request.body.size(), 2000U);
}

TEST(RestBatch, OneBadRecordIsLeftOutBeforeSending) {
  HttpFake fake([](const FakeRequest& request) { return strict(request, {}, 400); });
  RestBench bench(fake);
  with_batch(bench);
  bench.rest().batch->each = R"({"key":{object_id},"code":{body.n},"data":{body}})";
  bench.rest().batch->match = "/key";
  bench.rest().batch->match_by = "object_id";
  auto sent = attempts(3);
  sent[1].body = "{\"other\":1}";
  sent[2].object_id = "\xFF";
  bench.send_together(sent);
  EXPECT_EQ(bench.answers[1].error, ErrorClass::none);
  EXPECT_EQ(bench.answers[2].error, ErrorClass::mapping);
  EXPECT_EQ(bench.answers[3].error, ErrorClass::mapping);
  EXPECT_EQ(fake.requests().size(), 1U);
}

TEST(RestBatch, WithoutAnswersPerRecordTheStatusIsEverybodys) {
  HttpFake fake({answer_with(204)});
  RestBench bench(fake);
  with_batch(bench);
  auto& batch = *bench.rest().batch;
  batch.match = batch.ok_at = batch.error_at = batch.remote_id_at = batch.answers_at = "";
  batch.call.wrap = batch.each = "";
  bench.send_together(attempts(2));
  EXPECT_EQ(fake.requests().at(0).body, "[{\"n\":1},{\"n\":2}]");
  for (const auto& [counter, answer] : bench.answers) EXPECT_EQ(answer.error, ErrorClass::none);
}

TEST(RestBatch, ARouteWithNothingButABatchSendsOneRecordThatWay) {
  HttpFake fake({answer_with(200, "{\"results\":[" + fine(1) + "]}")});
  RestBench bench(fake);
  with_batch(bench);
  bench.rest().create.reset();
  bench.rest().update.reset();
  EXPECT_EQ(bench.send(RestBench::attempt(1)).remote_id, "r1");
}

TEST(RestBatch, RecordsInDoubtTravelAlone) {
  HttpFake fake([](const FakeRequest& request) {
    if (request.method == "GET") return answer_with(200, "{\"items\":[{\"id\":9}]}");
    return request.method == "POST" ? answer_with(200, "{\"results\":[" + fine(1) + "]}") : answer_with(204);
  });
  RestBench bench(fake);
  bench.with_lookup();
  with_batch(bench);
  bench.rest().batch->operations = {"create"};
  auto sent = attempts(2);
  sent[1].doubt = Doubt::may_exist;
  bench.send_together(sent);
  EXPECT_EQ(bench.answers[1].remote_id, "r1");
  EXPECT_EQ(bench.answers[2].remote_id, "9");
}

}  // namespace
}  // namespace tandem
