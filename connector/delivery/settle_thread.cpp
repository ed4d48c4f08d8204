#include "delivery/settle_thread.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <thread>
#include <unordered_set>

#include "delivery/settle_batch.hpp"
#include "log/log.hpp"
#include "metrics/names.hpp"
#include "model/fail_point.hpp"
#include "store/flush.hpp"
#include "store/session.hpp"

namespace tandem {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto floor_interval = 1s;
constexpr auto again_later = 1s;
constexpr std::string_view longest_lock_wait = "200ms";  // a row that a person holds must not hold up the others
constexpr auto idle_wait = 1s;
constexpr std::size_t inbox_bound = 100'000;

/// Whether a refusal is about a value that some row of the flush carries, and not about the database.
bool of_a_row(const Error& error) {
  return error.kind == ErrorKind::refused && (error.sqlstate.starts_with("22") || error.sqlstate.starts_with("23"));
}
/// Somebody else holds a row of the flush, or has waited for one of it.
bool locked_out(const Error& error) {
  return error.sqlstate == "55P03" || error.sqlstate == "40P01";
}
bool server_must_be_asked_anew(const Error& error) {
  return error.sqlstate == "25006";
}  // it has become a standby

/// What can always be written about a record whose own settlement cannot. A note that cannot be written as it is says
/// less; all else fails its record: of an attempt that was to follow there must be no talk.
Settlement unwritable(const Settlement& given, const Error& error) {
  Settlement plain;
  plain.target = given.target;
  plain.counter = given.counter;
  plain.record_id = given.record_id;
  plain.xid = given.xid;
  plain.lane = given.lane;
  plain.route = given.route;
  plain.object_id = given.object_id;
  if (given.kind == Settlement::Kind::note) {
    plain.kind = Settlement::Kind::note;
    plain.attempts = given.attempts;
    plain.description = "a note could not be written: " + error.message;
    return plain;
  }
  const bool taken = error.sqlstate == "23505";
  plain.outcome = taken ? Outcome::conflict : Outcome::internal;
  plain.error = taken ? ErrorClass::conflict : ErrorClass::internal;
  const std::string what = given.kind == Settlement::Kind::outcome
                               ? "what became of the attempt (" + std::string(word(given.outcome)) + ")"
                               : std::string("what the record waits for");
  plain.description = what + " could not be written: " + error.message;
  plain.attempts = given.attempts;
  plain.answer_status = given.answer_status;
  plain.duration = given.duration;
  plain.lane_waits = given.lane_waits;
  return plain;
}

}  // namespace

class SettleThread::Session {
 public:
  Session(const Settings& settings, Epoch epoch, std::vector<TargetLink> links, Callbacks callbacks)
      : settings_(settings),
        fence_{settings.connector, epoch},
        links_(std::move(links)),
        callbacks_(std::move(callbacks)) {
    for (const auto& target : settings.targets) names_.push_back(target.name);
    auto& registry = metrics::registry();
    flushes_ = &registry.total(metrics::flushes);
    flush_rows_ = &registry.total(metrics::flush_rows);
    lost_sessions_ = &registry.total(metrics::sessions_lost, {"settle"});
  }

  BoundedQueue<ToSettle>& inbox() { return inbox_; }
  bool wrote_everything() const { return wrote_everything_; }

  void run(const std::stop_token& stop, std::chrono::milliseconds last_flush) {
    log::name_thread("settle");
    const std::stop_callback close(stop, [this] { inbox_.close(); });
    std::optional<Clock::time_point> give_up;
    while (true) {
      collect(stop.stop_requested());
      if (fenced_) {
        if (stop.stop_requested()) return;
        continue;
      }
      if (stop.stop_requested()) {
        if (!give_up) give_up = Clock::now() + last_flush;
        wrote_everything_ = batch_.size() == 0;
        if (wrote_everything_ && floors_.empty()) return;
        if (Clock::now() >= *give_up) {
          log::error("settlements could not be written before the stop; their records will be attempted again",
                     {{field::records, static_cast<std::uint64_t>(batch_.size())}});
          return;
        }
      }
      const auto now = Clock::now();
      if (now < not_before_ || !open()) continue;
      // After a stop nothing more will come, so nothing is worth waiting for.
      if (const auto due = batch_.due(); due && (*due <= now || stop.stop_requested()))
        flush(batch_.take(stop.stop_requested() ? far(now) : now, most_rows_));
      if (!floors_.empty() && session_ && (now - floors_written_ >= floor_interval || stop.stop_requested()))
        write_floors();
    }
  }

