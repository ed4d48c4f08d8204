#include "apply/apply_thread.hpp"

#include <array>
#include <span>
#include <string>
#include <utility>

#include "log/log.hpp"
#include "store/queries.hpp"
#include "store/session.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using postgres::Param;
namespace queries = store::queries;

constexpr std::size_t most_rows = 2'000, most_in_one = 500;
constexpr auto poll_interval = 20ms, floor_interval = 1'000ms, look_interval = 1'000ms, first_delay = 50ms,
               longest_delay = 2'000ms;

/// What is applied before the stop is looked at again: records of one source.
std::span<const InboxRecord> batch_at(std::span<const InboxRecord> records, std::size_t first) {
  std::size_t count = 1;
  while (count < most_in_one && first + count < records.size() &&
         records[first + count].source == records[first].source)
    ++count;
  return records.subspan(first, count);
}

}  // namespace

ApplyThread::ApplyThread(const Settings& settings, store::Fence fence, std::function<void()> fenced)
    : settings_(settings), fence_(fence), fenced_(std::move(fenced)), applier_(settings, fence) {
  for (const auto& source : settings.sources) sources_.push_back(source.name);
}

void ApplyThread::run(const std::stop_token& stop) {
  log::name_thread("apply");
  const std::stop_callback wake(stop, [this] { doorbell_.close(); });
  Clock::duration delay = first_delay;
  Clock::duration wait = 0ms;
  while (!stop.stop_requested()) {
    [[maybe_unused]] const auto rung = doorbell_.drain_for(wait);
    if (stop.stop_requested()) return;
    bool more = false;
    const auto done = turn(stop, more);
    if (done) {
      delay = first_delay;
      wait = more ? Clock::duration(0ms) : Clock::duration(poll_interval);
      continue;
    }
    if (done.error().kind == ErrorKind::fenced) {
      log::error("applying has ended", done.error(), {{field::epoch, fence_.epoch}});
      fenced_();
      return;
    }
    log::warn("the inbox cannot be applied; changes of the sources wait in it", done.error());
    session_.reset();
    crm_.reset();
    wait = std::exchange(delay, std::min<Clock::duration>(delay * 2, longest_delay));
  }
}

Status ApplyThread::turn(const std::stop_token& stop, bool& more) {
  if (auto opened = open(); !opened) return opened;
  if (Clock::now() >= next_look_) {
    if (auto learnt = applier_.learn_tables(*crm_); !learnt) return learnt;
    next_look_ = Clock::now() + look_interval;
  }
  auto window = next_ ? Result<Window>(*std::exchange(next_, std::nullopt)) : read_window();
  if (!window) return tl::unexpected(std::move(window.error()));
  if (window->awake != awake_) {  // one that was paused has its own floor, below: this window has not looked there
    forget_floor();
    awake_ = window->awake;
    more = true;
    return {};
  }
  LaneLine line;
  const bool backlog = window->records.size() >= most_rows;
  for (std::size_t first = 0; first < window->records.size();) {
    if (stop.stop_requested()) return {};
    const auto batch = batch_at(window->records, first);
    const bool ahead = backlog && line.empty() && first + batch.size() == window->records.size();
    if (ahead)
      if (auto sent = ask_ahead(batch); !sent) return sent;
    if (auto done = applier_.apply(*crm_, batch, line); !done) return done;
    first += batch.size();
    if (!ahead) continue;
    const auto rows = session_->finish();
    if (!rows) return tl::unexpected(rows.error());
    if (!line.empty()) continue;
    next_ = window_of(*rows);
  }
  more = !window->records.empty() && line.empty();
  // What was passed over is still pending above the floor, and `lowest` of the next window knows it.
  return keep_floor(*window);
}

