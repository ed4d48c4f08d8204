#include "target/kafka_target.hpp"

#include <algorithm>
#include <utility>

#include "config/quantity.hpp"
#include "json/scan.hpp"
#include "log/log.hpp"

namespace tandem {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A shipment is no request: librdkafka makes requests of what is there. It only bounds what is in flight.
constexpr std::size_t records_in_a_shipment = 500;
constexpr milliseconds last_reports{300};
constexpr milliseconds full_queue_rest{100};

Answer failure(ErrorClass error, std::string words) {
  Answer answer;
  answer.error = error;
  answer.description = std::move(words);
  return answer;
}

}  // namespace

KafkaTarget::KafkaTarget(const TargetSettings& settings, Routes routes, HttpClient& http, Answered answered)
    : settings_(settings), routes_(std::move(routes)), http_(http), answered_(std::move(answered)) {}

KafkaTarget::~KafkaTarget() {
  *alive_ = false;
  for (const auto& producer : producers_) {
    http_.forget(producer->bell());
    producer->purge();
  }
}

std::size_t KafkaTarget::batch_limit(RouteIndex, Operation) const {
  return records_in_a_shipment;
}

std::uint64_t KafkaTarget::batch_bytes(RouteIndex) const {
  return settings_.memory_bytes;
}

bool KafkaTarget::probe(std::function<void(const Answer&)>) {
  return false;
}

void KafkaTarget::start(Shipment shipment) {
  const SteadyTime now = steady_clock::now();
  for (Attempt& attempt : shipment.attempts) send({shipment.route, std::move(attempt), Batching::many, nullptr, now});
}

Result<kafka::Producer*> KafkaTarget::producer(Batching batching) {
  kafka::Producer*& wanted = batching == Batching::many ? many_ : alone_;
  if (wanted != nullptr) return wanted;
  auto made = kafka::Producer::make(settings_, batching);
  if (!made) return tl::unexpected(std::move(made.error()));
  wanted = made->get();
  producers_.push_back(std::move(*made));
  http_.watch(wanted->bell(), [this, watched = wanted] { serve(*watched); });
  return wanted;
}

void KafkaTarget::send(Flight flight) {
  const kafka::Messages& route = *routes_.at(flight.route);
  if (!json::valid_utf8(flight.attempt.object_id))
    return give(flight, failure(ErrorClass::mapping, "object_id is not UTF-8"));
  if (!http_.may_send())
    return give(flight, failure(ErrorClass::network, "not sent: this connector has lost its turn"));
  std::string made;
  const auto value = kafka::value_of(route, flight.attempt, made);
  if (value && value->size() > settings_.max_body_bytes)
    return give(flight, failure(ErrorClass::too_large, "message of " + std::to_string(value->size()) +
                                                           " bytes, over max_body " +
                                                           std::to_string(settings_.max_body_bytes)));
  Answer answer;
  // A producer may turn out to be lost just now: then a second one is tried.
  for (int tries = 0; tries < 2; ++tries) {
    auto in = producer(flight.batching);
    if (!in) return give(flight, failure(ErrorClass::unavailable, in.error().message));
    const rd_kafka_resp_err_t refused = (*in)->produce(route, flight.attempt, value);
    if (refused == RD_KAFKA_RESP_ERR_NO_ERROR) {
      flight.in = *in;
      const Counter counter = flight.attempt.counter;
      flights_.insert_or_assign(counter, std::move(flight));
      return;
    }
    if ((*in)->lost()) {
      answer = failure((*in)->trouble().error, (*in)->trouble().words);
      retire(**in);
      continue;
    }
    answer = failure(kafka::judge(refused, RD_KAFKA_MSG_STATUS_NOT_PERSISTED).error, rd_kafka_err2str(refused));
    if (answer.error == ErrorClass::throttled) answer.retry_after = full_queue_rest;
    break;
  }
  give(flight, std::move(answer));
}

