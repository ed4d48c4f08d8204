#include "intake/fetch_thread.hpp"

#include <algorithm>
#include <utility>

#include "log/log.hpp"
#include "store/session.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds idle{500}, first_quiet{1'000}, longest_quiet{60'000};
constexpr std::size_t longest_words = 1'000;

}  // namespace

FetchThread::FetchThread(const Settings& settings, store::Fence fence, std::function<void()> fetched,
                         std::function<void()> fenced)
    : settings_(settings), fence_(std::move(fence)), fetched_(std::move(fetched)), fenced_(std::move(fenced)) {
  for (const auto& source : settings.sources) {
    const TargetSettings* target = settings.target(source.target);
    System system{target, {source.name}, {}, nullptr, 0, {}, {}};
    std::vector<TargetProblem> problems;  // `plan` and the target itself tell them
    for (const auto& route : settings.routes)
      if (route.target == source.target && route.apply && route.rest.fetch)
        system.routes.emplace(route.request_type, plan_route(settings, *target, route, problems));
    if (system.routes.empty()) continue;
    system.calls = std::make_unique<RestCalls>(*target, http_, scrubber_);
    systems_.push_back(std::move(system));
  }
}

FetchThread::~FetchThread() = default;

bool FetchThread::needed(const Settings& settings) {
  return std::ranges::any_of(settings.routes, [&](const RouteSettings& route) {
    return route.apply && route.rest.fetch &&
           std::ranges::any_of(settings.sources, [&](const auto& source) { return source.target == route.target; });
  });
}

void FetchThread::run(const std::stop_token& stop) {
  log::name_thread("fetch");
  const std::stop_callback wake(stop, [this] { http_.wakeup(); });
  while (!stop.stop_requested()) {
    const auto done = turn();
    http_.turn(idle);
    if (done) continue;
    if (done.error().kind == ErrorKind::fenced) {
      fenced_();
      return;
    }
    log::warn("objects cannot be fetched now; their records wait", done.error());
    session_.reset();
  }
  for (System& system : systems_) system.calls->abandon();
}

Status FetchThread::turn() {
  if (!session_ || !session_->usable()) {
    session_.reset();
    auto session = store::open_session(settings_, "fetch");
    if (!session) return tl::unexpected(std::move(session.error()));
    session_.emplace(std::move(*session));
  }
  auto answered = std::exchange(answers_, {});
  for (std::size_t i = 0; i < answered.size(); ++i)
    if (auto written = write(answered[i]); !written) {
      for (; i < answered.size(); ++i) asked_.erase(answered[i].object.counters.back());  // to be asked for again
      return written;
    }
  for (System& system : systems_)
    if (auto asked = ask(system); !asked) return asked;
  return {};
}

Status FetchThread::ask(System& system) {
  const auto most = static_cast<std::size_t>(system.target->concurrency);
  if (system.in_flight >= most || Clock::now() < system.quiet_until) return {};
  auto due = store::fetches_due(*session_, system.source, static_cast<std::int64_t>(2 * most));
  if (!due) return tl::unexpected(std::move(due.error()));
  // After an outage one object tells whether it is over.
  const std::size_t room = system.quiet > 0ms ? 1 : most;
  for (auto& object : *due) {
    if (system.in_flight >= room) break;
    if (asked_.contains(object.counters.back())) continue;
    send(system, std::move(object));
  }
  return {};
}

void FetchThread::send(System& system, store::FetchDue object) {
  const std::int64_t newest = object.counters.back();
  const auto route = system.routes.find(object.request_type);
  Attempt attempt;
  attempt.object_id = object.object_id;
  attempt.remote_id = object.remote_id;
  HttpRequest request;
  asked_.insert(newest);
  ++system.in_flight;
  const auto done = [this, &system, object](const CallOutcome& outcome) {
    --system.in_flight;
    answers_.push_back({&system, object, outcome});
  };
  if (route == system.routes.end() || !route->second.fetch) {
    return done({{}, TokenFault{ErrorClass::mapping, "the route has no request to fetch it", {}}});
  }
  const CallPlan& call = *route->second.fetch;
  const TemplateValues values{attempt, object.remote_id, object.request_type, route->second.key};
  request.method = call.method;
  request.headers = call.fixed_headers;
  request.repeat = Repeat::allowed;
  if (auto filled = call.path.fill(values, request.url); !filled)
    return done({{}, TokenFault{ErrorClass::mapping, filled.error(), {}}});
  for (const auto& [name, value] : call.headers) {
    std::string line = name + ": ";
    if (auto filled = value.fill(values, line); !filled)
      return done({{}, TokenFault{ErrorClass::mapping, "header " + name + ": " + filled.error(), {}}});
    request.headers.push_back(std::move(line));
  }
  system.calls->send(std::move(request), done);
}

Status FetchThread::write(Answered& answered) {
  System& system = *answered.system;
  const store::FetchDue& object = answered.object;
  asked_.erase(object.counters.back());
  Verdict verdict;
  if (answered.outcome.fault) {
    verdict.error = answered.outcome.fault->error;
    verdict.description = answered.outcome.fault->description;
    verdict.retry_after = answered.outcome.fault->retry_after;
  } else {
    verdict =
        judge(*system.routes.at(object.request_type).fetch, answered.outcome.answer, std::chrono::system_clock::now());
  }
  Fetched end = judge_fetch(verdict, answered.outcome.answer.body, fetch_of(system, object.request_type).body_at,
                            object.attempts, object.age, system.target->retry);
  end.description = scrubber_.clean(end.description).substr(0, longest_words);
  if (end.move == Fetched::Move::patient) {
    leave_alone(system, verdict, end.description);
    return {};
  }
  system.quiet = 0ms;
  if (end.move != Fetched::Move::apply) return miss(object, end);
  auto done = store::fetched(*session_, fence_, object,
                             {std::string(end.body), verdict.version, answered.outcome.answer.status});
  if (!done && (done.error().sqlstate.starts_with("22") || done.error().sqlstate.starts_with("54"))) {
    end.move = Fetched::Move::give_up;
    end.error = ErrorClass::mapping;
    end.description = done.error().message;
    return miss(object, end);
  }
  if (done) fetched_();
  return done;
}

Status FetchThread::miss(const store::FetchDue& object, const Fetched& end) {
  store::Missed missed;
  if (end.move == Fetched::Move::again) missed.again = end.delay;
  missed.outcome = word(end.outcome);
  missed.error_code = word(end.error);
  missed.description = end.description;
  missed.attempts = object.attempts + 1;
  auto done = store::fetch_missed(*session_, fence_, object, missed);
  if (done && !missed.again) fetched_();  // what waits behind it in its lane
  return done;
}

const CallSettings& FetchThread::fetch_of(const System& system, const std::string& request_type) const {
  for (const auto& route : settings_.routes)
    if (route.target == system.target->name && route.request_type == request_type && route.rest.fetch)
      return *route.rest.fetch;
  static const CallSettings none;
  return none;
}

void FetchThread::leave_alone(System& system, const Verdict& verdict, const std::string& words) {
  if (Clock::now() < system.quiet_until) return;
  system.quiet = std::clamp(system.quiet * 2, first_quiet, longest_quiet);
  const milliseconds wait = verdict.retry_after
                                ? std::clamp(*verdict.retry_after, first_quiet, system.target->retry_after_cap)
                                : system.quiet;
  system.quiet_until = Clock::now() + wait;
  log::warn("a system does not hand its objects out; their records wait",
            {{field::target, system.target->name}, {field::delay_ms, wait}, {field::reason, words}});
}

}  // namespace tandem
