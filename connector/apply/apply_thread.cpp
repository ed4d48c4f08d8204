#include "apply/apply_thread.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "log/log.hpp"
#include "store/queries.hpp"
#include "store/session.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using postgres::Param;
namespace queries = store::queries;

constexpr std::size_t most_rows = 2'000, few_rows = 1'000;
constexpr auto poll_interval = 20ms, floor_interval = 1'000ms, look_interval = 1'000ms, first_delay = 50ms,
               longest_delay = 2'000ms;
constexpr auto until_rows_come = 2ms, until_an_answer = 100ms;  // the stop and the rows are looked at again

}  // namespace

ApplyThread::ApplyThread(const Settings& settings, store::Fence fence, std::function<void()> fenced)
    : settings_(settings),
      fence_(fence),
      fenced_(std::move(fenced)),
      ordinary_(settings),
      batches_(static_cast<std::size_t>(settings.applying.sessions),
               [this](const InboxRecord& record) { return ordinary_.contain(record); }) {
  for (const auto& source : settings.sources) sources_.push_back(source.name);
  for (int number = 0; number < settings.applying.sessions; ++number)
    sessions_.push_back(std::make_unique<ApplySession>(settings, fence, sessions_.size(), answers_));
}

std::vector<ApplySession*> ApplyThread::sessions() const {
  std::vector<ApplySession*> out;
  out.reserve(sessions_.size());
  for (const auto& session : sessions_) out.push_back(session.get());
  return out;
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
    wait = std::exchange(delay, std::min<Clock::duration>(delay * 2, longest_delay));
  }
}

Status ApplyThread::turn(const std::stop_token& stop, bool& more) {
  if (auto opened = open(); !opened) return opened;
  read_on_ = true;
  has_read_ = false;
  batches_.clear();
  if (auto read = read_window(); !read) return read;
  if (auto applied = apply_all(stop); !applied) return applied;
  if (stop.stop_requested()) return {};
  more = !read_on_ || (has_read_ && !batches_.has_parked());
  return behind_ ? park_what_is_behind() : Status{};
}

Status ApplyThread::open() {
  if (!session_ || !session_->usable()) {
    auto session = store::open_session(settings_, "inbox");
    if (!session) return tl::unexpected(std::move(session.error()));
    session_.emplace(std::move(*session));
    ahead_ = false;
    forget_floor();  // a lost session is a start
    next_look_ = {};
  }
  return Clock::now() < next_look_ ? Status{} : learn_tables();
}

Status ApplyThread::learn_tables() {
  const auto rows = session_->run(queries::apply_tables);
  if (!rows) return tl::unexpected(rows.error());
  ordinary_.learn(*rows);
  next_look_ = Clock::now() + look_interval;
  return {};
}

/// Until nothing that has been read is left to do. At a stop what is open is left to its sessions.
Status ApplyThread::apply_all(const std::stop_token& stop) {
  Status all{};
  const auto note = [&](Status done) {
    if (done || !all) return;
    all = std::move(done);
    batches_.give_up();  // what is open ends, and nothing begins
  };
  while (!stop.stop_requested()) {
    if (all) begin_batches();
    if (batches_.idle() && !(ahead_ && all)) break;
    if (all) note(read_ahead());
    if (!batches_.idle()) listen();
    if (lost_) note(tl::unexpected(*std::exchange(lost_, std::nullopt)));
    if (all) note(take_ahead());
  }
  return all;
}

void ApplyThread::begin_batches() {
  while (const auto* batch = batches_.begin(ahead_)) {
    if (batch->way == OpenBatches::Way::alone)
      sessions_[batch->session]->tell(ApplySession::Alone{batch->records, batches_.line()});
    else
      sessions_[batch->session]->tell(ApplySession::Beside{batch->records, batch->before});
  }
}

void ApplyThread::listen() {
  for (auto& answer : answers_.drain_for(ahead_ ? until_rows_come : until_an_answer)) hear(std::move(answer));
  while (const auto verdict = batches_.next_verdict())
    sessions_[verdict->session]->tell(ApplySession::End{verdict->commits});
}

