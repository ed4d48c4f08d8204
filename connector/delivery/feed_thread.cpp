#include "delivery/feed_thread.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <thread>
#include <utility>

#include "delivery/feed.hpp"
#include "delivery/ring_schedule.hpp"
#include "log/log.hpp"
#include "metrics/names.hpp"
#include "model/fail_point.hpp"
#include "store/alerts.hpp"
#include "store/bodies.hpp"
#include "store/flush.hpp"
#include "store/parked.hpp"
#include "store/pauses.hpp"
#include "store/session.hpp"
#include "store/start.hpp"
#include "store/window.hpp"

namespace tandem {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t inbox_bound = 100'000;  // counters that ring
constexpr std::size_t most_window_rows = 1'000;
constexpr std::size_t detached_reach = 20'000;  // counters: some milliseconds if none of them is the target's
constexpr std::int64_t least_body = 2'048, longest_body = 16'384;  // of those that come with a window
constexpr auto failing_for_long = 10s;
constexpr std::size_t most_bodies = 200;  // in one statement
constexpr std::int64_t most_body_bytes = 4 << 20;
constexpr std::size_t most_woken = 200;   // of a resumed route by one statement
constexpr int patience_with_bodies = 30;  // tries, a second apart
constexpr std::size_t most_recovered = 1'000;
constexpr std::size_t many_gaps = 20'000;  // ranges: a window takes 20 ms by then
constexpr std::chrono::milliseconds visible_by{20};
constexpr std::chrono::milliseconds poll_with_stream{1'000}, tables_interval{1'000}, own_xid_interval{1'000},
    safe_interval{200};
constexpr std::chrono::minutes orphans_interval{1};
constexpr std::chrono::milliseconds first_delay{50}, longest_delay{2'000};

}  // namespace

class FeedThread::Session {
 public:
  Session(const Settings& settings, Epoch epoch, bool unclean, std::vector<TargetLink> links, Callbacks callbacks)
      : settings_(settings),
        fence_{settings.connector, epoch},
        unclean_(unclean),
        links_(std::move(links)),
        callbacks_(std::move(callbacks)),
        table_(settings),
        waits_for_confirmations_(std::ranges::count(settings.routes, SettleOn::confirmed, &RouteSettings::settle_on) >
                                 0),
        bodies_(settings),
        told_safe_(links_.size()),
        quiet_(links_.size(), true) {
    auto& registry = metrics::registry();
    windows_ = &registry.total(metrics::windows, {"all"});
    window_rows_ = &registry.total(metrics::window_rows, {"all"});
    gaps_ = &registry.gauge(metrics::gaps, {"all"});
    lost_sessions_ = &registry.total(metrics::sessions_lost, {"feed"});
  }

  BoundedQueue<ToFeed>& inbox() { return inbox_; }
  [[nodiscard]] Noted noted_position() const {
    const auto start = starts_.load();  // first: a position of a later start under this number is ignored
    return {Counter{noted_.load()}, start};
  }

  void ring(std::span<const Ring> rings) {
    Rung rung;
    rung.counters.reserve(rings.size());
    for (const auto& one : rings) rung.counters.push_back(one.counter);
    const auto weight = rung.counters.size();
    if (weight > 0) inbox_.try_push(std::move(rung), weight);
  }

  [[nodiscard]] std::chrono::seconds failing_for() const {
    const auto since = Clock::time_point(Clock::duration(failing_since_.load()));
    return since == Clock::time_point{} ? 0s : std::chrono::floor<std::chrono::seconds>(Clock::now() - since);
  }

  void run(const std::stop_token& stop) {
    log::name_thread("feed");
    const std::stop_callback wake(stop, [this] { inbox_.close(); });
    while (!stop.stop_requested()) {
      for (auto& message : inbox_.drain_for(wait())) std::visit([this](auto& it) { take(it); }, message);
      if (stop.stop_requested() || halted_ || Clock::now() < not_before_) continue;
      if (!feed_) {
        if (std::find(quiet_.begin(), quiet_.end(), false) == quiet_.end()) start();
        continue;
      }
      step();
    }
  }

 private:
  struct Wanted {
    BodyRequest request;
    Clock::time_point at;
    int failures = 0;
  };

  // ---- messages

  void take(BodyRequest& request) {
    if (feed_) wanted_.push_back({std::move(request), {}, 0});
  }
  void take(Recover& recover) { recovering_.push_back(recover.target); }
  void take(Quiet& quiet) { quiet_[quiet.target] = true; }
  void take(Rung& rung) {
    std::vector<Counter> counters;
    for (const auto counter : rung.counters) {
      if (counter == Counter{}) {
        next_tables_ = {};
        look_twice_ = true;
      } else if (!feed_ || !feed_->has_passed(counter)) {
        counters.push_back(counter);
      }
    }
    rings_.ring(counters, Clock::now());
  }
  void take(RoomFreed&) {}
  void take(XidDrawn& drawn) {
    if (!feed_ || drawn.noted.start != starts_.load() || !feed_->wants_xid()) return;
    feed_->drawn(drawn.noted.position, drawn.drawn);
    next_own_xid_ = Clock::now() + own_xid_interval;
  }
  void take(StreamState& stream) { stream_up_ = stream.up; }

  // ---- start and loss

  void start() {
    auto session = store::open_session(settings_, "feed");
    if (!session) return back_off("the reading session cannot be opened; changes wait in the outbox", session.error());
    session_.emplace(std::move(*session));
    if (auto begun = begin(); !begun) {
      feed_.reset();
      const auto& error = begun.error();
      if (error.kind == ErrorKind::fenced) return halt(error, callbacks_.fenced);
      if (refuses_) return halt(error, [this, &error] { callbacks_.refused(error); });
      session_.reset();
      back_off("reading cannot start", error);
    }
  }

  [[nodiscard]] Status begin() {
    auto facts = store::read_start(*session_, table_, fence_);
    if (!facts) return tl::unexpected(std::move(facts.error()));
    if (auto sound = store::check_start(*facts, table_); !sound) {
      refuses_ = true;
      return sound;
    }
    if (store::other_server(*facts))
      log::warn(
          "this is another server, or another line of its history, than before; reading starts at the floors that it "
          "knows",
          {{field::system_id, facts->system_id}, {field::timeline, facts->timeline}});
    auto attempted = store::know_server(*session_, fence_, *facts, unclean_);
    if (!attempted) return tl::unexpected(std::move(attempted.error()));
    if (auto prepared = bodies_.prepare(*session_); !prepared) return prepared;
    auto lanes = store::release_parked(*session_, table_, fence_);
    if (!lanes) return tl::unexpected(std::move(lanes.error()));
    auto failed = store::failed_lanes(*session_, table_);
    if (!failed) return tl::unexpected(std::move(failed.error()));
    auto pauses = store::read_pauses(*session_, table_, settings_.routes.size());
    if (!pauses) return tl::unexpected(std::move(pauses.error()));

    std::vector<Start> starts(links_.size());
    for (const auto& lane : *lanes) starts[lane.target].blocked.push_back(lane.lane);
    *lanes = {};
    for (const auto& lane : *failed) starts[lane.target].failed.push_back(lane.lane);
    for (TargetIndex target = 0; target < links_.size(); ++target) {
      auto& start = starts[target];
      start.target = target;
      start.unclean = unclean_;
      start.last_counter = facts->drawn;
      start.attempted_through = *attempted;
      start.epoch = fence_.epoch;
      start.reader = facts->reader;
      links_[target].inbox->push_unbounded(std::move(start));
    }
    pauses_.reset();
    tell_pauses(std::move(*pauses));
    next_orphans_ = Clock::now() + orphans_interval;

    feed_.emplace(facts->floors);
    told_safe_ = facts->floors;
    noted_.store(feed_->position().value);
    more_ = true;
    delay_ = {};
    unclean_ = true;  // after a loss: what was attempted may not have been written down
    log::info("reading the outbox",
              {{field::position, feed_->position()}, {field::targets, static_cast<std::uint64_t>(links_.size())}});
    return {};
  }

  /// Rule 13: a lost session is a start. Nothing is read before every loop has let go of what it knew.
  void lose(const Error& error) {
    lost_sessions_->add();
    session_.reset();
    feed_.reset();
    noted_.store(0);
    ++starts_;
    wanted_.clear();
    recovering_.clear();
    rings_.clear();
    for (TargetIndex target = 0; target < links_.size(); ++target) {
      quiet_[target] = false;
      links_[target].inbox->push_unbounded(Drop{target});
    }
    back_off("the reading session was lost; reading starts anew when what is in flight has ended", error);
  }

  void halt(const Error& error, const std::function<void()>& tell) {
    log::error("reading the outbox has ended", error, {{field::epoch, fence_.epoch}});
    halted_ = true;
    session_.reset();
    if (tell) tell();
  }

  void back_off(std::string_view sentence, const Error& error) {
    log::warn(sentence, error);
    if (failing_since_ == 0) failing_since_ = Clock::now().time_since_epoch().count();
    if (failing_for() >= failing_for_long && session_ && session_->usable() && alerted_ != true) {
      auto raised = store::raise_alert(*session_, fence_, error.message);
      if (!raised) log::warn("an alert could not be written", raised.error());
      alerted_ = raised.has_value();
    }
    delay_ = delay_ == Clock::duration{} ? Clock::duration(first_delay)
                                         : std::min<Clock::duration>(delay_ * 2, longest_delay);
    not_before_ = Clock::now() + delay_;
  }

  /// False: the session is gone or the error must not be met again at once.
  void failed(const Error& error) {
    if (error.kind == ErrorKind::fenced) {
      feed_.reset();
      return halt(error, callbacks_.fenced);
    }
    if (!session_->usable() || error.sqlstate == "25006") return lose(error);
    back_off("the outbox could not be read", error);
  }

  void works() {
    delay_ = {};
    most_rows_ = std::min(most_window_rows, most_rows_ * 2);
    failing_since_ = 0;
    if (alerted_ != false && store::end_alert(*session_, fence_)) alerted_ = false;
  }

  // ---- one turn

  [[nodiscard]] Clock::duration wait() {
    const auto now = Clock::now();
    if (now < not_before_) return not_before_ - now;
    if (!feed_) return 100ms;
    if (more_ && !starving_) return 0ms;
    auto until = next_tables_;
    const auto sooner = [&](Clock::time_point at) { until = std::min(until, at); };
    if (!starving_) {
      sooner(next_poll_);
      if (const auto due = rings_.due()) sooner(*due);
    }
    for (const auto& waiting : wanted_)
      if (links_[waiting.request.target].room->admits_bodies()) sooner(waiting.at);
    if (!recovering_.empty() || detached_due_) sooner(now);
    if (safe_dirty_) sooner(next_safe_);
    if (feed_->wants_xid()) sooner(next_own_xid_);
    return std::max(until - now, Clock::duration{0});
  }

  void step() {
    // Before anything is read: what a person has just stopped does not go out with what was committed after it.
    if (feed_ && Clock::now() >= next_tables_) look_at_tables();
    if (feed_) read_bodies();
    if (feed_ && !somebody_catches_up()) shared_window();
    if (feed_) detached_window();
    if (feed_ && !recovering_.empty()) recover();
    if (feed_ && feed_->wants_xid() && Clock::now() >= next_own_xid_) draw_xid();
    if (feed_ && safe_dirty_ && Clock::now() >= next_safe_) tell_safe();
  }

  // ---- windows

  /// Attached targets without room step aside, so that the others go on; where there is but one target it simply waits.
  [[nodiscard]] bool has_room_to_share() {
    bool somebody = false;
    for (TargetIndex target = 0; target < links_.size(); ++target) {
      if (!feed_->attached(target)) continue;
      if (!links_[target].room->scarce()) {
        somebody = true;
      } else if (links_.size() > 1) {
        feed_->detach(target);
      }
    }
    return somebody;
  }

  [[nodiscard]] std::size_t rows_for(std::int64_t free) const {
    const auto rows = free / std::max<std::int64_t>(record_bytes_, 512);
    return static_cast<std::size_t>(std::clamp<std::int64_t>(rows, 1, static_cast<std::int64_t>(most_rows_)));
  }

  void shared_window() {
    const auto now = Clock::now();
    const auto rung = rings_.due();
    if (!more_ && now < next_poll_ && !(rung && *rung <= now)) return;
    starving_ = !has_room_to_share();
    if (starving_) return;

    std::vector<bool> wanted(links_.size());
    auto free = std::int64_t{1} << 40;
    for (TargetIndex target = 0; target < links_.size(); ++target) {
      wanted[target] = feed_->attached(target);
      if (wanted[target]) free = std::min(free, links_[target].room->free());
    }
    const auto window = feed_->shared_window(rows_for(free));
    const auto rows = read(window, wanted, free);
    if (!rows) return;
    more_ = *rows >= window.rows;
    noted_.store(feed_->position().value);
    const auto done = Clock::now();
    rings_.answered([this](Counter counter) { return feed_->has_passed(counter); }, done);
    next_poll_ =
        done + (stream_up_ ? Clock::duration(poll_with_stream) : Clock::duration(settings_.capture.poll_interval));
    watch_gaps();
  }

  /// Whoever is a little behind and has room joins before the shared head goes on: what that reads meanwhile would have
  /// to be read again for each of them.
  [[nodiscard]] bool somebody_catches_up() {
    if (detached_fails_) return false;  // one that cannot be read must not stop the others
    for (TargetIndex target = 0; target < links_.size(); ++target)
      if (!feed_->attached(target) && feed_->lag(target) <= std::int64_t{detached_reach} &&
          !links_[target].room->scarce())
        return true;
    return false;
  }

  /// One window of one detached target that has room, each in its turn.
  void detached_window() {
    detached_due_ = false;
    for (std::size_t tried = 0; tried < links_.size(); ++tried) {
      const auto target = static_cast<TargetIndex>((next_detached_ + tried) % links_.size());
      if (feed_->attached(target) || links_[target].room->scarce()) continue;
      if (feed_->attach(target)) {
        more_ = true;
        starving_ = false;
        continue;
      }
      if (detached_due_) return;
      std::vector<bool> wanted(links_.size());
      wanted[target] = true;
      const auto free = links_[target].room->free();
      const auto window = feed_->detached_window(target, rows_for(free), detached_reach);
      const auto rows = read(window, wanted, free);
      detached_fails_ = !rows;
      if (!rows) return;
      next_detached_ = target + 1;
      detached_due_ = true;
    }
  }

  /// Number of rows, or nothing if it failed.
  std::optional<std::size_t> read(const Feed::Window& window, const std::vector<bool>& wanted, std::int64_t free) {
    const auto asked_at = Clock::now();
    // What a window brings is bounded: by 16 MiB, and where there is less room by a few times that.
    const auto longest = std::clamp(4 * free / static_cast<std::int64_t>(window.rows), least_body, longest_body);
    auto answer = store::read_window(*session_, table_,
                                     {wanted, window.after, window.through, window.gaps, window.rows,
                                      static_cast<std::size_t>(longest), window.target});
    if (!answer) {
      if (answer.error().kind == ErrorKind::timeout) most_rows_ = std::max<std::size_t>(1, window.rows / 2);
      failed(answer.error());
      return std::nullopt;
    }
    if (!answer->seen.empty()) pass(FailPoint::after_window);
    works();
    windows_->add();
    window_rows_->add(answer->seen.size());
    feed_->answered(window, answer->seen, answer->xmin);
    safe_dirty_ = true;
    for (TargetIndex target = 0; target < links_.size(); ++target) {
      auto& records = answer->records[target];
      if (records.empty()) continue;
      std::size_t bytes = 0;
      for (const auto& record : records) bytes += footprint(record);
      const auto each = static_cast<std::int64_t>(bytes / records.size());
      record_bytes_ = each > record_bytes_ ? each : (record_bytes_ * 7 + each) / 8;  // up at once, down slowly
      links_[target].room->take(bytes);
      links_[target].inbox->push_unbounded(Arrivals{target, std::move(records), asked_at});
    }
    return answer->seen.size();
  }

  void watch_gaps() {
    const auto count = feed_->gap_ranges();
    gaps_->set(static_cast<double>(count));
    if (count >= many_gaps)
      log::warn("many counters are open or were rolled back while some transaction stays open; windows become slow",
                {{field::gaps, static_cast<std::uint64_t>(count)}, {field::position, feed_->position()}});
  }

  // ---- bodies, parked lanes, pauses, safe

  void read_bodies() {
    const auto now = Clock::now();
    for (auto left = wanted_.size(); left > 0 && feed_; --left) {
      auto waiting = std::move(wanted_.front());
      wanted_.pop_front();
      auto& room = *links_[waiting.request.target].room;
      if (waiting.at > now || !room.admits_bodies()) {
        wanted_.push_back(std::move(waiting));
        continue;
      }
      auto& request = waiting.request;
      const auto count = std::min(request.wanted.size(), most_bodies);
      const auto bytes = std::clamp<std::int64_t>(room.left_for_bodies(), 1, most_body_bytes);
      auto found = bodies_.read(*session_, fence_, request.target, std::span(request.wanted).first(count),
                                static_cast<std::size_t>(bytes));
      if (!found) {
        if (!session_->usable() || found.error().kind == ErrorKind::fenced) return failed(found.error());
        return unreadable(std::move(waiting), found.error());  // the others in the next step, after a window
      }
      const auto read = found->size();
      std::size_t taken = 0;
      for (const auto& body : *found) taken += footprint(body);
      room.take_bodies(taken);
      links_[request.target].inbox->push_unbounded(Bodies{request.target, std::move(*found)});
      if (read == request.wanted.size()) continue;
      request.wanted.erase(request.wanted.begin(), request.wanted.begin() + static_cast<std::ptrdiff_t>(read));
      wanted_.push_back(std::move(waiting));
    }
  }

  /// The routes of a request are told apart at once; after a while so are its records, and one that still cannot be
  /// read fails by it. Until then they wait: mostly it is the database that is slow, or somebody who changes a table.
  void unreadable(Wanted waiting, const Error& error) {
    auto& request = waiting.request;
    const auto target = request.target;
    const auto own = request.wanted[0].route;
    auto other = std::stable_partition(request.wanted.begin(), request.wanted.end(),
                                       [own](const WantedBody& wanted) { return wanted.route == own; });
    const bool routes = other != request.wanted.end();
    if (!routes && ++waiting.failures >= patience_with_bodies) {
      if (request.wanted.size() == 1) {
        FoundBody unread;
        unread.counter = request.wanted[0].counter;
        unread.sql_error = error.message;
        Bodies answer{target, {}};
        links_[target].room->take_bodies(footprint(unread));
        answer.bodies.push_back(std::move(unread));
        links_[target].inbox->push_unbounded(std::move(answer));
        return;
      }
      other = request.wanted.begin() + static_cast<std::ptrdiff_t>(request.wanted.size() / 2);
    }
    const auto at = routes ? Clock::time_point{} : Clock::now() + 1s;
    if (other != request.wanted.end()) {
      Wanted rest{{target, {std::make_move_iterator(other), std::make_move_iterator(request.wanted.end())}},
                  at,
                  waiting.failures};
      request.wanted.erase(other, request.wanted.end());
      wanted_.push_back(std::move(rest));
    }
    if (!routes)
      log::warn("bodies could not be read; their records wait", error,
                {{field::target, settings_.targets[target].name}});
    waiting.at = at;
    wanted_.push_back(std::move(waiting));
  }

  void recover() {
    const auto target = recovering_.front();
    const auto& settings = settings_.targets[target];
    auto records = store::recover(*session_, fence_, settings.name, settings.retry.max_age, most_recovered);
    if (!records) return failed(records.error());
    if (*records > 0)
      log::info("records that the target's faults had exhausted are sent again",
                {{field::target, settings.name}, {field::records, static_cast<std::uint64_t>(*records)}});
    next_tables_ = {};
    if (*records < most_recovered) recovering_.pop_front();
  }

  void look_at_tables() {
    // A message is decoded before what it tells of is visible, so one look may be too early.
    next_tables_ = Clock::now() + (std::exchange(look_twice_, false) ? visible_by : tables_interval);
    auto pauses = store::read_pauses(*session_, table_, settings_.routes.size());
    if (!pauses) return failed(pauses.error());
    tell_pauses(std::move(*pauses));

    if (Clock::now() >= next_orphans_) {
      next_orphans_ = Clock::now() + orphans_interval;
      if (auto released = store::release_orphans(*session_, table_, fence_); !released) return failed(released.error());
    }

    if (waits_for_confirmations_)
      if (auto woken = store::wake_confirmed(*session_, table_, fence_); !woken) return failed(woken.error());
    std::vector<bool> wanted(links_.size());
    for (TargetIndex target = 0; target < links_.size(); ++target) wanted[target] = !links_[target].room->scarce();
    const auto asked_at = Clock::now();
    auto lanes = store::take_up(*session_, table_, fence_, wanted);
    if (!lanes) return failed(lanes.error());
    if (!lanes->empty()) pass(FailPoint::after_take_up);
    const bool more = lanes->size() >= store::most_taken_up / 2;
    if (more) next_tables_ = {};
    for (auto& lane : *lanes) {
      std::size_t bytes = 0;
      for (const auto& parked : lane.records) bytes += footprint(parked.record);
      links_[lane.target].room->take(bytes);
      links_[lane.target].inbox->push_unbounded(TakeUp{lane.target, lane.lane, std::move(lane.records), asked_at});
    }
    if (more) return;  // enough is due already
    const auto woken = store::wake_resumed(*session_, table_, fence_, most_woken);
    if (!woken) return failed(woken.error());
    if (*woken > 0) next_tables_ = {};
  }

  /// What has changed; after a start all of it, since a loop still knows what was so before.
  void tell_pauses(store::Pauses pauses) {
    for (TargetIndex target = 0; target < links_.size(); ++target)
      if (!pauses_ || pauses.targets[target] != pauses_->targets[target])
        links_[target].inbox->push_unbounded(Pause{target, no_route, pauses.targets[target]});
    for (RouteIndex route = 0; route < settings_.routes.size(); ++route) {
      if (pauses_ && pauses.routes[route] == pauses_->routes[route]) continue;
      const auto target = *table_.target(settings_.routes[route].target);
      links_[target].inbox->push_unbounded(Pause{target, route, pauses.routes[route]});
    }
    pauses_ = std::move(pauses);
  }

  void draw_xid() {
    const auto noted = feed_->position();
    auto drawn = store::draw_xid(*session_);
    if (!drawn) return failed(drawn.error());
    feed_->drawn(noted, *drawn);
    next_own_xid_ = Clock::now() + own_xid_interval;
  }

  void tell_safe() {
    safe_dirty_ = false;
    next_safe_ = Clock::now() + safe_interval;
    for (TargetIndex target = 0; target < links_.size(); ++target) {
      const auto safe = feed_->safe(target);
      if (safe <= told_safe_[target]) continue;
      told_safe_[target] = safe;
      links_[target].inbox->push_unbounded(Safe{target, safe});
    }
  }

  const Settings& settings_;
  const store::Fence fence_;
  bool unclean_;
  const std::vector<TargetLink> links_;
  const Callbacks callbacks_;
  const store::RouteTable table_;
  const bool waits_for_confirmations_;
  store::BodyReader bodies_;
  BoundedQueue<ToFeed> inbox_{inbox_bound};
  std::atomic<std::int64_t> noted_{0};
  std::atomic<std::uint64_t> starts_{0};
  std::optional<postgres::Connection> session_;
  std::optional<Feed> feed_;  ///< nothing while there is no session
  RingSchedule rings_;
  std::deque<Wanted> wanted_;
  std::deque<TargetIndex> recovering_;
  std::optional<store::Pauses> pauses_;  ///< as the loops were told since this start
  std::vector<Counter> told_safe_;
  std::size_t next_detached_ = 0;
  std::vector<bool> quiet_;
  std::int64_t record_bytes_ = 1'024;
  std::size_t most_rows_ = most_window_rows;  ///< fewer after a window that took too long
  std::atomic<Clock::rep> failing_since_{0};  ///< 0: reading works
  std::optional<bool> alerted_;               ///< an alert stands; nullopt: one of an earlier process may
  bool detached_fails_ = false, look_twice_ = false, more_ = true, starving_ = false, detached_due_ = false,
       stream_up_ = false, safe_dirty_ = false, halted_ = false, refuses_ = false;
  Clock::time_point next_poll_{}, next_tables_{}, next_own_xid_{}, next_safe_{}, next_orphans_{}, not_before_{};
  Clock::duration delay_{};
  metrics::Total *windows_ = nullptr, *window_rows_ = nullptr, *lost_sessions_ = nullptr;
  metrics::Gauge* gaps_ = nullptr;
};

FeedThread::FeedThread(const Settings& settings, Epoch epoch, bool unclean, std::vector<TargetLink> links,
                       Callbacks callbacks)
    : session_(std::make_unique<Session>(settings, epoch, unclean, std::move(links), std::move(callbacks))) {}
FeedThread::~FeedThread() = default;

BoundedQueue<ToFeed>& FeedThread::inbox() {
  return session_->inbox();
}
void FeedThread::ring(std::span<const Ring> rings) {
  session_->ring(rings);
}
Noted FeedThread::noted_position() const {
  return session_->noted_position();
}
std::chrono::seconds FeedThread::failing_for() const {
  return session_->failing_for();
}
void FeedThread::run(const std::stop_token& stop) {
  session_->run(stop);
}

}  // namespace tandem
