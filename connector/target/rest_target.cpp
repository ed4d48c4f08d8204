#include "target/rest_target.hpp"

#include <algorithm>
#include <utility>

#include "json/scan.hpp"
#include "target/proxy_rules.hpp"
#include "target/trace_parent.hpp"

namespace tandem {
namespace {

Operation operation_of(Step step, Operation fallback) {
  switch (step) {
    case Step::create:
      return Operation::create;
    case Step::update:
      return Operation::update;
    case Step::remove:
      return Operation::remove;
    default:
      return fallback;
  }
}

const CallPlan* call_of(const RoutePlan& route, Step step) {
  const auto pointer = [](const std::optional<CallPlan>& call) { return call ? &*call : nullptr; };
  switch (step) {
    case Step::create:
      return pointer(route.create);
    case Step::update:
      return pointer(route.update);
    case Step::upsert:
      return pointer(route.upsert);
    case Step::remove:
      return pointer(route.remove);
    case Step::call:
      return pointer(route.call);
    default:
      return nullptr;
  }
}

bool writes(Step step) {
  return step == Step::create || step == Step::update || step == Step::remove;
}

/// The record's id. A record may go out as a create, be cut off, and turn out to be an update (or the other way round);
/// since one key must never name two requests, a kind that is not the row's own stands behind it.
std::string idempotency_key(const Attempt& attempt, Step step) {
  std::string key = to_string(attempt.record_id);
  if (!attempt.recorded) return key;
  const bool creates = *attempt.recorded == Operation::create;
  if (step == Step::create && !creates) key += ":create";
  if (step == Step::update && creates) key += ":update";
  if (step == Step::remove && *attempt.recorded == Operation::rekey) key += ":delete";
  return key;
}

TargetSettings for_loans(TargetSettings settings) {
  settings.timeout = settings.lends->timeout;
  settings.max_answer_bytes = settings.lends->max_answer_bytes;
  return settings;
}

}  // namespace

RestTarget::RestTarget(const TargetSettings& settings, Routes routes, HttpClient& http, Answered answered)
    : settings_(settings),
      routes_(std::move(routes)),
      http_(http),
      answered_(std::move(answered)),
      calls_(settings_, http, scrubber_) {
  if (settings_.lends) loans_ = std::make_unique<RestCalls>(for_loans(settings_), http, scrubber_);
}

RestTarget::~RestTarget() {
  *alive_ = false;
}

std::size_t RestTarget::batch_limit(RouteIndex route, Operation operation) const {
  const RoutePlan& plan = *routes_.at(route);
  return plan.batches(operation) ? plan.batch->max_records : 1;
}

std::uint64_t RestTarget::batch_bytes(RouteIndex route) const {
  const RoutePlan& plan = *routes_.at(route);
  return plan.batch ? std::min(plan.batch->max_bytes, settings_.max_body_bytes) : settings_.max_body_bytes;
}

void RestTarget::start(Shipment shipment) {
  const RoutePlan& route = *routes_.at(shipment.route);
  const bool several = shipment.attempts.size() > 1;
  const SteadyTime now = std::chrono::steady_clock::now();
  starting_ = true;
  Flights together;
  for (Attempt& attempt : shipment.attempts) {
    auto flight = std::make_shared<Flight>();
    flight->route = &route;
    flight->attempt = std::move(attempt);
    flight->remote_id = flight->attempt.remote_id;
    flight->started = now;
    if (!json::valid_utf8(flight->attempt.object_id)) {
      fault(*flight, ErrorClass::mapping, "object_id is not UTF-8");
      continue;
    }
    flight->step = first_step(route, flight->attempt);
    const bool batched = writes(flight->step) && route.batches(operation_of(flight->step, flight->attempt.operation));
    if (batched && several)
      together.push_back(std::move(flight));
    else
      take(flight);
  }
  if (!together.empty()) send_together(route, std::move(together));
  starting_ = false;
}

void RestTarget::take(const FlightPtr& flight) {
  const RoutePlan& route = *flight->route;
  if (by_batch(route, flight->step, flight->attempt)) return send_together(route, {flight});
  if (const CallPlan* call = call_of(route, flight->step)) return write(flight, *call);
  Answer told;
  switch (flight->step) {
    case Step::lookup:
      return look_up(flight);
    case Step::there:
      return give(*flight, std::move(told));
    case Step::nothing_there:
      told.not_there = true;
      return give(*flight, std::move(told));
    case Step::look_again:
      told.error = ErrorClass::outcome_unknown;
      told.maybe_in_effect = true;
      told.doubt = Doubt::missing_once;
      told.description =
          "an earlier create was not answered; not found there yet, looked for once more before it is sent again";
      return give(*flight, std::move(told));
    case Step::unknowable:
      told.error = ErrorClass::outcome_unknown;
      told.maybe_in_effect = true;
      told.doubt = flight->attempt.doubt;
      told.description =
          "an earlier create was not answered, and the route has no lookup, upsert or idempotency_key to find out";
      return give(*flight, std::move(told));
    default:
      break;
  }
  fault(*flight, ErrorClass::rejected, "the route has no request for " + std::string(word(flight->attempt.operation)));
}

TemplateValues RestTarget::values_of(const Flight& flight) const {
  return {flight.attempt, flight.remote_id, flight.route->request_type, flight.route->key};
}

tl::expected<HttpRequest, std::string> RestTarget::request_for(const CallPlan& call, const Flight& flight) const {
  HttpRequest request;
  request.method = call.method;
  const TemplateValues values = values_of(flight);
  if (auto filled = call.path.fill(values, request.url); !filled) return tl::unexpected(std::move(filled.error()));
  request.headers.reserve(call.fixed_headers.size() + call.headers.size() + 3);
  request.headers = call.fixed_headers;
  for (const auto& [name, value] : call.headers) {
    std::string line = name + ": ";
    if (auto filled = value.fill(values, line); !filled)
      return tl::unexpected("header " + name + ": " + filled.error());
    request.headers.push_back(std::move(line));
  }
  if (is_traceparent(flight.attempt.trace_context))
    request.headers.push_back("traceparent: " + flight.attempt.trace_context);
  return request;
}

Verdict RestTarget::verdict_of(const CallPlan& call, const CallOutcome& outcome) const {
  if (!outcome.fault) return judge(call, outcome.answer, std::chrono::system_clock::now());
  Verdict verdict;
  verdict.error = outcome.fault->error;
  verdict.effect = Effect::none;
  verdict.description = outcome.fault->description;
  verdict.retry_after = outcome.fault->retry_after;
  return verdict;
}

void RestTarget::look_up(const FlightPtr& flight) {
  const CallPlan& call = *flight->route->lookup;
  auto request = request_for(call, *flight);
  if (!request) return fault(*flight, ErrorClass::mapping, std::move(request.error()));
  request->repeat = Repeat::allowed;
  calls_.send(std::move(*request), [this, flight, &call](const CallOutcome& outcome) {
    Verdict verdict = verdict_of(call, outcome);
    const bool missing =
        verdict.error == ErrorClass::not_found || (verdict.error == ErrorClass::none && verdict.remote_id.empty());
    if (verdict.error != ErrorClass::none && !missing) {
      verdict.effect = Effect::none;  // of the record's own request
      verdict.description = "lookup " + verdict.description;
      flight->step = Step::lookup;
      return settle(*flight, std::move(verdict), About::whole_call);
    }
    if (!missing) flight->remote_id = std::move(verdict.remote_id);
    flight->step = step_after(missing ? Lookup::missing : Lookup::found, *flight->route, flight->attempt);
    take(flight);
  });
}

void RestTarget::write(const FlightPtr& flight, const CallPlan& call) {
  flight->attempt.operation = operation_of(flight->step, flight->attempt.operation);
  auto request = request_for(call, *flight);
  if (!request) return fault(*flight, ErrorClass::mapping, std::move(request.error()));
  if (call.wrap) {
    if (auto filled = call.wrap->fill(values_of(*flight), request->body); !filled)
      return fault(*flight, ErrorClass::mapping, std::move(filled.error()));
  } else {
    request->body = flight->attempt.body;
  }
  if (request->body.size() > settings_.max_body_bytes)
    return fault(*flight, ErrorClass::too_large,
                 "body of " + std::to_string(request->body.size()) + " bytes, over max_body " +
                     std::to_string(settings_.max_body_bytes));
  if (!settings_.idempotency_header.empty())
    request->headers.push_back(settings_.idempotency_header + ": " + idempotency_key(flight->attempt, flight->step));
  request->repeat = repeatable(*flight->route, flight->step) ? Repeat::allowed : Repeat::never;
  flight->expects_id = !call.remote_id.empty();
  calls_.send(std::move(*request), [this, flight, &call](const CallOutcome& outcome) {
    settle(*flight, verdict_of(call, outcome), About::record);
  });
}

/// From what a request did there to what delivery must know.
void RestTarget::settle(Flight& flight, Verdict verdict, About about) {
  const RoutePlan& route = *flight.route;
  const Step step = flight.step;
  Answer out;
  out.status = verdict.status;
  out.error = verdict.error;
  out.retry_after = verdict.retry_after;
  out.version = std::move(verdict.version);
  out.description = std::move(verdict.description);
  out.maybe_in_effect = verdict.effect == Effect::unknown || verdict.effect == Effect::denied;
  if (!verdict.remote_id.empty()) flight.remote_id = std::move(verdict.remote_id);

  if (out.error == ErrorClass::not_found && about == About::record) {
    out.not_there = step == Step::remove || step == Step::update;
    if (step == Step::remove) {
      out.error = ErrorClass::none;
      out.description.clear();
    }
  }

  const bool blind = step == Step::create && !repeatable(route, step);
  if (step == Step::create && out.error == ErrorClass::none && flight.expects_id && flight.remote_id.empty()) {
    out.error = blind ? ErrorClass::outcome_unknown : ErrorClass::rejected;
    out.description = "answered " + std::to_string(out.status) + " without an id where the route looks for it";
    out.maybe_in_effect = true;
    verdict.effect = Effect::unknown;
  }
  if (out.error != ErrorClass::none && verdict.effect == Effect::none) {
    out.doubt = flight.attempt.doubt;  // this try has changed nothing
  } else if (blind && out.error != ErrorClass::none) {
    const bool look = route.lookup.has_value();
    if (verdict.effect == Effect::unknown || look) out.doubt = Doubt::may_exist;
    if (verdict.effect == Effect::unknown && !look) out.error = ErrorClass::outcome_unknown;
  }
  give(flight, std::move(out));
}

void RestTarget::fault(Flight& flight, ErrorClass error, std::string description) {
  Answer out;
  out.error = error;
  out.doubt = flight.attempt.doubt;
  out.description = std::move(description);
  give(flight, std::move(out));
}

void RestTarget::give(Flight& flight, Answer answer) {
  answer.counter = flight.attempt.counter;
  answer.remote_id = flight.remote_id;
  if (!answer.description.empty()) answer.description = scrubber_.clean(answer.description);
  if (answer.retry_after) answer.retry_after = std::min(*answer.retry_after, settings_.retry_after_cap);
  answer.duration =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - flight.started);
  if (!starting_) return answered_({std::move(answer)});
  http_.defer([this, alive = alive_, answer = std::move(answer)] {
    if (*alive) answered_({answer});
  });
}

