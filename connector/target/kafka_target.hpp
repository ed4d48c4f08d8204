#pragma once
#include <future>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "config/settings.hpp"
#include "target/http_client.hpp"
#include "target/kafka_message.hpp"
#include "target/kafka_producer.hpp"
#include "target/target.hpp"

namespace tandem {

/// Topics of a Kafka cluster; docs/kafka.md tells what becomes of each attempt and delivery report.
///
///     start ─► in a producer ─► report ─► answered
///                 │                └─ refused, perhaps for a neighbour's sake ─► in a producer without batches ─► …
///                 └─ fatal ─► purged: everything in it is answered; the next attempt finds a new producer
class KafkaTarget final : public Target {
 public:
  using Routes = std::vector<std::optional<kafka::Messages>>;  ///< by RouteIndex; those of other targets are empty

  KafkaTarget(const TargetSettings& settings, Routes routes, HttpClient& http, Answered answered);
  ~KafkaTarget() override;
  KafkaTarget(const KafkaTarget&) = delete;
  KafkaTarget& operator=(const KafkaTarget&) = delete;

  [[nodiscard]] std::size_t batch_limit(RouteIndex route, Operation operation) const override;
  [[nodiscard]] std::uint64_t batch_bytes(RouteIndex route) const override;
  void start(Shipment shipment) override;
  /// Has no question that says more than a record: whether a topic takes messages only a message tells.
  bool probe(std::function<void(const Answer&)> done) override;
  void abandon() override;

 private:
  using Batching = kafka::Producer::Batching;
  struct Flight {
    RouteIndex route = no_route;
    Attempt attempt;  ///< for the try alone
    Batching batching = Batching::many;
    kafka::Producer* in = nullptr;
    SteadyTime started;
  };

  void send(Flight flight);
  /// The living producer of this kind; makes it where there is none.
  [[nodiscard]] Result<kafka::Producer*> producer(Batching batching);
  void serve(kafka::Producer& producer, std::chrono::milliseconds longest = {});
  void reported(kafka::Producer& producer, const kafka::Producer::Report& report);
  void retire(kafka::Producer& producer);
  void bury(kafka::Producer& producer);
  void give(const Flight& flight, Answer answer);
  void hand_over();

  const TargetSettings& settings_;
  const Routes routes_;
  HttpClient& http_;
  const Answered answered_;
  std::list<std::unique_ptr<kafka::Producer>> producers_;  ///< retired ones too, until their last report
  kafka::Producer *many_ = nullptr, *alone_ = nullptr;
  std::unordered_map<Counter, Flight> flights_;
  std::vector<Answer> answers_;             ///< to be handed over in the next turn, or at the end of this one
  bool promised_ = false;                   ///< a turn is asked for to do so
  std::vector<std::future<void>> burials_;  ///< a client joins its threads when it goes, which may take a while
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace tandem
