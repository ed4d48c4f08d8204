#include "cli/commands.hpp"
#include "cli/read_session.hpp"
#include "cli/selection.hpp"

namespace tandem::cli {

ExitCode list(Context& context, const ListOptions& options) {
  auto session = installed_session(context, "list");
  if (!session) return ExitCode::failed;
  Condition condition = condition_of(options.selection);
  if (options.before) {
    condition.params.emplace_back(*options.before);
    condition.sql += " and o.counter < $" + std::to_string(condition.params.size());
  }
  const QueueNames queue = queue_of(options.selection);
  const std::string peer(queue.peer);
  auto rows = session->run(
      "select o.counter, o." + peer +
          ", o.request_type, o.object_id, o.operation, "
          "(array['created', 'received', 'done', 'failed'])[o.request_state], o.outcome, o.error_code, o.attempts, "
          "to_char(o.date_time at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), "
          "to_char(o.next_attempt_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), o.record_id, o.description "
          "from " +
          std::string(queue.table) + " o where true" + condition.sql + " order by o.counter desc limit " +
          std::to_string(options.limit),
      condition.params);
  if (!rows) return context.output().failed(rows.error());
  using enum CellKind;
  std::vector<Column> columns{
      {"counter", number},  {peer, text},        {"request_type", text},    {"object_id", text, 24},
      {"operation", text},  {"state", text},     {"outcome", text},         {"error_code", text},
      {"attempts", number}, {"date_time", text}, {"next_attempt_at", text}, {"record_id", text},
      {"description", text}};
  if (!context.output().json()) columns[11].widest = 8;  // its end is random; `trace COUNTER` has all of it
  context.output().answer(Table::of(*rows, std::move(columns)), "no such records");
  return ExitCode::ok;
}

}  // namespace tandem::cli