Status ApplyThread::open() {
  if (applier_.wants_new_session()) crm_.reset();
  if (session_ && session_->usable() && crm_ && crm_->usable()) return {};
  auto session = store::open_session(settings_, "inbox");
  if (!session) return tl::unexpected(std::move(session.error()));
  auto crm = store::open_crm_session(settings_, "apply");
  if (!crm) return tl::unexpected(std::move(crm.error()));
  session_.emplace(std::move(*session));
  crm_.emplace(std::move(*crm));
  next_.reset();
  forget_floor();  // a lost session is a start
  return applier_.prepare(*crm_);
}

Result<ApplyThread::Window> ApplyThread::read_window() {
  const auto rows = session_->run(queries::apply_window, asked({}));
  if (!rows) return tl::unexpected(rows.error());
  return window_of(*rows);
}

Status ApplyThread::ask_ahead(std::span<const InboxRecord> in_work) {
  return session_->send(queries::apply_window, asked(in_work));
}

std::vector<Param> ApplyThread::asked(std::span<const InboxRecord> in_work) const {
  std::vector<std::int64_t> counters;
  counters.reserve(in_work.size());
  for (const auto& record : in_work) counters.push_back(record.counter);
  return {Param::array(std::span<const std::string>(sources_)), Param(static_cast<std::int64_t>(most_rows)),
          Param(known_), Param::array(std::span<const std::int64_t>(counters))};
}

ApplyThread::Window ApplyThread::window_of(const postgres::Rows& rows) const {
  Window out;
  out.xmin = rows.number(0, 1);
  out.newest = rows.number(0, 2);
  if (!rows.null(0, 3)) out.lowest = rows.number(0, 3);
  out.awake = rows.texts(0, 5);
  out.records.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 1; row < rows.size(); ++row) {
    const auto text = [&](int column) { return std::string(rows.text(row, column)); };
    InboxRecord record;
    record.counter = rows.number(row, 0);
    record.record_id = text(4);
    record.source = settings_.source(text(5));
    record.request_type = text(6);
    record.operation = text(7);
    record.remote_id = text(8);
    record.object_id = text(9);
    record.version = text(10);
    record.body = text(11);
    record.attempts = static_cast<int>(rows.number(row, 12));
    record.age = std::chrono::milliseconds(rows.number(row, 13));
    record.fetched = rows.flag(row, 14);
    record.parked = rows.flag(row, 15);
    if (record.source != nullptr) out.records.push_back(std::move(record));
  }
  return out;
}

void ApplyThread::forget_floor() {
  safe_ = floor_ = noted_ = drawn_ = known_ = 0;
}

Status ApplyThread::keep_floor(const Window& window) {
  if (drawn_ != 0 && window.xmin > drawn_) {
    safe_ = std::max(safe_, noted_);
    drawn_ = 0;
  }
  const auto floor = window.lowest ? std::min(safe_, *window.lowest - 1) : safe_;
  known_ = std::max(known_, floor);
  if (Clock::now() < next_floor_) return {};
  next_floor_ = Clock::now() + floor_interval;
  if (window.lowest && *window.lowest <= safe_)
    if (auto parked = park_what_is_behind(); !parked) return parked;
  if (floor <= floor_ && (drawn_ != 0 || window.newest <= safe_)) return {};
  const std::array params{Param(fence_.name), Param(fence_.epoch), Param::array(std::span<const std::string>(awake_)),
                          Param(floor)};
  auto rows = session_->run(queries::apply_floor, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->number(0, 1) == 0) return fail(ErrorKind::fenced, "another connector of our name has taken over");
  floor_ = std::max(floor_, floor);
  if (drawn_ == 0) {
    noted_ = window.newest;
    drawn_ = rows->number(0, 0);
  }
  return {};
}

Status ApplyThread::park_what_is_behind() {
  const std::array params{Param(fence_.name), Param(fence_.epoch), Param::array(std::span<const std::string>(awake_)),
                          Param(known_), Param(static_cast<std::int64_t>(most_rows))};
  auto rows = session_->run(queries::apply_behind, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->number(0, 0) == 0) return fail(ErrorKind::fenced, "another connector of our name has taken over");
  if (rows->number(0, 1) > 0) next_.reset();  // it may hold what is parked now
  return {};
}

}  // namespace tandem