bool RestTarget::probe(std::function<void(const Answer&)> done) {
  if (settings_.probe_path.empty()) return false;
  HttpRequest request;
  request.url = settings_.probe_path;
  for (const auto& [name, value] : settings_.headers) request.headers.push_back(name + ": " + value);
  request.repeat = Repeat::allowed;
  calls_.send(std::move(request), [this, done = std::move(done),
                                   started = std::chrono::steady_clock::now()](const CallOutcome& outcome) {
    const CallPlan call;
    Verdict verdict = verdict_of(call, outcome);
    Answer out;
    out.status = verdict.status;
    // A 404 or 405 is an answer too: the system is there.
    const bool there = verdict.status >= 400 && verdict.status < 500 && verdict.effect == Effect::none &&
                       verdict.error != ErrorClass::auth && verdict.error != ErrorClass::throttled &&
                       verdict.error != ErrorClass::unavailable;
    out.error = there ? ErrorClass::none : verdict.error;
    out.description = scrubber_.clean(verdict.description);
    if (verdict.retry_after) out.retry_after = std::min(*verdict.retry_after, settings_.retry_after_cap);
    out.duration = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
    done(out);
  });
  return true;
}

void RestTarget::lend(HttpRequest request, LoanDone done) {
  if (!loans_) return done({.status = 501, .problem = "the target cannot be called"});
  for (const auto& [name, value] : settings_.headers) request.headers.push_back(name + ": " + value);
  loans_->send(std::move(request), [this, done = std::move(done)](const CallOutcome& outcome) {
    done(loan_answer(outcome, scrubber_, std::chrono::system_clock::now()));
  });
}

void RestTarget::abandon() {
  calls_.abandon();
  if (loans_) loans_->abandon();
}

}  // namespace tandem
