#include "daemon/upkeep_thread.hpp"

#include <unistd.h>

#include <array>
#include <fstream>

#include "config/quantity.hpp"
#include "daemon/nap.hpp"
#include "log/log.hpp"
#include "metrics/names.hpp"
#include "store/session.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using postgres::Param;

// Retention works for at most a tenth of the time, so that a backlog of old rows never hurts delivery, and yet goes
// faster than a CRM fills the outbox.
constexpr std::chrono::milliseconds retention_turn = 2s, retention_work = 200ms, retention_rest = 60s;

/// Text that PostgreSQL reads as an interval.
std::string interval(std::chrono::hours hours) {
  return std::to_string(hours.count()) + " hours";
}

void measure_memory() {
  std::int64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  metrics::registry().gauge(metrics::resident_memory).set(static_cast<double>(resident * ::sysconf(_SC_PAGESIZE)));
}

}  // namespace

void UpkeepThread::run(const std::stop_token& stop) {
  std::array chores{Chore{10s, &UpkeepThread::roll_up, Clock::now() + 10s},
                    Chore{15s, &UpkeepThread::measure, {}},
                    Chore{retention_turn, &UpkeepThread::retention, Clock::now() + 5s},
                    Chore{60s, &UpkeepThread::look_for_old_transactions, {}},
                    Chore{60s, &UpkeepThread::look_for_drift, {}},
                    Chore{60s, &UpkeepThread::look_for_alerts, {}}};
  Nap nap;
  while (!stop.stop_requested()) {
    auto next = Clock::now() + 10s;
    if (open()) {
      for (Chore& chore : chores) {
        if (chore.due > Clock::now() || stop.stop_requested()) continue;
        chore.due = Clock::now() + chore.every;
        if (auto done = (this->*chore.work)(); !done) {
          log::warn("upkeep could not finish a step; it tries again", done.error());
          if (!session_->usable()) break;
        }
      }
      for (const Chore& chore : chores) next = std::min(next, chore.due);
    }
    nap.until(next, stop);
  }
  if (!session_ || !session_->usable()) return;
  if (auto told = roll_up(); !told) log::warn("the last statistics could not be written", told.error());
}

bool UpkeepThread::open() {
  if (session_ && session_->usable()) return true;
  auto session = store::open_session(settings_, "upkeep");
  if (!session) {
    log::warn("upkeep cannot reach the database; it tries again", session.error());
    return false;
  }
  session_.emplace(std::move(*session));
  return true;
}

Status UpkeepThread::roll_up() {
  for (auto& risen : counts_.take()) unwritten_.push_back(std::move(risen));
  while (!unwritten_.empty()) {
    const Param params[] = {unwritten_.back().target, unwritten_.back().counts};
    auto done = session_->run("select tandem.add_minute_stat('outbox', $1, now(), $2::jsonb)", params);
    if (!done) return tl::unexpected(done.error());
    unwritten_.pop_back();
  }
  return {};
}

Status UpkeepThread::measure() {
  measure_memory();
  auto rows = session_->run(
      "select target, extract(epoch from coalesce(behind, '0'))::text, "
      "(select count(*) from tandem.parked p where p.queue = 'outbox' and p.peer = l.target), "
      "(select count(*) from tandem.failed f where f.queue = 'outbox' and f.peer = l.target) from tandem.lag l");
  if (!rows) return tl::unexpected(rows.error());
  auto& registry = metrics::registry();
  for (int i = 0; i < rows->size(); ++i) {
    const auto target = rows->text(i, 0);
    registry.gauge(metrics::oldest_pending, {target}).set(parse_decimal(rows->text(i, 1)).value_or(0));
    registry.gauge(metrics::parked_records, {target}).set(static_cast<double>(rows->number(i, 2)));
    registry.gauge(metrics::failed_records, {target}).set(static_cast<double>(rows->number(i, 3)));
  }
  return {};
}

Status UpkeepThread::retention() {
  if (Clock::now() < retention_again_) return {};
  const auto until = Clock::now() + retention_work;
  std::int64_t removed = 0;
  while (Clock::now() < until) {
    const Param params[] = {looked_through_, interval(settings_.retention.done), interval(settings_.retention.failed)};
    auto rows = session_->run(
        "select removed, looked_through from tandem.remove_settled('outbox', 1000, $1, $2::interval, $3::interval)",
        params);
    if (!rows) return tl::unexpected(rows.error());
    removed += rows->number(0, 0);
    looked_through_ = rows->null(0, 1) ? 0 : rows->number(0, 1);
    if (looked_through_ == 0) break;
  }
  if (removed > 0) log::debug("retention has removed settled records", {{field::records, removed}});
  if (looked_through_ != 0) return {};  // there is more
  retention_again_ = Clock::now() + retention_rest;
  const Param params[] = {interval(settings_.retention.attempts)};
  if (auto old = session_->run("select tandem.remove_old(1000, $1::interval)", params); !old)
    return tl::unexpected(old.error());
  if (auto drained = session_->run("select tandem.remove_drained()"); !drained) return tl::unexpected(drained.error());
  return {};
}

Status UpkeepThread::look_for_old_transactions() {
  auto rows = session_->run(
      "select 'prepared transaction ' || gid, extract(epoch from now() - prepared)::bigint from pg_prepared_xacts "
      "where database = current_database() and prepared < now() - interval '5 minutes' "
      "union all select 'session ' || pid || ' of ' || coalesce(usename, '?'), extract(epoch from now() - "
      "xact_start)::bigint from pg_stat_activity "
      "where datname = current_database() and xact_start < now() - interval '5 minutes' and backend_xid is not null");
  if (!rows) return tl::unexpected(rows.error());
  for (int i = 0; i < rows->size(); ++i)
    log::warn("a transaction has been open for long: records that it wrote wait for it, and rows cannot be cleaned up",
              {{field::name, rows->text(i, 0)}, {field::elapsed_ms, rows->number(i, 1) * 1000}});
  return {};
}

Status UpkeepThread::look_for_drift() {
  auto rows = session_->run("select watch, problem || ': ' || description from tandem.drift()");
  if (!rows) return tl::unexpected(rows.error());
  for (int i = 0; i < rows->size(); ++i)
    log::error("a watched table is not captured as it should be",
               {{field::watch, rows->text(i, 0)},
                {field::reason, rows->text(i, 1)},
                {field::hint, "`tandem plan` shows the difference, `tandem apply` mends it"}});
  drift_ = rows->size();
  metrics::registry().gauge(metrics::capture_drift).set(static_cast<double>(rows->size()));
  return {};
}

Status UpkeepThread::look_for_alerts() {
  auto rows = session_->run(
      "select kind, subject, description, count(*) over () from tandem.alert where recovered_at is null "
      "order by alert_id desc limit 10");
  if (!rows) return tl::unexpected(rows.error());
  for (int i = 0; i < rows->size(); ++i)
    log::error("an alert waits for somebody",
               {{field::reason, rows->text(i, 0)}, {field::name, rows->text(i, 1)}, {field::error, rows->text(i, 2)}});
  metrics::registry().gauge(metrics::open_alerts).set(rows->size() == 0 ? 0 : static_cast<double>(rows->number(0, 3)));
  return {};
}

}  // namespace tandem
