#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "target/kafka_conf.hpp"
#include "target/kafka_message.hpp"
#include "target/kafka_verdict.hpp"

namespace tandem::kafka {

/// One client of librdkafka that produces: idempotent, acknowledged by all replicas. Nothing here waits; its bell rings
/// when `serve` has something to do. Once lost it never recovers: purge it, take its last reports, and make another.
class Producer {
 public:
  /// `alone`: never two messages in one request, so that a refusal is about one message.
  enum class Batching : std::uint8_t { many, alone };
  struct Report {
    std::int64_t counter;
    rd_kafka_resp_err_t error;
    rd_kafka_msg_status_t status;
  };
  /// Why it can be used no more, or what keeps its messages waiting.
  struct Trouble {
    ErrorClass error = ErrorClass::none;
    std::string words;
  };

  [[nodiscard]] static Result<std::unique_ptr<Producer>> make(const TargetSettings& target, Batching batching);
  /// Without a connection: what is wrong with the configuration.
  [[nodiscard]] static std::vector<PropertyProblem> check(const TargetSettings& target);

  [[nodiscard]] int bell() const { return bell_.fd(); }
  /// Takes a message, whose report comes later; anything but NO_ERROR: it was not taken.
  [[nodiscard]] rd_kafka_resp_err_t produce(const Messages& route, const Attempt& attempt,
                                            const std::optional<std::string_view>& value);
  /// Everything that has happened. Waits up to `longest` for the first of it.
  void serve(std::vector<Report>& reports, std::chrono::milliseconds longest = {});
  /// What waits or is under way is reported as failed, soon.
  void purge();

  [[nodiscard]] bool lost() const { return lost_; }
  [[nodiscard]] const Trouble& trouble() const { return trouble_; }
  /// Messages without a report.
  [[nodiscard]] std::size_t unanswered() const { return unanswered_; }

 private:
  Producer(const TargetSettings& target, Scrubber scrubber) : target_(target), scrubber_(std::move(scrubber)) {}
  void note_error(rd_kafka_event_t* event);
  void note_fatal();
  [[nodiscard]] rd_kafka_topic_t* topic(const std::string& name);

  const TargetSettings& target_;
  Scrubber scrubber_;
  Bell bell_;  ///< outlives the client that rings it
  Handle<rd_kafka_t> client_;
  Handle<rd_kafka_queue_t> events_;
  std::map<std::string, Handle<rd_kafka_topic_t>> topics_;
  std::size_t unanswered_ = 0;
  bool lost_ = false;
  Trouble trouble_;
};

}  // namespace tandem::kafka
