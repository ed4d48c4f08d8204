#include "cli/selection.hpp"

namespace tandem::cli {

QueueNames queue_of(const Selection& selection) {
  if (selection.of_inbox()) return {"inbox", "tandem.inbox", "source"};
  return {"outbox", "tandem.outbox", "target"};
}

Condition condition_of(const Selection& selection) {
  Condition out;
  const auto add = [&](const std::string& before, postgres::Param value, const std::string& after) {
    out.params.push_back(std::move(value));
    out.sql += " and " + before + "$" + std::to_string(out.params.size()) + after;
  };
  if (!selection.counters.empty()) add("o.counter = any (", postgres::Param::array(selection.counters), "::bigint[])");
  if (!selection.target.empty()) add("o.target = ", selection.target, "");
  if (!selection.source.empty()) add("o.source = ", selection.source, "");
  if (!selection.request_type.empty()) add("o.request_type = ", selection.request_type, "");
  if (!selection.object_id.empty()) {
    if (!selection.of_inbox())  // which no index leads to by the object
      add("hashtextextended(o.object_id, 0) = hashtextextended(", selection.object_id, "::text, 0)");
    add("o.object_id = ", selection.object_id, "");
  }
  if (!selection.outcome.empty()) add("o.outcome = ", selection.outcome, "");
  if (!selection.error_code.empty()) add("o.error_code = ", selection.error_code, "");
  if (selection.state == "pending") out.sql += " and o.request_state in (1, 2)";
  if (selection.state == "created") out.sql += " and o.request_state = 1";
  if (selection.state == "received") out.sql += " and o.request_state = 2";
  if (selection.state == "done") out.sql += " and o.request_state = 3";
  if (selection.state == "failed")  // few, and listed apart
    out.sql += " and o.request_state = 4 and o.counter in (select f.counter from tandem.failed f where f.queue = '" +
               std::string(queue_of(selection).queue) + "')";
  return out;
}

}  // namespace tandem::cli
