#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "json/scan.hpp"
#include "json/text.hpp"
#include "target/rest_target.hpp"

namespace tandem {
namespace {

std::string text_at(std::string_view token, const std::string& pointer) {
  const auto found = json::at(token, pointer);
  if (!found || !*found) return {};
  return json::scalar_text(**found).value_or(std::string());
}

/// What one record's part of the answer says.
Verdict judge_one(const BatchPlan& plan, std::string_view token) {
  Verdict verdict;
  const auto at = [&](const std::string& pointer) -> std::optional<std::string_view> {
    if (pointer.empty()) return std::nullopt;
    const auto found = json::at(token, pointer);
    return found ? *found : std::nullopt;
  };
  bool good = true;
  if (!plan.status_at.empty()) {
    const std::string status = text_at(token, plan.status_at);
    const bool number =
        !status.empty() && status.size() <= 3 && status.find_first_not_of("0123456789") == std::string::npos;
    verdict.status = number ? std::stoi(status) : 0;
    good = verdict.status >= 200 && verdict.status < 300;
  }
  if (!plan.ok_at.empty()) good = good && at(plan.ok_at) == std::string_view("true");
  const auto error = at(plan.error_at);
  good = good && !means_error(error);
  if (good) {
    if (!plan.remote_id_at.empty()) verdict.remote_id = text_at(token, plan.remote_id_at);
    return verdict;
  }
  verdict.error = verdict.status >= 300 ? class_of_status(verdict.status) : ErrorClass::rejected;
  verdict.effect = verdict.status >= 500 ? Effect::denied : Effect::none;
  verdict.description = "answered within the batch: " + error_words(means_error(error) ? *error : token);
  return verdict;
}

Verdict untold(const Verdict& whole, std::string description) {
  Verdict verdict;
  verdict.status = whole.status;
  verdict.error = ErrorClass::unavailable;
  verdict.effect = Effect::unknown;
  verdict.description = std::move(description);
  return verdict;
}

/// Refusals that one bad record may have brought on all.
bool may_be_one_records_fault(ErrorClass error) {
  return error == ErrorClass::rejected || error == ErrorClass::conflict || error == ErrorClass::too_large ||
         error == ErrorClass::not_found;
}

}  // namespace

void RestTarget::send_together(const RoutePlan& route, Flights flights) {
  const auto batch = std::make_shared<Batch>();
  batch->route = &route;
  if (route.batch->call.path.uses("operation")) {
    for (const Step step : {Step::remove, Step::update, Step::create}) {
      Flights same;
      std::copy_if(flights.begin(), flights.end(), std::back_inserter(same),
                   [step](const FlightPtr& f) { return f->step == step; });
      if (!same.empty()) batch->parts.push_back(std::move(same));
    }
  } else {
    batch->parts.push_back(std::move(flights));
  }
  send_next_part(batch);
}

void RestTarget::send_next_part(const BatchPtr& batch) {
  if (batch->parts.empty()) return;
  const BatchPlan& plan = *batch->route->batch;
  Flights part;
  std::string list;
  for (const FlightPtr& flight : batch->parts.back()) {
    flight->attempt.operation = flight->step == Step::create   ? Operation::create
                                : flight->step == Step::remove ? Operation::remove
                                                               : Operation::update;
    flight->expects_id = !plan.remote_id_at.empty();
    std::string one;
    if (plan.each) {
      if (auto filled = plan.each->fill(values_of(*flight), one); !filled) {
        fault(*flight, ErrorClass::mapping, std::move(filled.error()));
        continue;
      }
    } else {
      one = flight->attempt.body.empty() ? "null" : flight->attempt.body;
    }
    if (!part.empty()) list += ',';
    list += one;
    part.push_back(flight);
  }
  batch->parts.pop_back();
  if (part.empty()) return send_next_part(batch);

  auto request = request_for(plan.call, *part.front());
  if (!request) {
    for (const FlightPtr& flight : part) fault(*flight, ErrorClass::mapping, request.error());
    return send_next_part(batch);
  }
  request->body = plan.call.wrap ? plan.call.wrap->fill_body(list) : "[" + list + "]";
  const std::uint64_t most = std::min(plan.max_bytes, settings_.max_body_bytes);
  if (part.size() > plan.max_records || (part.size() > 1 && request->body.size() > most)) {
    halve(batch, part);
    return send_next_part(batch);
  }
  if (request->body.size() > most) {
    fault(*part.front(), ErrorClass::too_large,
          "body of " + std::to_string(request->body.size()) + " bytes, over the batch's " + std::to_string(most));
    return send_next_part(batch);
  }
  const bool safe =
      std::all_of(part.begin(), part.end(), [&](const FlightPtr& f) { return repeatable(*batch->route, f->step); });
  request->repeat = safe ? Repeat::allowed : Repeat::never;
  calls_.send(std::move(*request), [this, batch, part = std::move(part)](const CallOutcome& outcome) {
    part_answered(batch, part, outcome);
  });
}

void RestTarget::halve(const BatchPtr& batch, const Flights& part) {
  const auto middle = part.begin() + static_cast<std::ptrdiff_t>(part.size() / 2);
  batch->parts.emplace_back(middle, part.end());
  batch->parts.emplace_back(part.begin(), middle);
}

void RestTarget::part_answered(const BatchPtr& batch, const Flights& part, const CallOutcome& outcome) {
  const BatchPlan& plan = *batch->route->batch;
  const Verdict verdict = verdict_of(plan.call, outcome);
  if (verdict.error == ErrorClass::none) {
    if (plan.per_record())
      answer_each(plan, part, verdict, outcome.answer);
    else
      for (const FlightPtr& flight : part) settle(*flight, verdict, About::whole_call);
    return send_next_part(batch);
  }
  if (may_be_one_records_fault(verdict.error) && verdict.effect == Effect::none) {
    if (part.size() > 1)
      halve(batch, part);
    else
      settle(*part.front(), verdict, About::whole_call);
    return send_next_part(batch);
  }
  // The target's own trouble: what has not been sent yet need not run into it as well.
  for (const FlightPtr& flight : part) settle(*flight, verdict, About::whole_call);
  Verdict unsent = verdict;
  unsent.effect = Effect::none;
  unsent.status = 0;
  unsent.description = "not sent: the part before it failed: " + verdict.description;
  while (!batch->parts.empty()) {
    for (const FlightPtr& flight : batch->parts.back()) settle(*flight, unsent, About::whole_call);
    batch->parts.pop_back();
  }
}

void RestTarget::answer_each(const BatchPlan& plan, const Flights& part, const Verdict& whole,
                             const HttpAnswer& answer) {
  const auto all = [&](const std::string& why) {
    for (const FlightPtr& flight : part)
      settle(*flight, untold(whole, "answered " + std::to_string(whole.status) + " " + why), About::whole_call);
  };
  if (answer.failure != HttpFailure::none) return all("without its whole body: " + answer.error);
  const auto list = json::at(answer.body, plan.answers_at);
  if (!list) return all("with a body that is not JSON");
  const auto tokens = json::elements(*list ? **list : std::string_view("null"));
  if (!tokens)
    return all("without the list of answers" + (plan.answers_at.empty() ? std::string() : " at " + plan.answers_at));

  if (plan.match.empty()) {
    if (tokens->size() != part.size())
      return all("with " + std::to_string(tokens->size()) + " answers to " + std::to_string(part.size()) + " records");
    for (std::size_t i = 0; i < part.size(); ++i) settle(*part[i], judge_one(plan, (*tokens)[i]), About::record);
    return;
  }
  std::unordered_map<std::string, std::string_view> by_id;
  for (const std::string_view token : *tokens) by_id.emplace(text_at(token, plan.match), token);
  for (const FlightPtr& flight : part) {
    const Attempt& attempt = flight->attempt;
    const auto found = by_id.find(plan.match_by == "object_id" ? attempt.object_id : to_string(attempt.record_id));
    if (found == by_id.end())
      settle(*flight, untold(whole, "the answer to the batch does not name this record"), About::record);
    else
      settle(*flight, judge_one(plan, found->second), About::record);
  }
}

}  // namespace tandem
