#include "target/kafka_reach.hpp"

#include "target/kafka_conf.hpp"

namespace tandem::kafka {

Result<Reach> reach(const KafkaConnection& cluster, std::chrono::milliseconds longest) {
  const Scrubber scrubber = scrubber_of(cluster);
  std::vector<PropertyProblem> problems;
  std::string brokers;
  for (const std::string& broker : cluster.brokers) brokers += (brokers.empty() ? "" : ",") + broker;
  auto made = conf(cluster, {{"bootstrap.servers", brokers}, {"log.queue", "true"}}, problems);
  if (!problems.empty()) return fail(ErrorKind::config, problems[0].name + ": " + scrubber.clean(problems[0].message));
  rd_kafka_conf_set_events(made.get(), RD_KAFKA_EVENT_ERROR);
  auto asking = client(RD_KAFKA_PRODUCER, std::move(made), scrubber);
  if (!asking) return tl::unexpected(std::move(asking.error()));
  const rd_kafka_metadata_t* answer = nullptr;
  const rd_kafka_resp_err_t failed =
      rd_kafka_metadata(asking->get(), 1, nullptr, &answer, static_cast<int>(longest.count()));
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
    std::string why = rd_kafka_err2str(failed);
    const Handle<rd_kafka_queue_t> events(rd_kafka_queue_get_main(asking->get()));
    while (const Handle<rd_kafka_event_t> event{rd_kafka_queue_poll(events.get(), 0)}) {
      if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_ERROR) continue;
      if (rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) continue;
      why = rd_kafka_event_error_string(event.get());
      break;
    }
    return fail(ErrorKind::unavailable, scrubber.clean(why));
  }
  const Handle<const rd_kafka_metadata_t> told(answer);
  Reach reach;
  reach.brokers = told->broker_cnt;
  for (int i = 0; i < told->topic_cnt; ++i) reach.topics.emplace_back(told->topics[i].topic);
  return reach;
}

}  // namespace tandem::kafka
