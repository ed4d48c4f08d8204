#include <algorithm>
#include <chrono>
#include <cmath>

#include "capture/plugin_choice.hpp"
#include "cli/findings.hpp"
#include "config/quantity.hpp"

namespace tandem::cli {
namespace {

using postgres::Connection;
using postgres::Rows;

class Look {
 public:
  Look(Connection& session, Session whose, const Settings& settings, Findings& findings)
      : session_(session), whose_(whose), settings_(settings), findings_(findings) {}

  void run() {
    version();
    if (settings_.capture.stream) streaming();
    if (whose_ == Session::everyday) role();
    if (whose_ == Session::everyday) applies_as();
    clocks();
    transactions();
    row_security();
  }

  /// A superuser's setting, which nobody else sees.
  void plugins() {
    const std::string listed = setting("output_plugin_libraries");
    plugin(listed);
    if (!listed.empty() && listed.find("pgoutput") == std::string::npos)
      add(Severity::warning, "output_plugin_libraries does not list pgoutput: " + listed,
          "alter system set output_plugin_libraries = pgoutput, test_decoding (a list, without quotes around the "
          "whole), then select pg_reload_conf()");
    else if (!listed.empty() && listed.find('"') != std::string::npos)
      add(Severity::warning, "output_plugin_libraries is one quoted name: " + listed,
          "write it as a list, without quotes around the whole");
  }

  /// Which plugin a slot of ours has, or the next one gets, and why.
  void plugin(const std::string& allowed) {
    const postgres::Param params[] = {settings_.capture.slot};
    auto slot = session_.run("select plugin from pg_replication_slots where slot_name = $1", params);
    if (!slot) return failed(slot.error());
    const bool exists = slot->size() > 0;
    const auto chosen =
        choose_plugin(settings_.capture.plugin, allowed.empty() ? std::nullopt : std::optional(allowed), {});
    const std::string name(exists ? slot->text(0, 0) : word(chosen.plugin));
    std::string message = exists ? "the slot decodes with " + name : "a new slot decodes with " + name;
    if (!exists || name == word(chosen.plugin))
      message += ": " + chosen.why;
    else if (chosen.plugin == OutputPlugin::tandem)
      message += ": tandem's own plugin is allowed, but was not installed when the slot was made";
    if (!exists && chosen.plugin == OutputPlugin::tandem && settings_.capture.plugin == PluginChoice::automatic)
      message += "; where it is not installed, with pgoutput";
    add(Severity::ok, std::move(message));
  }

 private:
  void add(Severity severity, std::string message, std::string remedy = {}) {
    findings_.push_back({"server", severity, std::move(message), std::move(remedy)});
  }
  void failed(const Error& error) { add(Severity::warning, "could not be looked at: " + error.message, error.hint); }

  std::string setting(const std::string& name) {
    const postgres::Param params[] = {name};
    auto rows = session_.run("select setting from pg_settings where name = $1", params);
    return rows && rows->size() > 0 ? std::string(rows->text(0, 0)) : "";
  }

  void version() {
    const int number = session_.server_version();
    const std::string shown = std::to_string(number / 10000) + "." + std::to_string(number % 10000);
    if (number < 140000)
      add(Severity::error, "PostgreSQL " + shown + " is older than 14", "upgrade the server: tandem supports 14 to 18");
    else if (number >= 190000)
      add(Severity::warning, "PostgreSQL " + shown + " is newer than what tandem is tested with",
          "tandem supports 14 to 18");
    else
      add(Severity::ok, "PostgreSQL " + shown);
  }

  void streaming() {
    const std::string without = ", or set capture.stream: false, which polls";
    if (setting("wal_level") != "logical")
      add(Severity::warning, "wal_level is " + setting("wal_level") + ": no replication stream, windows poll",
          "alter system set wal_level = logical, then restart the server" + without);
    else
      add(Severity::ok, "wal_level is logical");
    auto slots = session_.run(
        "select (select count(*) from pg_replication_slots), current_setting('max_replication_slots')::bigint, "
        "(select count(*) from pg_stat_replication), current_setting('max_wal_senders')::bigint, "
        "exists (select from pg_replication_slots where slot_name = '" +
        settings_.capture.slot + "'), exists (select from pg_replication_slots where not temporary)");
    if (!slots) return failed(slots.error());
    const bool ours = slots->flag(0, 4);
    if (!ours && slots->number(0, 0) >= slots->number(0, 1))
      add(Severity::warning, "all " + std::to_string(slots->number(0, 1)) + " replication slots are taken",
          "raise max_replication_slots and restart the server" + without);
    if (slots->number(0, 2) >= slots->number(0, 3))
      add(Severity::warning, "all " + std::to_string(slots->number(0, 3)) + " WAL senders are in use",
          "raise max_wal_senders and restart the server" + without);
    if (slots->flag(0, 5) && setting("max_slot_wal_keep_size") == "-1")  // a temporary one ends with its session
      add(Severity::warning, "max_slot_wal_keep_size is not limited: a slot of anybody's can fill the disk",
          "alter system set max_slot_wal_keep_size = '10GB'; tandem itself gives its slot up past capture.wal_budget");
    if (whose_ == Session::admin || settings_.database.admin_url.empty())
      plugins();  // else told by look_at_output_plugins
  }

