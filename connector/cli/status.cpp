#include "cli/commands.hpp"
#include "cli/read_session.hpp"

namespace tandem::cli {
namespace {

// Looks at no more than 100,000 rows above the lowest floor, whatever has piled up.
constexpr std::string_view targets_query = R"(
with floors as (
  select t.target, t.paused, t.paused_reason, coalesce(s.counter, 0) as floor
  from tandem.target t left join tandem.settled_through s on s.queue = 'outbox' and s.peer = t.target
), recent as materialized (
  select o.counter, o.target, o.request_state, o.date_time, o.error_code, o.date_time_update from tandem.outbox o
  where o.counter > (select coalesce(min(floor), 0) from floors) order by o.counter limit 100000
), above as (
  select r.target, count(*) as records, min(r.date_time) as oldest,
         (array_agg(r.error_code order by r.date_time_update desc nulls last) filter (where r.error_code is not null))[1] as error
  from recent r join floors f on f.target = r.target and r.counter > f.floor where r.request_state in (1, 2) group by r.target
), below as (
  select p.peer as target, count(*) as records, min(o.date_time) as oldest,
         (array_agg(o.error_code order by o.date_time_update desc nulls last) filter (where o.error_code is not null))[1] as error
  from tandem.parked p join floors f on f.target = p.peer join tandem.outbox o on o.counter = p.counter
  where p.queue = 'outbox' and p.counter <= f.floor group by p.peer
), waiting as (
  select p.peer as target, count(*) as records, mode() within group (order by p.reason) as waits_for
  from tandem.parked p where p.queue = 'outbox' group by p.peer
), failed as (
  select f.peer as target, count(*) as records from tandem.failed f where f.queue = 'outbox' group by f.peer
)
select f.target,
       case when f.paused or q.routes is not null then 'paused'
            when coalesce(a.error, b.error) in ('network', 'timeout', 'unavailable', 'auth') then 'target fault'
            when coalesce(x.records, 0) > 0 then 'failures'
            when least(a.oldest, b.oldest) < clock_timestamp() - interval '5 minutes' then 'late'
            when coalesce(a.records, 0) + coalesce(b.records, 0) > 0 then 'working' else 'in sync' end as state,
       coalesce(a.records, 0) + coalesce(b.records, 0) as pending, coalesce(w.records, 0) as parked, coalesce(x.records, 0) as failed,
       round(extract(epoch from greatest(clock_timestamp() - least(a.oldest, b.oldest), '0')))::bigint as oldest_pending_seconds,
       coalesce(a.error, b.error) as last_error, w.waits_for, f.floor, q.routes as paused_routes, coalesce(f.paused_reason, q.reason) as paused_reason
from floors f left join above a using (target) left join below b using (target) left join waiting w using (target) left join failed x using (target)
left join lateral (
  select string_agg(r.request_type, ', ' order by r.request_type) as routes, min(r.paused_reason) as reason
  from tandem.route r where r.target = f.target and r.paused
) as q on true
order by f.target)";

constexpr std::string_view sources_query = R"(
select s.source,
       case when s.paused then 'paused' when s.failed > 0 then 'failures'
            when s.oldest_pending < clock_timestamp() - interval '5 minutes' then 'late'
            when s.created + s.received + s.parked > 0 then 'working' else 'in sync' end as state,
       s.created + s.received as pending, s.parked, s.failed, s.refused,
       round(extract(epoch from greatest(clock_timestamp() - s.oldest_pending, '0')))::bigint as oldest_pending_seconds
from tandem.inbox_status s order by s.source)";

constexpr std::string_view connectors_query = R"(
select c.name, case when a.alive_at > clock_timestamp() - interval '10 seconds' and exists (
         select from tandem.connector d join tandem.connector_alive b using (name)
         where d.name <> c.name and d.targets && c.targets and not d.clean_stop and not c.clean_stop
           and b.alive_at > clock_timestamp() - interval '10 seconds') then 'delivers twice' when a.alive_at > clock_timestamp() - interval '10 seconds' then 'running' when c.clean_stop then 'stopped' else 'not running' end as state,
       c.epoch, c.version, round(extract(epoch from clock_timestamp() - a.alive_at))::bigint as alive_seconds_ago, split_part(a.host, ' ', 1) as host, a.pid
from tandem.connector c left join tandem.connector_alive a using (name) order by c.name)";

