#include "intake/fetch_plan.hpp"

#include <cmath>
#include <optional>

#include "json/scan.hpp"

namespace tandem {
namespace {

bool of_the_target(ErrorClass error) {
  switch (error) {
    case ErrorClass::network:
    case ErrorClass::timeout:
    case ErrorClass::unavailable:
    case ErrorClass::throttled:
    case ErrorClass::auth:
      return true;
    default:
      return false;
  }
}

Fetched failure(Fetched::Move move, ErrorClass error, std::string description) {
  Fetched out;
  out.move = move;
  out.error = error;
  out.description = std::move(description);
  return out;
}

}  // namespace

Fetched judge_fetch(const Verdict& verdict, std::string_view answer, const std::string& body_at, int attempts,
                    std::chrono::milliseconds age, const RetrySettings& retry) {
  using Next = Fetched::Move;
  if (verdict.error == ErrorClass::none) {
    const Result<std::optional<std::string_view>> body =
        json::validate(answer, 200) ? json::at(answer, body_at) : std::optional<std::string_view>();
    if (!body || !*body || json::kind_of(**body) != json::Kind::object)
      return failure(Next::give_up, ErrorClass::mapping, "the answer to `fetch` holds no object");
    Fetched out;
    out.move = Next::apply;
    out.body = **body;
    return out;
  }
  std::string words = "fetch " + verdict.description;
  if (of_the_target(verdict.error)) {
    if (age < retry.max_age) return failure(Next::patient, verdict.error, std::move(words));
    Fetched out = failure(Next::give_up, verdict.error, std::move(words));
    out.outcome = Outcome::expired;
    return out;
  }
  if (verdict.error != ErrorClass::not_found || attempts >= retry.count)
    return failure(Next::give_up, verdict.error, std::move(words));
  Fetched out = failure(Next::again, verdict.error, std::move(words));
  out.delay = std::chrono::milliseconds(
      std::llround(static_cast<double>(retry.first.count()) * std::pow(retry.factor, attempts)));
  return out;
}

}  // namespace tandem
