#include "capture/plugin_choice.hpp"
#include "cli/findings.hpp"
#include "config/quantity.hpp"

namespace tandem::cli {
namespace {

using postgres::Connection;
using postgres::Param;

void slot(Connection& session, const Settings& settings, Findings& findings) {
  const Param params[] = {settings.capture.slot};
  const std::string lost =
      session.server_version() >= 130000 ? "coalesce(wal_status, '') in ('lost', 'unreserved')" : "false";
  auto rows = session.run("select plugin, active, " + lost +
                              ", coalesce(pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() "
                              "else pg_current_wal_lsn() end, restart_lsn), 0)::bigint, database = current_database() "
                              "from pg_replication_slots where slot_name = $1",
                          params);
  if (!rows)
    return findings.push_back(
        {"slot", Severity::warning, "could not be looked at: " + rows.error().message, rows.error().hint});
  const std::string name = settings.capture.slot;
  if (rows->size() == 0)
    return findings.push_back({"slot", Severity::ok, name + " exists only while the connector runs and streams", {}});
  const auto retained = static_cast<std::uint64_t>(std::max<std::int64_t>(0, rows->number(0, 3)));
  if (!rows->flag(0, 4))
    findings.push_back({"slot", Severity::error, name + " belongs to another database",
                        "give this connector another name or capture.slot"});
  else if (!output_plugin(rows->text(0, 0)))
    findings.push_back({"slot", Severity::error, name + " uses the plugin " + std::string(rows->text(0, 0)),
                        "give capture.slot another name, or drop the slot"});
  else if (rows->flag(0, 2))
    findings.push_back({"slot", Severity::warning, name + " has lost its WAL; windows poll until it is made again",
                        "`tandem run` makes it again by itself; look at max_slot_wal_keep_size"});
  else if (retained > settings.capture.wal_budget_bytes)
    findings.push_back({"slot", Severity::warning,
                        name + " keeps " + format_size(retained) + " of WAL, more than capture.wal_budget",
                        rows->flag(0, 1) ? "look for a long transaction"
                                         : "start `tandem run`, or drop the slot: nothing is lost by that"});
  else
    findings.push_back(
        {"slot",
         Severity::ok,
         name + " keeps " + format_size(retained) + " of WAL" + (rows->flag(0, 1) ? "" : " and is not in use"),
         {}});
}

void publication(Connection& session, const Settings& settings, Findings& findings) {
  const Param params[] = {settings.capture.publication};
  auto rows = session.run(
      "select p.pubinsert, (select count(*) from pg_publication_tables t where t.pubname = p.pubname and t.schemaname "
      "= 'tandem' "
      "and t.tablename in ('outbox', 'inbox')) from pg_publication p where p.pubname = $1",
      params);
  if (!rows)
    return findings.push_back(
        {"publication", Severity::warning, "could not be looked at: " + rows.error().message, rows.error().hint});
  if (rows->size() == 0)
    findings.push_back({"publication", Severity::warning,
                        settings.capture.publication + " does not exist: no stream, windows poll",
                        "run `tandem migrate`"});
  else if (!rows->flag(0, 0) || rows->number(0, 1) < 2)
    findings.push_back(
        {"publication", Severity::warning,
         settings.capture.publication + " does not publish the inserts of tandem.outbox and tandem.inbox",
         "drop it and run `tandem migrate`"});
  else
    findings.push_back({"publication", Severity::ok, settings.capture.publication, {}});
}

/// Polled tables: does an index lead to what has changed?
void polled(Connection& session, const Settings& settings, Findings& findings) {
  for (const WatchSettings& watch : settings.watches) {
    if (!watch.poll) continue;
    const Param params[] = {watch.name, watch.poll->updated};
    auto rows = session.run(R"(
select c.oid::regclass::text,
       exists (select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
               where i.indrelid = c.oid and a.attname = $2 and i.indisvalid and i.indpred is null),
       (select string_agg(quote_ident(k.name), ', ' order by k.place) from unnest($2::text || w.key_columns) with ordinality as k (name, place)),
       p.state, extract(epoch from clock_timestamp() - p.polled_at)::bigint
from tandem.watch w join pg_class c on c.oid = w.relation left join tandem.poll_watch p on p.watch = w.watch and p.active
where w.watch = $1 and w.mode = 'poll')",
                            params);
    if (!rows) {
      findings.push_back(
          {"poll", Severity::warning, "could not be looked at: " + rows.error().message, rows.error().hint});
      continue;
    }
    if (rows->size() == 0) continue;  // told as drift
    const std::string table(rows->text(0, 0));
    if (!rows->flag(0, 1))
      findings.push_back(
          {"poll", Severity::warning,
           "no index of " + table + " begins with " + watch.poll->updated + ": each round reads the table",
           "create index concurrently on " + table + " (" + std::string(rows->text(0, 2)) + ")"});
    else if (rows->null(0, 4))
      findings.push_back({"poll", Severity::ok, table + " has not been polled yet", {}});
    else
      findings.push_back(
          {"poll",
           Severity::ok,
           table + " was last polled " + format_duration(std::chrono::seconds(rows->number(0, 4))) + " ago",
           {}});
  }
}

void sequence(Connection& session, Findings& findings) {
  auto rows = session.run(
      "select (select case when is_called then last_value else 0 end from tandem.outbox_counter_seq), "
      "coalesce((select max(counter) from tandem.outbox), 0)");
  if (!rows)
    return findings.push_back(
        {"outbox", Severity::warning, "could not be looked at: " + rows.error().message, rows.error().hint});
  if (rows->number(0, 0) < rows->number(0, 1))
    findings.push_back({"outbox", Severity::error,
                        "the sequence of counters (" + std::string(rows->text(0, 0)) + ") is behind the records (" +
                            std::string(rows->text(0, 1)) + "): counters would be given out twice",
                        "select setval('tandem.outbox_counter_seq', (select max(counter) from tandem.outbox)); this "
                        "happens after a logical upgrade"});
  else
    findings.push_back({"outbox", Severity::ok, "newest counter " + std::string(rows->text(0, 0)), {}});
}

void running(Connection& session, const Settings& settings, Findings& findings) {
  const Param params[] = {settings.connector};
  auto rows = session.run(
      "select extract(epoch from clock_timestamp() - a.alive_at)::bigint, split_part(a.host, ' ', 1), c.clean_stop "
      "from tandem.connector c left join tandem.connector_alive a using (name) where c.name = $1",
      params);
  if (!rows)
    return findings.push_back(
        {"connector", Severity::warning, "could not be looked at: " + rows.error().message, rows.error().hint});
  if (rows->size() == 0)
    findings.push_back({"connector", Severity::ok, settings.connector + " has never run", {}});
  else if (!rows->null(0, 0) && rows->number(0, 0) < 10)
    findings.push_back(
        {"connector", Severity::ok, settings.connector + " runs on " + std::string(rows->text(0, 1)), {}});
  else
    findings.push_back({"connector", Severity::warning,
                        settings.connector + (rows->flag(0, 2) ? " is stopped" : " has ended without a clean stop"),
                        "start `tandem run`"});
}

void alone(Connection& session, Findings& findings) {
  auto rows = session.run(
      "select a.name, b.name, (select string_agg(t, ', ' order by t) from unnest(a.targets) as t where t = any "
      "(b.targets)) "
      "from tandem.connector a join tandem.connector b on a.name < b.name and a.targets && b.targets "
      "where not a.clean_stop and not b.clean_stop and 2 = (select count(*) from tandem.connector_alive l "
      "where l.name in (a.name, b.name) and l.alive_at > clock_timestamp() - interval '10 seconds')");
  if (!rows)
    return findings.push_back(
        {"connector", Severity::warning, "could not be looked at: " + rows.error().message, rows.error().hint});
  for (int i = 0; i < rows->size(); ++i)
    findings.push_back({"connector", Severity::error,
                        "both " + std::string(rows->text(i, 0)) + " and " + std::string(rows->text(i, 1)) +
                            " deliver to " + std::string(rows->text(i, 2)),
                        "stop one of them: every record is delivered twice"});
}

void alerts(Connection& session, Findings& findings) {
  auto rows = session.run(
      "select kind, subject, description, raised_at::text from tandem.alert where recovered_at is null order by "
      "alert_id limit 20");
  if (!rows)
    return findings.push_back(
        {"alert", Severity::warning, "could not be looked at: " + rows.error().message, rows.error().hint});
  for (int i = 0; i < rows->size(); ++i)
    findings.push_back({"alert", Severity::warning,
                        std::string(rows->text(i, 0)) + " of " + std::string(rows->text(i, 1)) + " at " +
                            std::string(rows->text(i, 3)) + ": " + std::string(rows->text(i, 2)),
                        "when dealt with: update tandem.alert set recovered_at = now() where …"});
}

}  // namespace

void look_at_connector(Connection& session, const Settings& settings, Findings& findings) {
  auto installed = session.run("select to_regclass('tandem.connector_alive') is not null");
  if (!installed || !installed->flag(0, 0)) return;  // told by look_at_installation
  if (settings.capture.stream) {
    publication(session, settings, findings);
    slot(session, settings, findings);
  }
  polled(session, settings, findings);
  sequence(session, findings);
  running(session, settings, findings);
  alone(session, findings);
  alerts(session, findings);
}

}  // namespace tandem::cli