constexpr std::string_view alerts_query =
    "select alert_id, kind, subject, description, raised_at::text from tandem.alert where recovered_at is null "
    "order by alert_id limit 100";

constexpr std::string_view drift_query =
    "select watch, problem, description from tandem.drift() order by watch, description";

std::size_t count(const Table& table, std::size_t column, std::string_view word) {
  std::size_t found = 0;
  for (const auto& row : table.rows()) found += row[column] == word ? 1U : 0U;
  return found;
}

bool any(const Table& table, std::size_t column, std::string_view word) {
  return count(table, column, word) > 0;
}

}  // namespace

ExitCode status(Context& context) {
  auto session = installed_session(context, "status");
  if (!session) return ExitCode::failed;
  Output& output = context.output();
  auto target_rows = session->run(targets_query);
  if (!target_rows) return output.failed(target_rows.error());
  auto source_rows = session->run(sources_query);
  if (!source_rows) return output.failed(source_rows.error());
  auto connector_rows = session->run(connectors_query);
  if (!connector_rows) return output.failed(connector_rows.error());
  auto alert_rows = session->run(alerts_query);
  if (!alert_rows) return output.failed(alert_rows.error());
  auto drift_rows = session->run(drift_query);
  if (!drift_rows) return output.failed(drift_rows.error());

  using enum CellKind;
  const Table targets = Table::of(*target_rows, {{"target", text},
                                                 {"state", text},
                                                 {"pending", number},
                                                 {"parked", number},
                                                 {"failed", number},
                                                 {"oldest_pending_seconds", number},
                                                 {"last_error", text},
                                                 {"waits_for", text},
                                                 {"floor", number},
                                                 {"paused_routes", text},
                                                 {"paused_reason", text}});
  const Table sources = Table::of(*source_rows, {{"source", text},
                                                 {"state", text},
                                                 {"pending", number},
                                                 {"parked", number},
                                                 {"failed", number},
                                                 {"refused", number},
                                                 {"oldest_pending_seconds", number}});
  const Table connectors = Table::of(*connector_rows, {{"connector", text},
                                                       {"state", text},
                                                       {"epoch", number},
                                                       {"version", text},
                                                       {"alive_seconds_ago", number},
                                                       {"host", text},
                                                       {"pid", number}});
  const Table alerts =
      Table::of(*alert_rows,
                {{"alert_id", number}, {"kind", text}, {"subject", text}, {"description", text}, {"raised_at", text}});
  const Table drift = Table::of(*drift_rows, {{"watch", text}, {"problem", text}, {"description", text}});
  const bool twice = any(connectors, 1, "delivers twice"), runs = twice || any(connectors, 1, "running");
  bool degraded = !runs || twice || alerts.size() > 0 || drift.size() > 0;
  for (const auto* state : {"failures", "paused", "target fault", "late"})
    degraded = degraded || any(targets, 1, state) || any(sources, 1, state);
  if (output.json()) {
    json::Writer w;
    w.open_object().key("degraded").boolean(degraded).key("targets");
    targets.write(w);
    w.key("sources");
    sources.write(w);
    w.key("connectors");
    connectors.write(w);
    w.key("alerts");
    alerts.write(w);
    w.key("drift");
    drift.write(w);
    w.close_object();
    output.answer(w);
  } else {
    output.answer(targets.size() == 0 ? "no targets yet: run `tandem apply`\n" : targets.text());
    if (sources.size() > 0) output.answer(sources.text());
    output.answer(connectors.size() == 0 ? "no connector has ever run: start `tandem run`\n" : connectors.text());
    if (any(targets, 1, "failures"))
      output.answer("Records have failed: `tandem list --state failed` shows them, `tandem retry` sends them again.");
    if (any(targets, 1, "paused")) output.answer("A target is paused: `tandem resume TARGET` sends what has waited.");
    if (twice) output.answer("Two connectors serve the same target: stop one of them.");
    if (alerts.size() > 0)
      output.answer(alerts.text() +
                    "Alerts: when dealt with, update tandem.alert set recovered_at = now() where "
                    "alert_id = …");
    if (drift.size() > 0)
      output.answer(drift.text() +
                    "Capture is not what the watches ask for: `tandem plan` shows it, `tandem apply` "
                    "mends it.");
    if (!runs && connectors.size() > 0) output.answer("No connector runs: start `tandem run`.");
  }
  return degraded ? ExitCode::degraded : ExitCode::ok;
}

}  // namespace tandem::cli