 private:
  static Clock::time_point far(Clock::time_point now) { return now + 1h; }

  /// Waits until something is due or has come, and takes what has come.
  void collect(bool stopping) {
    const auto now = Clock::now();
    auto until = now + idle_wait;
    if (const auto due = batch_.due()) until = std::min(until, *due);
    if (!floors_.empty()) until = std::min(until, floors_written_ + floor_interval);
    until = std::max(until, not_before_);
    if (stopping && not_before_ > now) std::this_thread::sleep_for(std::min<Clock::duration>(not_before_ - now, 50ms));
    for (auto& message : inbox_.drain_for(std::max(until - now, Clock::duration{0}))) {
      if (fenced_) continue;
      if (auto* settlement = std::get_if<Settlement>(&message)) {
        batch_.add(std::move(*settlement), now);
      } else {
        const auto& floor = std::get<Floor>(message);
        auto& known = floors_[floor.target];
        if (known.reader != floor.reader || known.counter < floor.counter) known = floor;
      }
    }
  }

  bool open() {
    if (session_ && session_->usable()) return true;
    auto session = store::open_session(settings_, "settle");
    if (!session) {
      back_off("the settling session cannot be opened; nothing is lost, records stay in memory", session.error());
      return false;
    }
    session_.emplace(std::move(*session));
    const auto patience = "set lock_timeout = '" + std::string(longest_lock_wait) + "'";
    if (auto set = session_->run(patience); !set) {
      keep({}, set.error());
      return false;
    }
    return true;
  }

  void back_off(std::string_view sentence, const Error& error) {
    log::warn(sentence, error);
    delay_ = std::min<Clock::duration>(delay_ == Clock::duration{} ? 50ms : delay_ * 2, 2s);
    not_before_ = Clock::now() + delay_;
  }

  /// The effect of the statement is unknown, or the database refuses everything: the same settlements are written
  /// again. That is safe, since a row is only moved from state 1 or 2. In smaller flushes: the deadline may have been
  /// too short for one that size.
  void keep(std::span<Settlement> settlements, const Error& error) {
    if (!session_->usable() || server_must_be_asked_anew(error)) {
      session_.reset();
      floors_.clear();
      lost_sessions_->add();
    }
    back_off("settlements could not be written and are tried again", error);
    if (!settlements.empty()) most_rows_ = std::max<std::size_t>(1, settlements.size() / 2);
    set_aside(settlements, Clock::now());
  }

  /// Rows that were locked are asked for first, and then written one by one: what somebody holds stalls nobody else.
  void flush(std::vector<Settlement> settlements) {
    const auto easy = std::stable_partition(settlements.begin(), settlements.end(), [this](const Settlement& s) {
      return !locked_before_.contains(s.counter.value);
    });
    const auto first = static_cast<std::size_t>(easy - settlements.begin());
    write(std::span(settlements).first(first));
    auto rest = std::span(settlements).subspan(first);
    if (rest.empty() || fenced_) return;
    if (session_) rest = not_held(rest);
    while (!rest.empty() && session_ && !fenced_) {
      const auto counter = rest[0].counter.value;
      locked_before_.erase(counter);  // write() knows better
      write(rest.first(1));
      rest = rest.subspan(1);
    }
    if (!fenced_) set_aside(rest, Clock::now());
  }

  void set_aside(std::span<Settlement> settlements, Clock::time_point until) {
    for (auto& settlement : settlements) batch_.add_later(std::move(settlement), until);
  }

  /// Sets aside what somebody holds locked; the others, in their order. Nothing if the session is lost.
  std::span<Settlement> not_held(std::span<Settlement> settlements) {
    std::vector<Counter> counters;
    for (const auto& settlement : settlements) counters.push_back(settlement.counter);
    auto held = store::held_by_others(*session_, counters);
    if (!held) {
      keep(settlements, held.error());
      return {};
    }
    const auto locked = std::stable_partition(settlements.begin(), settlements.end(), [&](const Settlement& s) {
      return std::ranges::find(*held, s.counter) == held->end();
    });
    const auto free = static_cast<std::size_t>(locked - settlements.begin());
    for (const auto& settlement : settlements.subspan(free)) locked_before_.insert(settlement.counter.value);
    set_aside(settlements.subspan(free), Clock::now() + again_later);
    return settlements.first(free);
  }

