#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "intake/fetch_plan.hpp"
#include "postgres/connection.hpp"
#include "store/fetch.hpp"
#include "target/http_client.hpp"
#include "target/rest_call.hpp"
#include "target/rest_plan.hpp"
#include "target/scrub.hpp"

namespace tandem {

/// The thread `fetch`: reads objects of which a source has told the id alone from that system's own interface, before
/// they are applied. One object is asked for once however many notices name it. It owns one SQL session and a client;
/// a system that is away is left alone for a while, and costs the records nothing.
class FetchThread {
 public:
  /// `settings` must outlive this. `fetched`: records may be applied; `fenced`: another connector has our name.
  FetchThread(const Settings& settings, store::Fence fence, std::function<void()> fetched,
              std::function<void()> fenced);
  ~FetchThread();

  /// Whether any route has a `fetch` request that a source needs.
  [[nodiscard]] static bool needed(const Settings& settings);
  /// Records have been stored. From any thread.
  void ring() { http_.wakeup(); }
  /// Until stopped. Never throws.
  void run(const std::stop_token& stop);

 private:
  using Clock = std::chrono::steady_clock;
  struct System {
    const TargetSettings* target;
    std::vector<std::string> source;  ///< the one source that pairs with it
    std::map<std::string, RoutePlan> routes;
    std::unique_ptr<RestCalls> calls;
    std::size_t in_flight = 0;
    Clock::time_point quiet_until{};
    std::chrono::milliseconds quiet{0};
  };
  struct Answered {
    System* system;
    store::FetchDue object;
    CallOutcome outcome;
  };

  [[nodiscard]] Status turn();
  [[nodiscard]] Status ask(System& system);
  void send(System& system, store::FetchDue object);
  [[nodiscard]] Status write(Answered& answered);
  [[nodiscard]] Status miss(const store::FetchDue& object, const Fetched& end);
  [[nodiscard]] const CallSettings& fetch_of(const System& system, const std::string& request_type) const;
  void leave_alone(System& system, const Verdict& verdict, const std::string& words);

  const Settings& settings_;
  const store::Fence fence_;
  const std::function<void()> fetched_, fenced_;
  HttpClient http_;
  Scrubber scrubber_;
  std::vector<System> systems_;
  std::set<std::int64_t> asked_;  ///< newest counter of each object that is asked for
  std::vector<Answered> answers_;
  std::optional<postgres::Connection> session_;
};

}  // namespace tandem