void ApplyThread::hear(ApplySession::Answer answer) {
  using What = ApplySession::Answer::What;
  if (answer.lost) lost_ = std::move(answer.lost);
  switch (answer.what) {
    case What::applied:
      return batches_.was_applied(answer.session, std::move(answer.line));
    case What::ready:
      return batches_.is_ready(answer.session, answer.ready.taken, answer.ready.took, std::move(answer.ready.rows));
    case What::committed:
      return batches_.has_committed(answer.session);
    case What::taken_back:
      return batches_.is_taken_back(answer.session);
  }
}

Status ApplyThread::read_window() {
  const auto rows = session_->run(queries::apply_window, asked());
  if (!rows) return tl::unexpected(rows.error());
  return take(window_of(*rows));
}

/// Where a record has been parked it would be thrown away, and where the floor stays low it costs too much.
Status ApplyThread::read_ahead() {
  if (ahead_ || !backlog_ || !read_on_ || behind_ || batches_.has_parked() || batches_.waiting() > few_rows) return {};
  if (Clock::now() >= next_look_)
    if (auto learnt = learn_tables(); !learnt) return learnt;
  if (auto sent = session_->send(queries::apply_window, asked()); !sent) return sent;
  ahead_ = true;
  return {};
}

/// Waits for it where there is nothing else to do.
Status ApplyThread::take_ahead() {
  if (!ahead_) return {};
  if (!batches_.idle()) {
    const auto ready = session_->ready();
    if (!ready) return tl::unexpected(ready.error());
    if (!*ready) return {};
  }
  ahead_ = false;
  const auto rows = session_->finish();
  if (!rows) return tl::unexpected(rows.error());
  return batches_.has_parked() ? Status{} : take(window_of(*rows));
}

Status ApplyThread::take(Window window) {
  if (window.awake != awake_) {  // one that was paused has its own floor, below: this window has not looked there
    forget_floor();
    awake_ = std::move(window.awake);
    read_on_ = false;
    return {};
  }
  if (auto kept = keep_floor(window); !kept) return kept;
  backlog_ = window.records.size() >= most_rows;
  has_read_ |= !window.records.empty();
  batches_.add(std::move(window.records));
  return {};
}

std::vector<Param> ApplyThread::asked() const {
  return {Param::array(std::span<const std::string>(sources_)), Param(static_cast<std::int64_t>(most_rows)),
          Param(known_), Param::array(std::span<const std::int64_t>(batches_.counters()))};
}

ApplyThread::Window ApplyThread::window_of(const postgres::Rows& rows) const {
  Window out;
  out.xmin = rows.number(0, 1);
  out.newest = rows.number(0, 2);
  if (!rows.null(0, 3)) out.lowest = rows.number(0, 3);
  out.awake = rows.texts(0, 5);
  out.holds = rows.flag(0, 15);
  out.records.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 1; row < rows.size(); ++row) {
    const auto text = [&](int column) { return std::string(rows.text(row, column)); };
    InboxRecord record;
    record.counter = rows.number(row, 0);
    record.record_id = rows.uuid(row, 4);
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
  if (!std::ranges::is_sorted(out.records, {}, &InboxRecord::counter))  // parked ones stand at the end
    std::ranges::sort(out.records, {}, &InboxRecord::counter);
  return out;
}

void ApplyThread::forget_floor() {
  safe_ = floor_ = noted_ = drawn_ = known_ = 0;
  behind_ = false;
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
  behind_ = window.holds && window.lowest && *window.lowest <= safe_;
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

/// Only while nothing that has been read is left to do: it might be parked here.
Status ApplyThread::park_what_is_behind() {
  behind_ = false;
  const std::array params{Param(fence_.name), Param(fence_.epoch), Param::array(std::span<const std::string>(awake_)),
                          Param(known_), Param(static_cast<std::int64_t>(most_rows))};
  auto rows = session_->run(queries::apply_behind, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->number(0, 0) == 0) return fail(ErrorKind::fenced, "another connector of our name has taken over");
  return {};
}

}  // namespace tandem