  void write(std::span<Settlement> settlements) {
    if (settlements.empty()) return;
    const auto noted = callbacks_.noted_position ? callbacks_.noted_position() : Noted{};
    pass(FailPoint::before_flush);
    auto flushed = store::write_flush(*session_, fence_, settlements);
    if (flushed) {
      pass_committed(settlements);
      delay_ = {};
      most_rows_ = std::min(SettleBatch::most_rows, most_rows_ * 2);
      flushes_->add();
      flush_rows_->add(flushed->settled.size());
      if (callbacks_.xid_drawn) callbacks_.xid_drawn({noted, flushed->drawn});
      for (const auto& name : flushed->woken) wake(name);
      report(settlements, *flushed);
      return;
    }
    const auto& error = flushed.error();
    if (error.kind == ErrorKind::fenced) return fence_off(error);
    if (!session_->usable() || !(of_a_row(error) || locked_out(error))) return keep(settlements, error);
    if (locked_out(error)) {
      // Records that are held are found at once; what else a lock is about, a parked row or an identity, by halving.
      const auto free = not_held(settlements);
      if (free.size() < settlements.size()) return session_ ? write(free) : void();
    }
    if (settlements.size() > 1) {
      const auto half = settlements.size() / 2;
      write(settlements.first(half));
      if (fenced_) return;
      if (!session_) return set_aside(settlements.subspan(half), Clock::now());  // lost on the way
      return write(settlements.subspan(half));
    }
    if (locked_out(error)) {
      log::warn("a settlement waits: somebody holds a lock on what it writes", error,
                {{field::target, names_[settlements[0].target]}, {field::counter, settlements[0].counter}});
      locked_before_.insert(settlements[0].counter.value);
      return set_aside(settlements, Clock::now() + again_later);
    }
    write_alone(settlements[0], error);
  }

  /// The crash points between a commit and what the loop learns of it.
  static void pass_committed(std::span<const Settlement> settlements) {
    pass(FailPoint::after_flush);
    const auto any = [&](auto matches) { return std::ranges::any_of(settlements, matches); };
    if (any([](const Settlement& s) { return s.kind == Settlement::Kind::park; })) pass(FailPoint::after_park);
    if (any([](const Settlement& s) { return s.identity == Settlement::IdentityWrite::pending; }))
      pass(FailPoint::after_identity);
  }

  void write_alone(Settlement& settlement, const Error& error) {
    log::error("a settlement could not be written as it is; its record fails", error,
               {{field::target, names_[settlement.target]},
                {field::object_id, settlement.object_id},
                {field::counter, settlement.counter}});
    Settlement plain = unwritable(settlement, error);
    auto flushed = store::write_flush(*session_, fence_, std::span(&plain, 1));
    if (flushed) {
      if (settlement.kind == Settlement::Kind::outcome) return report(std::span(&plain, 1), *flushed);
      // What was to be written has not been: its record must neither be sent nor stay parked in memory.
      if (settlement.kind != Settlement::Kind::note)
        links_[plain.target].inbox->push_unbounded(Settled{plain.target, {}, {plain.counter}, {}});
      return;
    }
    if (flushed.error().kind == ErrorKind::fenced) return fence_off(flushed.error());
    keep(std::span(&plain, 1), flushed.error());
  }

  void report(std::span<Settlement> settlements, const store::Flushed& flushed) {
    std::map<TargetIndex, Settled> answers;
    const auto answered = [&](const Settlement& settlement) { return settlement.kind != Settlement::Kind::note; };
    for (const auto place : flushed.settled) {
      const auto& settlement = settlements[place];
      if (settlement.kind == Settlement::Kind::outcome) count(settlement);
      if (answered(settlement)) answers[settlement.target].counters.push_back(settlement.counter);
    }
    if (!flushed.missing.empty()) judge(settlements, flushed.missing, answers);
    for (auto& [target, answer] : answers) {
      answer.target = target;
      links_[target].inbox->push_unbounded(std::move(answer));
    }
  }

