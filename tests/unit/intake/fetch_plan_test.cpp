#include "intake/fetch_plan.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

using namespace std::chrono_literals;
using Next = Fetched::Move;

Verdict verdict(ErrorClass error) {
  Verdict out;
  out.error = error;
  out.description = "words";
  return out;
}
Fetched judged(ErrorClass error, int attempts = 0, std::chrono::milliseconds age = 0ms, std::string_view answer = {}) {
  return judge_fetch(verdict(error), answer, "/data", attempts, age, RetrySettings{});
}

TEST(FetchPlan, TakesTheObjectFromItsPlace) {
  const auto found = judged(ErrorClass::none, 0, 0ms, R"({"data": {"n": 1.50}})");
  EXPECT_EQ(found.move, Next::apply);
  EXPECT_EQ(found.body, R"({"n": 1.50})");
  for (const char* answer : {"", "{}", "[]", R"({"data": null})", R"({"data": [1]})", R"({"data": )"})
    EXPECT_EQ(judged(ErrorClass::none, 0, 0ms, answer).move, Next::give_up) << answer;
}

TEST(FetchPlan, SpendsNothingWhileTheOtherSystemIsAway) {
  for (const ErrorClass error :
       {ErrorClass::network, ErrorClass::timeout, ErrorClass::unavailable, ErrorClass::throttled, ErrorClass::auth}) {
    EXPECT_EQ(judged(error, 100).move, Next::patient) << word(error);
    const auto late = judged(error, 0, 73h);
    EXPECT_EQ(late.move, Next::give_up) << word(error);
    EXPECT_EQ(late.outcome, Outcome::expired);
  }
}

TEST(FetchPlan, AsksAgainForWhatIsNotFound) {
  EXPECT_EQ(judged(ErrorClass::not_found, 0).move, Next::again);
  EXPECT_EQ(judged(ErrorClass::not_found, 0).delay, 10s);
  EXPECT_EQ(judged(ErrorClass::not_found, 2).delay, 40s);
  EXPECT_EQ(judged(ErrorClass::not_found, 3).move, Next::give_up);
  EXPECT_EQ(judged(ErrorClass::not_found, 3).outcome, Outcome::rejected);
  EXPECT_EQ(judged(ErrorClass::rejected, 0).move, Next::give_up) << "a refusal stays one";
}

}  // namespace
}  // namespace tandem
