#include "target/kafka_producer.hpp"

#include <array>

#include "target/trace_parent.hpp"

namespace tandem::kafka {
namespace {

constexpr std::uint64_t around_a_body = 64 << 10;  // headers, key and the envelope of an event

Handle<rd_kafka_conf_t> producer_conf(const TargetSettings& target, Producer::Batching batching,
                                      std::vector<PropertyProblem>& problems) {
  // Defaults that a property of the file may replace.
  KafkaConnection cluster;
  for (const auto& [name, value] : {std::pair("linger.ms", "1"), std::pair("reconnect.backoff.max.ms", "2000"),
                                    std::pair("socket.keepalive.enable", "true"), std::pair("client.id", "tandem")})
    cluster.properties.push_back({name, Secret(value), 0});
  cluster.properties.insert(cluster.properties.end(), target.cluster.properties.begin(),
                            target.cluster.properties.end());
  auto made = conf(cluster,
                   {{"enable.idempotence", "true"},
                    {"acks", "all"},
                    {"partitioner", "murmur2_random"},
                    {"message.timeout.ms", std::to_string(target.timeout.count())},
                    {"message.max.bytes", std::to_string(target.max_body_bytes + around_a_body)},
                    {"queue.buffering.max.messages", "1000000"},
                    {"log.queue", "true"}},
                   problems);
  if (batching == Producer::Batching::alone) rd_kafka_conf_set(made.get(), "batch.num.messages", "1", nullptr, 0);
  rd_kafka_conf_set_events(made.get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
  return made;
}

std::string joined(const std::vector<std::string>& brokers) {
  std::string all;
  for (const std::string& broker : brokers) all += (all.empty() ? "" : ",") + broker;
  return all;
}

void add(rd_kafka_headers_t* headers, std::string_view name, std::string_view value) {
  rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                      static_cast<ssize_t>(value.size()));
}

rd_kafka_vu_t part(rd_kafka_vtype_t kind) {
  rd_kafka_vu_t out{};
  out.vtype = kind;
  return out;
}

}  // namespace

std::vector<PropertyProblem> Producer::check(const TargetSettings& target) {
  std::vector<PropertyProblem> problems;
  auto made = producer_conf(target, Batching::many, problems);
  if (!problems.empty()) return problems;
  if (auto tried = client(RD_KAFKA_PRODUCER, std::move(made), scrubber_of(target.cluster)); !tried)
    problems.push_back({target.line, "", tried.error().message});
  return problems;
}

Result<std::unique_ptr<Producer>> Producer::make(const TargetSettings& target, Batching batching) {
  std::unique_ptr<Producer> producer(new Producer(target, scrubber_of(target.cluster)));
  std::vector<PropertyProblem> problems;
  auto made = producer_conf(target, batching, problems);
  if (!problems.empty())
    return fail(ErrorKind::config, problems[0].name + ": " + producer->scrubber_.clean(problems[0].message));
  rd_kafka_conf_set(made.get(), "bootstrap.servers", joined(target.cluster.brokers).c_str(), nullptr, 0);
  auto client = kafka::client(RD_KAFKA_PRODUCER, std::move(made), producer->scrubber_);
  if (!client) return tl::unexpected(std::move(client.error()));
  producer->client_ = std::move(*client);
  rd_kafka_set_log_queue(producer->client_.get(), nullptr);
  producer->events_.reset(rd_kafka_queue_get_main(producer->client_.get()));
  producer->bell_.rung_by(producer->events_.get());
  return producer;
}

rd_kafka_topic_t* Producer::topic(const std::string& name) {
  Handle<rd_kafka_topic_t>& known = topics_[name];
  if (!known) known.reset(rd_kafka_topic_new(client_.get(), name.c_str(), nullptr));
  return known.get();
}

rd_kafka_resp_err_t Producer::produce(const Messages& route, const Attempt& attempt,
                                      const std::optional<std::string_view>& value) {
  rd_kafka_topic_t* const to = topic(route.topic);
  if (to == nullptr) return rd_kafka_last_error();
  Handle<rd_kafka_headers_t> headers(rd_kafka_headers_new(8));
  add(headers.get(), "record_id", to_string(attempt.record_id));
  add(headers.get(), "request_type", route.request_type);
  add(headers.get(), "operation", operation_word(attempt.operation));
  add(headers.get(), "object_id", attempt.object_id);
  if (value) add(headers.get(), "content-type", content_type(route));
  if (is_traceparent(attempt.trace_context)) add(headers.get(), "traceparent", attempt.trace_context);

  std::array<rd_kafka_vu_t, 6> parts{part(RD_KAFKA_VTYPE_RKT),     part(RD_KAFKA_VTYPE_MSGFLAGS),
                                     part(RD_KAFKA_VTYPE_KEY),     part(RD_KAFKA_VTYPE_VALUE),
                                     part(RD_KAFKA_VTYPE_HEADERS), part(RD_KAFKA_VTYPE_OPAQUE)};
  parts[0].u.rkt = to;
  parts[1].u.i = RD_KAFKA_MSG_F_COPY;
  parts[2].u.mem = {const_cast<char*>(attempt.object_id.data()), attempt.object_id.size()};  // NOLINT: it is copied
  parts[3].u.mem = {value ? const_cast<char*>(value->data()) : nullptr, value ? value->size() : 0};  // NOLINT
  parts[4].u.headers = headers.get();
  parts[5].u.ptr = reinterpret_cast<void*>(static_cast<std::intptr_t>(attempt.counter.value));  // NOLINT
  const Handle<rd_kafka_error_t> error(rd_kafka_produceva(client_.get(), parts.data(), parts.size()));
  if (error) {
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error.get());
    if (code == RD_KAFKA_RESP_ERR__FATAL) note_fatal();
    return code;
  }
  [[maybe_unused]] const rd_kafka_headers_t* taken = headers.release();
  ++unanswered_;
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void Producer::serve(std::vector<Report>& reports, std::chrono::milliseconds longest) {
  bell_.quiet();
  auto wait = static_cast<int>(longest.count());
  while (const Handle<rd_kafka_event_t> event{rd_kafka_queue_poll(events_.get(), wait)}) {
    wait = 0;
    switch (rd_kafka_event_type(event.get())) {
      case RD_KAFKA_EVENT_DR:
        while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event.get())) {
          --unanswered_;
          reports.push_back({static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(message->_private)),  // NOLINT
                             message->err, rd_kafka_message_status(message)});
          if (lost_) continue;
          if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            trouble_ = {};
          else if (rd_kafka_fatal_error(client_.get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR)
            note_fatal();  // its own event may come later than the reports
        }
        break;
      case RD_KAFKA_EVENT_ERROR:
        note_error(event.get());
        break;
      case RD_KAFKA_EVENT_LOG:
        pass_log_on(event.get(), scrubber_, field::target, target_.name);
        break;
      default:
        break;
    }
  }
}

void Producer::note_error(rd_kafka_event_t* event) {
  const rd_kafka_resp_err_t code = rd_kafka_event_error(event);
  if (code == RD_KAFKA_RESP_ERR__FATAL) return note_fatal();
  const auto found = kafka::trouble(code);
  if (!found || lost_) return;
  // That no broker is up says less than why.
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && trouble_.error != ErrorClass::none) return;
  trouble_ = {*found, scrubber_.clean(rd_kafka_event_error_string(event))};
  // The same credentials are refused again and again: what waits is told at once.
  lost_ = *found == ErrorClass::auth;
}

void Producer::note_fatal() {
  std::array<char, 512> words{};
  const rd_kafka_resp_err_t code = rd_kafka_fatal_error(client_.get(), words.data(), words.size());
  lost_ = true;
  trouble_ = {kafka::trouble(code).value_or(ErrorClass::unavailable), scrubber_.clean(words.data())};
}

void Producer::purge() {
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

}  // namespace tandem::kafka
