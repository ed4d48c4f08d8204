#include "cli/stream_setup.hpp"

#include <algorithm>
#include <chrono>

#include "capture/plugin_choice.hpp"
#include "capture/wal_slot.hpp"

namespace tandem::cli {
namespace {

using postgres::Connection;
using postgres::Param;

Result<Connection> connector_session(const Settings& settings) {
  Connection::Options options;
  options.application_name = "tandem apply";
  options.deadline = std::chrono::minutes(5);  // a slot waits for the transactions that write while it is made
  return Connection::open(settings.database.url.reveal(), options);
}

Result<ChosenPlugin> chosen(Connection& session, const Settings& settings, const std::string& unusable) {
  auto rows = session.run("select setting from pg_catalog.pg_settings where name = 'output_plugin_libraries'");
  if (!rows) return tl::unexpected(std::move(rows.error()));
  std::optional<std::string> allowed;
  if (rows->size() > 0) allowed = std::string(rows->text(0, 0));
  return choose_plugin(settings.capture.plugin, allowed, unusable);
}

Status make_publication(Connection& admin) {
  auto found = admin.run("select from pg_catalog.pg_publication where pubname = 'tandem_stream'");
  if (!found) return tl::unexpected(std::move(found.error()));
  if (found->size() > 0) return {};
  auto made = admin.script("create publication tandem_stream with (publish_via_partition_root = true)");
  if (!made) return tl::unexpected(std::move(made.error()));
  return {};
}

/// Where the slot streams from. One of this name that nobody has written down is of no use: nobody knows what it
/// misses.
Result<std::string> make_slot(Connection& session, const std::string& slot, std::string_view plugin) {
  const Param name[] = {slot};
  auto dropped = session.run(
      "select pg_catalog.pg_drop_replication_slot(slot_name) from pg_catalog.pg_replication_slots where slot_name = $1 "
      "and not active",
      name);
  if (!dropped) return tl::unexpected(std::move(dropped.error()));
  const Param params[] = {slot, plugin};
  auto made = session.run("select lsn::text from pg_catalog.pg_create_logical_replication_slot($1, $2)", params);
  if (!made) return tl::unexpected(std::move(made.error()));
  return std::string(made->text(0, 0));
}

}  // namespace

Status prepare_stream(Connection& admin, const Settings& settings, const Progress& progress) {
  if (std::ranges::none_of(settings.watches, [](const WatchSettings& w) { return w.mode == WatchMode::wal; }))
    return {};
  const Param connector[] = {settings.connector};
  auto present = admin.run("select from tandem.stream where connector = $1", connector);
  if (!present) return tl::unexpected(std::move(present.error()));
  if (present->size() > 0) return {};
  auto session = connector_session(settings);
  if (!session) return tl::unexpected(std::move(session.error()));
  const std::string slot = WalSlot::name(settings);
  progress("making the slot " + slot + "; it waits for transactions that write now");
  std::string unusable;
  while (true) {
    auto plugin = chosen(*session, settings, unusable);
    if (!plugin) return tl::unexpected(std::move(plugin.error()));
    if (plugin->plugin == OutputPlugin::pgoutput)
      if (auto made = make_publication(admin); !made) return made;
    auto through = make_slot(*session, slot, word(plugin->plugin));
    if (!through && plugin->plugin == OutputPlugin::tandem && settings.capture.plugin == PluginChoice::automatic &&
        unusable.empty() && session->usable()) {
      unusable = through.error().message;
      continue;
    }
    if (!through) return tl::unexpected(std::move(through.error()));
    const Param params[] = {settings.connector, slot, word(plugin->plugin), *through};
    auto written = admin.run(
        "insert into tandem.stream (connector, slot, plugin, through, system_id, timeline) select $1, $2, $3, "
        "$4::pg_lsn, (select system_identifier from pg_catalog.pg_control_system())::text, (select timeline_id from "
        "pg_catalog.pg_control_checkpoint())",
        params);
    if (!written) return tl::unexpected(std::move(written.error()));
    return {};
  }
}

}  // namespace tandem::cli