  void role() {
    auto rows = session_.run(
        "select current_user, rolsuper, rolreplication, rolbypassrls from pg_roles where rolname = current_user");
    if (!rows) return failed(rows.error());
    const std::string name(rows->text(0, 0));
    if (rows->flag(0, 1))
      add(Severity::warning, "the connector's role " + name + " is a superuser",
          "connect as tandem_connector: it needs far less");
    else if (settings_.capture.stream && !rows->flag(0, 2))
      add(Severity::warning, "the role " + name + " may not replicate: windows poll",
          "alter role " + name + " replication (on a managed server grant its replication role)");
    else
      add(Severity::ok, "role " + name);
  }

  /// The capture triggers know what tandem has applied by the session's user.
  void applies_as() {
    const auto applies = [](const RouteSettings& route) { return route.apply.has_value(); };
    if (std::none_of(settings_.routes.begin(), settings_.routes.end(), applies)) return;
    auto rows = session_.run("select session_user");
    if (!rows) return failed(rows.error());
    if (rows->text(0, 0) != "tandem_connector")
      add(Severity::error,
          "routes with `apply` are written as " + std::string(rows->text(0, 0)) +
              ": capture takes that for the CRM's own changes, and all of it goes back to where it came from",
          "connect as tandem_connector (database.url)");
  }

  void clocks() {
    const auto before = std::chrono::system_clock::now();
    auto rows = session_.run("select extract(epoch from clock_timestamp())::text");
    const auto after = std::chrono::system_clock::now();
    if (!rows) return failed(rows.error());
    const double here = std::chrono::duration<double>((before + (after - before) / 2).time_since_epoch()).count();
    const double skew = parse_decimal(rows->text(0, 0)).value_or(here) - here;
    const auto text = format_duration(std::chrono::milliseconds(static_cast<std::int64_t>(std::abs(skew) * 1000)));
    if (std::abs(skew) > 2)
      add(Severity::warning, "the clocks of this machine and the database differ by " + text,
          "synchronise both by NTP; ages and retry times are wrong by as much");
    else
      add(Severity::ok, "clocks agree within " + text);
  }

  void transactions() {
    auto sees = session_.run("select pg_has_role(current_user, 'pg_read_all_stats', 'usage'), current_user");
    if (!sees) return failed(sees.error());
    if (!sees->flag(0, 0))
      add(Severity::warning,
          "the role " + std::string(sees->text(0, 1)) +
              " cannot see how long others' transactions have been open: long ones are not found",
          "have an administrator run: grant pg_read_all_stats to " + std::string(sees->text(0, 1)));
    auto rows = session_.run(
        "select 'prepared transaction ' || gid, extract(epoch from now() - prepared)::bigint from pg_prepared_xacts "
        "where database = current_database() and prepared < now() - interval '5 minutes' "
        "union all select 'session ' || pid || ' of ' || coalesce(usename, '?'), extract(epoch from now() - "
        "xact_start)::bigint "
        "from pg_stat_activity where datname = current_database() and xact_start < now() - interval '5 minutes' limit "
        "20");
    if (!rows) return failed(rows.error());
    for (int i = 0; i < rows->size(); ++i)
      add(Severity::warning,
          std::string(rows->text(i, 0)) + " has been open for " +
              format_duration(std::chrono::seconds(rows->number(i, 1))),
          "end it: changes that it wrote wait for it, and dead rows cannot be removed");
  }

  /// Asked as each role that reads watched tables (docs/sql.md, row-level security).
  void row_security() {
    for (const WatchSettings& watch : settings_.watches) {
      const postgres::Param params[] = {watch.table};
      auto rows = session_.run(R"(
select r.rolname, c.oid::regclass::text
from pg_class c cross join pg_roles r
where c.oid = to_regclass(case when array_length(parse_ident($1), 1) = 1 then 'public.' || $1 else $1 end)
  and r.rolname in ('tandem_owner', 'tandem_mapping') and c.relrowsecurity and not r.rolsuper and not r.rolbypassrls
  and (c.relforcerowsecurity or not pg_has_role(r.oid, c.relowner, 'usage'))
  and not exists (select from pg_policy p where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('r', '*')
    and (p.polroles = array[0::oid] or r.oid = any (p.polroles)) and pg_get_expr(p.polqual, c.oid) = 'true')
order by 1)",
                               params);
      if (!rows) {
        failed(rows.error());
        continue;
      }
      for (int i = 0; i < rows->size(); ++i) {
        const std::string role(rows->text(i, 0)), table(rows->text(i, 1));
        add(Severity::warning, "row-level security of " + table + " may hide rows from " + role,
            "alter role " + role + " bypassrls, or: create policy tandem on " + table + " for select to " + role +
                " using (true)");
      }
    }
  }

  Connection& session_;
  const Session whose_;
  const Settings& settings_;
  Findings& findings_;
};

}  // namespace

void look_at_server(Connection& session, Session whose, const Settings& settings, Findings& findings) {
  Look(session, whose, settings, findings).run();
}

void look_at_output_plugins(Connection& admin, const Settings& settings, Findings& findings) {
  Look(admin, Session::admin, settings, findings).plugins();
}

}  // namespace tandem::cli