/// Everything that a producer has to tell.
void KafkaTarget::serve(kafka::Producer& producer, milliseconds longest) {
  std::vector<kafka::Producer::Report> reports;
  producer.serve(reports, longest);
  for (const kafka::Producer::Report& report : reports) reported(producer, report);
  if (producer.lost()) retire(producer);
  const bool retired = &producer != many_ && &producer != alone_;
  if (retired && producer.unanswered() == 0) bury(producer);
  hand_over();
}

void KafkaTarget::reported(kafka::Producer& producer, const kafka::Producer::Report& report) {
  const auto found = flights_.find(Counter{report.counter});
  if (found == flights_.end() || found->second.in != &producer) return;
  Flight flight = std::move(found->second);
  flights_.erase(found);
  const kafka::Verdict verdict = kafka::judge(report.error, report.status);
  if (verdict.error == ErrorClass::none) return give(flight, {});
  if (verdict.perhaps_a_neighbour && flight.batching == Batching::many) {
    flight.batching = Batching::alone;
    return send(std::move(flight));
  }
  Answer answer;
  answer.error = verdict.error;
  answer.maybe_in_effect = verdict.maybe_in_effect;
  answer.description = rd_kafka_err2str(report.error);
  if (verdict.error == ErrorClass::timeout)
    answer.description = "not acknowledged within " + format_duration(settings_.timeout);
  // Why it waited in vain says more than that it did.
  const kafka::Producer::Trouble& trouble = producer.trouble();
  if (trouble.error != ErrorClass::none && (producer.lost() || !verdict.maybe_in_effect)) {
    const bool waited = verdict.error == ErrorClass::timeout || verdict.error == ErrorClass::network;
    if (waited || producer.lost()) {
      answer.error = trouble.error;
      answer.description = trouble.words;
    }
  }
  give(flight, std::move(answer));
}

/// It takes no more messages; what it holds is answered as soon as it reports.
void KafkaTarget::retire(kafka::Producer& producer) {
  if (&producer != many_ && &producer != alone_) return;
  (&producer == many_ ? many_ : alone_) = nullptr;
  log::warn("the Kafka client is of no use any more; the next record makes a new one",
            {{field::target, settings_.name},
             {field::records, static_cast<std::uint64_t>(producer.unanswered())},
             {field::reason, producer.trouble().words}});
  producer.purge();
  if (producer.unanswered() > 0) return;
  http_.defer([this, alive = alive_, gone = &producer] {
    if (*alive) bury(*gone);
  });
}

void KafkaTarget::bury(kafka::Producer& producer) {
  const auto found = std::ranges::find(producers_, &producer, [](const auto& p) { return p.get(); });
  if (found == producers_.end()) return;
  http_.forget(producer.bell());
  std::erase_if(burials_,
                [](const auto& burial) { return burial.wait_for(milliseconds(0)) == std::future_status::ready; });
  burials_.push_back(std::async(std::launch::async, [gone = std::move(*found)]() mutable { gone.reset(); }));
  producers_.erase(found);
}

void KafkaTarget::give(const Flight& flight, Answer answer) {
  answer.counter = flight.attempt.counter;
  answer.duration = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - flight.started);
  answers_.push_back(std::move(answer));
  if (std::exchange(promised_, true)) return;
  http_.defer([this, alive = alive_] {
    if (*alive) hand_over();
  });
}

void KafkaTarget::hand_over() {
  promised_ = false;
  if (answers_.empty()) return;
  answered_(std::exchange(answers_, {}));
}

void KafkaTarget::abandon() {
  for (const auto& producer : producers_) producer->purge();
  const auto until = steady_clock::now() + last_reports;
  std::vector<kafka::Producer::Report> reports;
  for (const auto& producer : producers_) {
    while (producer->unanswered() > 0 && steady_clock::now() < until) {
      reports.clear();
      producer->serve(reports, milliseconds(10));
      for (const kafka::Producer::Report& report : reports) reported(*producer, report);
    }
  }
  // What has not been reported even now may have been sent.
  for (const auto& [counter, flight] : std::exchange(flights_, {})) {
    Answer answer = failure(ErrorClass::network, "given up before the cluster acknowledged it");
    answer.maybe_in_effect = true;
    give(flight, std::move(answer));
  }
  hand_over();
}

}  // namespace tandem
