#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "target/http_client.hpp"
#include "target/rest_call.hpp"
#include "target/rest_plan.hpp"
#include "target/rest_step.hpp"
#include "target/scrub.hpp"
#include "target/target.hpp"
#include "target/verdict.hpp"

namespace tandem {

/// A system behind an HTTP API of the usual shape; docs/rest-target.md tells what it does with each attempt and answer.
class RestTarget final : public Target {
 public:
  using Routes = std::vector<std::optional<RoutePlan>>;  ///< by RouteIndex; those of other targets are empty

  RestTarget(const TargetSettings& settings, Routes routes, HttpClient& http, Answered answered);
  ~RestTarget() override;

  [[nodiscard]] std::size_t batch_limit(RouteIndex route, Operation operation) const override;
  [[nodiscard]] std::uint64_t batch_bytes(RouteIndex route) const override;
  void start(Shipment shipment) override;
  bool probe(std::function<void(const Answer&)> done) override;
  void lend(HttpRequest request, LoanDone done) override;
  void abandon() override;

 private:
  /// One attempt on its way, through a lookup if need be.
  struct Flight {
    const RoutePlan* route = nullptr;
    Attempt attempt;
    Step step = Step::create;
    std::string remote_id;    ///< the attempt's, or what a lookup has found
    bool expects_id = false;  ///< a success of its request tells an id
    SteadyTime started;
  };
  using FlightPtr = std::shared_ptr<Flight>;
  using Flights = std::vector<FlightPtr>;
  /// Attempts that travel together, part after part: a part that is refused is halved until the bad one stands alone.
  struct Batch {
    const RoutePlan* route = nullptr;
    std::vector<Flights> parts;  ///< the next one last
  };
  using BatchPtr = std::shared_ptr<Batch>;

  // One record.
  void take(const FlightPtr& flight);
  void look_up(const FlightPtr& flight);
  void write(const FlightPtr& flight, const CallPlan& call);

  // Several records (rest_batch.cpp).
  void send_together(const RoutePlan& route, Flights flights);
  void send_next_part(const BatchPtr& batch);
  void part_answered(const BatchPtr& batch, const Flights& part, const CallOutcome& outcome);
  void answer_each(const BatchPlan& plan, const Flights& part, const Verdict& whole, const HttpAnswer& answer);
  void halve(const BatchPtr& batch, const Flights& part);

  [[nodiscard]] TemplateValues values_of(const Flight& flight) const;
  [[nodiscard]] tl::expected<HttpRequest, std::string> request_for(const CallPlan& call, const Flight& flight) const;
  [[nodiscard]] Verdict verdict_of(const CallPlan& call, const CallOutcome& outcome) const;

  enum class About : std::uint8_t { record, whole_call };  ///< what a 404 speaks of
  void settle(Flight& flight, Verdict verdict, About about);
  void fault(Flight& flight, ErrorClass error, std::string description);
  void give(Flight& flight, Answer answer);

  const TargetSettings settings_;
  const Routes routes_;
  HttpClient& http_;
  const Answered answered_;
  Scrubber scrubber_;
  RestCalls calls_;
  std::unique_ptr<RestCalls> loans_;  ///< with limits of their own; null where nobody may borrow
  bool starting_ = false;             ///< answers found within `start` wait for the next turn
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace tandem
