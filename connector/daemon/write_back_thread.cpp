#include "daemon/write_back_thread.hpp"

#include <algorithm>

#include "daemon/nap.hpp"
#include "log/log.hpp"
#include "metrics/names.hpp"
#include "store/session.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using postgres::Param;

constexpr std::chrono::milliseconds idle{100}, after_a_failure{1'000};
// Of what the CRM's own triggers lock.
constexpr std::string_view longest_lock_wait = "200ms";

}  // namespace

WriteBackThread::WriteBackThread(const Settings& settings) : settings_(settings) {
  for (const auto& target : settings.targets) targets_.push_back(target.name);
}

bool WriteBackThread::wanted(const Settings& settings) {
  return std::ranges::any_of(settings.routes, &RouteSettings::writes_back);
}

void WriteBackThread::run(const std::stop_token& stop) {
  log::name_thread("write back");
  Nap nap;
  while (!stop.stop_requested()) {
    if (!open()) {
      nap.until(Clock::now() + after_a_failure, stop);
      continue;
    }
    auto more = step();
    if (more && *more) continue;
    if (!more) log::warn("a row could not be told of its change; it is tried again", more.error());
    nap.until(Clock::now() + (more ? idle : after_a_failure), stop);
  }
}

bool WriteBackThread::open() {
  if (session_ && session_->usable()) return true;
  session_.reset();
  auto session = store::open_crm_session(settings_, "write back");
  if (!session) {
    log::warn("the session that writes back cannot be opened; rows are told later", session.error());
    return false;
  }
  session_.emplace(std::move(*session));
  const auto patience = "set lock_timeout = '" + std::string(longest_lock_wait) + "'";
  if (auto set = session_->run(patience); !set) {
    session_.reset();
    return false;
  }
  return true;
}

Result<bool> WriteBackThread::step() {
  const Param params[] = {Param::array(std::span<const std::string>(targets_))};
  auto rows = session_->run("select tandem.write_back_step($1)", params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->null(0, 0)) return false;
  const auto result = rows->text(0, 0);
  const bool done = result == "written" || result == "gone";
  metrics::registry().total(metrics::write_backs, {done ? result : std::string_view("put off")}).add();
  return true;
}

}  // namespace tandem