  void judge(std::span<Settlement> settlements, const std::vector<std::size_t>& places,
             std::map<TargetIndex, Settled>& answers) {
    std::vector<Settlement> missing;
    for (const auto place : places) missing.push_back(std::move(settlements[place]));
    auto verdicts = store::judge_missing(*session_, missing);
    if (!verdicts) return keep(missing, verdicts.error());
    for (std::size_t place = 0; place < missing.size(); ++place) {
      auto& settlement = missing[place];
      auto& answer = answers[settlement.target];
      const bool answered = settlement.kind != Settlement::Kind::note;
      switch ((*verdicts)[place]) {
        case store::Verdict::pending:
          batch_.add_later(std::move(settlement), Clock::now());
          break;
        case store::Verdict::running:
          batch_.add_later(std::move(settlement), Clock::now() + again_later);
          break;
        case store::Verdict::settled:
          if (answered) answer.missing.push_back(settlement.counter);
          break;
        case store::Verdict::lost:
          log::error("the database has lost a record, or somebody has deleted it",
                     {{field::target, names_[settlement.target]},
                      {field::object_id, settlement.object_id},
                      {field::counter, settlement.counter},
                      {field::record_id, settlement.record_id}});
          metrics::registry().total(metrics::settled, {names_[settlement.target], "lost"}).add();
          if (answered) answer.lost.push_back(settlement.counter);
          break;
      }
    }
  }

  void count(const Settlement& settlement) {
    const auto key = std::pair(settlement.target, settlement.outcome);
    auto found = settled_.find(key);
    if (found == settled_.end())
      found = settled_
                  .emplace(key, &metrics::registry().total(metrics::settled,
                                                           {names_[settlement.target], word(settlement.outcome)}))
                  .first;
    found->second->add();
  }

  void write_floors() {
    std::vector<Floor> floors;
    for (const auto& [target, floor] : floors_) floors.push_back(floor);
    const auto noted = callbacks_.noted_position ? callbacks_.noted_position() : Noted{};
    auto drawn = store::write_floors(*session_, fence_, names_, floors);
    floors_written_ = Clock::now();
    if (!drawn) {
      if (drawn.error().kind == ErrorKind::fenced) return fence_off(drawn.error());
      return keep({}, drawn.error());
    }
    pass(FailPoint::after_floor);
    floors_.clear();
    if (callbacks_.xid_drawn) callbacks_.xid_drawn({noted, *drawn});
  }

  void wake(std::string_view name) {
    const auto at = std::find(names_.begin(), names_.end(), name);
    if (at != names_.end() && callbacks_.woke_parked)
      callbacks_.woke_parked(static_cast<TargetIndex>(at - names_.begin()));
  }

  void fence_off(const Error& error) {
    log::error("another connector has our name; this one settles nothing any more", error,
               {{field::epoch, fence_.epoch}});
    fenced_ = true;
    batch_ = {};
    floors_.clear();
    if (callbacks_.fenced) callbacks_.fenced();
  }

  const Settings& settings_;
  const store::Fence fence_;
  const std::vector<TargetLink> links_;
  const Callbacks callbacks_;
  std::vector<std::string> names_;
  BoundedQueue<ToSettle> inbox_{inbox_bound};
  std::optional<postgres::Connection> session_;
  SettleBatch batch_;
  std::size_t most_rows_ = SettleBatch::most_rows;  ///< of the next flush
  std::unordered_set<std::int64_t> locked_before_;  ///< counters of what is set aside because of a lock
  std::map<TargetIndex, Floor> floors_;
  Clock::time_point floors_written_{}, not_before_{};
  Clock::duration delay_{};
  bool fenced_ = false, wrote_everything_ = false;
  metrics::Total *flushes_ = nullptr, *flush_rows_ = nullptr, *lost_sessions_ = nullptr;
  std::map<std::pair<TargetIndex, Outcome>, metrics::Total*> settled_;
};

SettleThread::SettleThread(const Settings& settings, Epoch epoch, std::vector<TargetLink> links, Callbacks callbacks)
    : session_(std::make_unique<Session>(settings, epoch, std::move(links), std::move(callbacks))) {}
SettleThread::~SettleThread() = default;

BoundedQueue<ToSettle>& SettleThread::inbox() {
  return session_->inbox();
}

bool SettleThread::wrote_everything() const {
  return session_->wrote_everything();
}
void SettleThread::run(const std::stop_token& stop, std::chrono::milliseconds last_flush) {
  session_->run(stop, last_flush);
}

}  // namespace tandem
