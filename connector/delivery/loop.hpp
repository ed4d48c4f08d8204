#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <utility>
#include <vector>

#include "config/settings.hpp"
#include "delivery/messages.hpp"
#include "delivery/target_link.hpp"
#include "model/error.hpp"
#include "target/http_client.hpp"
#include "target/target.hpp"

namespace tandem {

/// One thread that delivers to some targets: owns their bulkheads, their targets and one HTTP client, in which it
/// sleeps. All decisions are the bulkheads'; the loop has the clock and carries messages.
class DeliveryLoop {
 public:
  using MakeTarget = std::function<Result<std::unique_ptr<Target>>(const TargetSettings&, HttpClient&, Answered)>;
  /// Where messages go; called from the loop's thread, and must not wait.
  struct Outlets {
    std::function<void(ToFeed)> feed;
    std::function<void(ToSettle)> settle;
  };

  /// `settings` must outlive the loop. Without `make_target`: targets by their configured type. Fails with what is
  /// wrong in a target.
  [[nodiscard]] static Result<std::unique_ptr<DeliveryLoop>> make(const Settings& settings,
                                                                  const std::vector<TargetIndex>& targets,
                                                                  Outlets outlets, MakeTarget make_target = {});
  ~DeliveryLoop();
  DeliveryLoop(const DeliveryLoop&) = delete;
  DeliveryLoop& operator=(const DeliveryLoop&) = delete;

  /// For the feed and the settle thread. Pushing wakes the loop.
  [[nodiscard]] std::vector<std::pair<TargetIndex, TargetLink>> links() const;

  /// Somebody's request to one of these targets, with our access. From any thread; `done` is called once, from the
  /// loop's thread or this one.
  void lend(TargetIndex target, HttpRequest request, LoanDone done);

  /// Until stopped; then nothing new is attempted, answers are waited for, for `last_answers` at most, and what was
  /// attempted is handed to the settle outlet, marked. A mistake of ours throws, as a bug does.
  void run(const std::stop_token& stop, std::chrono::milliseconds last_answers = std::chrono::seconds{25});

 private:
  class Places;
  explicit DeliveryLoop(std::unique_ptr<Places> places);
  std::unique_ptr<Places> places_;
};

}  // namespace tandem
