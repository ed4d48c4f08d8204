#include "daemon/take_turn.hpp"

#include <algorithm>

#include "log/log.hpp"
#include "store/session.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;

tl::unexpected<Error> stopped() {
  return fail(ErrorKind::unavailable, "stopped before it became the connector");
}

std::vector<std::string> names_of(const std::vector<TargetSettings>& targets) {
  std::vector<std::string> names;
  for (const TargetSettings& target : targets) names.push_back(target.name);
  return names;
}

}  // namespace

std::chrono::milliseconds longest_request(const Settings& settings) {
  std::chrono::milliseconds longest{0};
  for (const TargetSettings& target : settings.targets) longest = std::max(longest, target.timeout);
  return longest;
}

Result<store::Tenure> take_turn(const Settings& settings, std::chrono::milliseconds lease,
                                const std::function<bool(std::chrono::milliseconds)>& pause) {
  bool told = false;
  std::chrono::milliseconds delay = 250ms;
  while (true) {
    auto session = store::open_session(settings, "start");
    while (session) {
      auto before = store::predecessor(*session, settings.connector);
      if (!before) {
        session = tl::unexpected(before.error());
        break;
      }
      auto plan = store::plan_start(*before, store::surely_dead(*before), lease, longest_request(settings));
      if (plan.move == store::StartPlan::Move::stand_by) {
        if (!told)
          log::info("another connector with our name is alive; standing by",
                    {{field::connector, settings.connector}, {field::epoch, before->epoch}});
        told = true;
        if (pause(std::min(plan.wait, 1'000ms))) return stopped();
        continue;
      }
      store::Claim claim{names_of(settings.targets), {}, plan.wait};
      auto others = store::rivals(*session, settings.connector, claim.targets);
      if (!others) {
        session = tl::unexpected(others.error());
        break;
      }
      for (const store::Rival& rival : *others) {
        const auto over =
            store::plan_start(rival.last, store::surely_dead(rival.last), lease, longest_request(settings));
        if (over.move == store::StartPlan::Move::stand_by)
          return fail(ErrorKind::refused, "the connector " + rival.name + " is alive and delivers to " + rival.shared,
                      "stop " + rival.name + ", or set connector: " + rival.name +
                          " here to stand by for it; two connectors would deliver every record twice");
        claim.quiet = plan.wait = std::max(plan.wait, over.wait);
      }
      claim.over = std::move(*others);
      auto tenure = store::take_over(*session, settings.connector, before->epoch, claim);
      if (!tenure && tenure.error().kind == ErrorKind::fenced) continue;  // another was quicker: stand by for it
      if (!tenure) {
        session = tl::unexpected(tenure.error());
        break;
      }
      if (plan.wait > 0ms) {
        log::info("taken over; waiting until the requests of the one before must have ended",
                  {{field::epoch, tenure->epoch}, {field::delay_ms, plan.wait}});
        const auto until = std::chrono::steady_clock::now() + plan.wait;
        while (std::chrono::steady_clock::now() < until) {
          if (auto alive = store::still_alive(*session, settings.connector, tenure->epoch);
              !alive && alive.error().kind == ErrorKind::fenced)
            return tl::unexpected(alive.error());
          if (pause(1'000ms)) return stopped();
        }
      }
      return tenure;
    }
    if (session.error().kind != ErrorKind::unavailable && session.error().kind != ErrorKind::timeout)
      return tl::unexpected(session.error());
    log::warn("the database cannot be reached; trying again", session.error(), {{field::delay_ms, delay}});
    if (pause(delay)) return stopped();
    delay = std::min(delay * 2, 5'000ms);
  }
}

}  // namespace tandem
