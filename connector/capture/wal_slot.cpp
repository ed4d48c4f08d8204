#include "capture/wal_slot.hpp"

#include <array>
#include <thread>
#include <utility>

#include "capture/change_batch.hpp"
#include "log/log.hpp"
#include "metrics/names.hpp"
#include "store/queries.hpp"
#include "wire/frame_decoder.hpp"
#include "wire/pgoutput_decoder.hpp"

namespace tandem {
namespace {

using postgres::Connection;
using postgres::Param;
using std::chrono::milliseconds;
namespace queries = store::queries;

constexpr milliseconds glance{200};
constexpr int most_glances_at_a_holder = 50;

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

std::string gap_of(const store::StreamPlan& plan, const store::StreamSlot& slot) {
  if (!slot.exists) return "the slot is gone";
  if (slot.lost) return "the server has given the slot up";
  if (slot.plugin != plan.plugin) return "the slot was made with the plugin " + slot.plugin;
  if (slot.confirmed > plan.position.through) return "the slot was made or moved by somebody else";
  return {};
}

std::vector<postgres::PluginOption> wal_plugin_options(const Connection& session, const store::StreamPlan& plan) {
  if (plan.plugin != "tandem")
    return {{"proto_version", std::to_string(wire::PgoutputDecoder::protocol_version)},
            {"publication_names", session.quoted_identifier("tandem_stream")},
            {"messages", "true"}};
  std::vector<postgres::PluginOption> options{
      {"protocol_version", std::to_string(wire::FrameDecoder::protocol_version)},
      {"message_prefix", std::string(ChangeBatch::message_prefix)},
      {"message_prefix", std::string(ChangeBatch::applied_prefix)}};
  for (const auto& watch : plan.watches)
    options.push_back(
        {"table", session.quoted_identifier(watch.schema) + "." + session.quoted_identifier(watch.table)});
  return options;
}

WalSlot::WalSlot(const Settings& settings)
    : settings_(settings), application_("tandem/" + settings.connector + " wal") {}

std::string WalSlot::name(const Settings& settings) {
  return (settings.capture.slot.empty() ? "tandem_" + settings.connector : settings.capture.slot) + "_wal";
}

Status WalSlot::make_ready(Connection& sql, store::StreamPlan& plan, Epoch epoch, const std::stop_token& stop) {
  auto slot = store::read_stream_slot(sql, plan.slot, application_);
  if (!slot) return tl::unexpected(std::move(slot.error()));
  if (slot->exists && slot->foreign)
    return fail(ErrorKind::refused, "the slot " + plan.slot + " belongs to another database",
                "set capture.slot to a free name");
  if (slot->active && !slot->ours)
    return fail(ErrorKind::refused, "another program streams from the slot " + plan.slot, "end it");
  if (slot->active)
    if (auto ended = end_holder(sql, plan.slot); !ended) return ended;
  metrics::registry().gauge(metrics::wal_slot_retained).set(static_cast<double>(slot->retained));
  const std::string reason = gap_of(plan, *slot);
  return reason.empty() ? Status{} : begin_anew(sql, plan, reason, slot->exists, epoch, stop);
}

Status WalSlot::end_holder(Connection& sql, const std::string& slot) {
  log::warn("an earlier session holds our slot and is ended", {{field::slot, slot}});
  const std::array params{Param(slot)};
  for (int i = 0; i < most_glances_at_a_holder; ++i) {
    auto held = sql.run(
        "select pg_catalog.pg_terminate_backend(active_pid) from pg_catalog.pg_replication_slots where active_pid is "
        "not null and slot_name = $1",
        params);
    if (!held) return tl::unexpected(std::move(held.error()));
    if (held->size() == 0) return {};
    std::this_thread::sleep_for(glance);
  }
  return fail(ErrorKind::unavailable, "an earlier session does not give up the slot " + slot);
}

Status WalSlot::drop(Connection& sql, const std::string& slot) {
  if (auto ended = end_holder(sql, slot); !ended) return ended;
  const std::array params{Param(slot)};
  auto dropped = sql.run(
      "select pg_catalog.pg_drop_replication_slot(slot_name) from pg_catalog.pg_replication_slots where slot_name = $1",
      params);
  if (!dropped) return tl::unexpected(std::move(dropped.error()));
  return {};
}

// The watches are marked before the slot is touched, and the position follows after it was made: whatever ends us in
// between, the next one finds the gap again.
Status WalSlot::begin_anew(Connection& sql, store::StreamPlan& plan, const std::string& reason, bool exists,
                           Epoch epoch, const std::stop_token& stop) {
  const std::array<postgres::Statement, 2> mark{
      store::hold_fence(settings_.connector, epoch),
      postgres::Statement{queries::stream_gap, {Param(settings_.connector), Param(reason)}, postgres::Format::text}};
  auto marked = sql.run(std::span<const postgres::Statement>(mark));
  if (!marked) return tl::unexpected(std::move(marked.error()));
  log::error("changes may have been lost: watched tables are compared with what was captured of them",
             {{field::slot, plan.slot}, {field::reason, reason}, {field::watch, joined(marked->at(1).texts(0, 0))}});
  if (exists)
    if (auto dropped = drop(sql, plan.slot); !dropped) return dropped;
  if (auto created = create(sql, plan, stop); !created || stop.stop_requested()) return created;
  auto slot = store::read_stream_slot(sql, plan.slot, application_);
  if (!slot) return tl::unexpected(std::move(slot.error()));
  const std::array params{Param(settings_.connector), Param(to_string(slot->confirmed))};
  if (auto begun = sql.run(queries::stream_begin, params); !begun) return tl::unexpected(std::move(begun.error()));
  auto again = store::read_stream(sql, settings_.connector);
  if (!again) return tl::unexpected(std::move(again.error()));
  plan = std::move(*again);
  return {};
}

Status WalSlot::create(Connection& sql, const store::StreamPlan& plan, const std::stop_token& stop) {
  auto opened = replication();
  if (!opened) return tl::unexpected(std::move(opened.error()));
  replication_.emplace(std::move(*opened));
  auto sent = replication_->send_script(
      postgres::create_slot_command(*replication_, plan.slot, plan.plugin, postgres::SlotKind::persistent));
  if (!sent) return sent;
  while (!stop.stop_requested()) {
    const auto ready = replication_->wait_until_ready(glance);
    if (!ready) return tl::unexpected(ready.error());
    if (!*ready) continue;
    const auto created = replication_->finish();
    if (!created) return tl::unexpected(created.error());
    return {};
  }
  // A walsender that waits for transactions does not notice that its client has gone.
  const std::array params{Param(static_cast<std::int64_t>(replication_->backend_pid()))};
  (void)sql.run("select pg_catalog.pg_terminate_backend($1::integer)", params);
  return {};
}

Result<Connection> WalSlot::replication() {
  if (replication_) {
    Connection ready = std::move(*replication_);
    replication_.reset();
    return ready;
  }
  Connection::Options options;
  options.application_name = application_;
  options.connect_timeout = milliseconds{3'000};
  options.deadline = milliseconds{0};  // making a slot waits for transactions
  options.replication = true;
  options.settings = {{"search_path", "pg_catalog"}};  // names print as the generated functions read them
  return Connection::open(settings_.database.url.reveal(), options);
}

void WalSlot::close() {
  replication_.reset();
}

}  // namespace tandem
