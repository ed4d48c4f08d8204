#include "capture/wal_thread.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "capture/change_batch.hpp"
#include "capture/stream_flights.hpp"
#include "capture/wal_slot.hpp"
#include "log/log.hpp"
#include "metrics/names.hpp"
#include "model/fail_point.hpp"
#include "postgres/replication_stream.hpp"
#include "store/queries.hpp"
#include "store/session.hpp"
#include "store/stream.hpp"
#include "wire/frame_decoder.hpp"
#include "wire/pgoutput_decoder.hpp"

namespace tandem {
namespace {

using postgres::Connection;
using postgres::Param;
using postgres::ReplicationStream;
using std::chrono::milliseconds;
using store::StreamPosition;
namespace queries = store::queries;

constexpr milliseconds glance{200};           // longest wait without looking at the stop token
constexpr milliseconds in_flight_glance{1};   // while a batch is being captured
constexpr milliseconds look_every{1'000};     // for watches, while there are none
constexpr milliseconds confirm_every{1'000};  // while there is progress
constexpr milliseconds compare_every{50};     // however much comes
constexpr milliseconds ask_after{15'000};     // of silence: does the server live?
constexpr milliseconds lost_after{45'000}, lost_without_timeout{3'600'000};
constexpr milliseconds second_again_after{60'000};
constexpr milliseconds first_pause{100}, longest_pause{5'000};  // after an error
constexpr std::uint64_t idle_stretch = 16
                                       << 20;  // of log without a change of ours: the position is written all the same

bool fenced_off(const Error& error) {
  return error.sqlstate == "TD002";
}
bool columns_changed(const Error& error) {
  return error.sqlstate == "TD001";
}

}  // namespace

class WalThread::Session {
 public:
  Session(const Settings& settings, Epoch epoch, std::function<void()> fenced)
      : settings_(settings), epoch_(epoch), fenced_(std::move(fenced)), slot_(settings) {}

  void run(const std::stop_token& stop) {
    log::name_thread("wal");
    auto pause = first_pause;
    while (!stop.stop_requested()) {
      const Status turned = turn(stop);
      close();
      if (turned) {
        pause = first_pause;
        continue;
      }
      if (fenced_off(turned.error())) {
        log::error("capture from the log has ended", turned.error(), {{field::epoch, epoch_}});
        return fenced_();
      }
      if (columns_changed(turned.error())) {
        log::info("a watched table has other columns now; its stream starts again where it was");
        continue;
      }
      say(false, turned.error().message, turned.error().hint);
      log::warn("changes cannot be captured from the log; it is tried again and nothing is lost", turned.error());
      nap(pause, stop);
      pause = std::min(pause * 2, longest_pause);
    }
  }

  WalStanding standing() const {
    const std::lock_guard lock(mutex_);
    return standing_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// One life of the stream: until its watches change, or an error.
  Status turn(const std::stop_token& stop) {
    if (auto opened = open(); !opened) return opened;
    auto plan = store::read_stream(*sql_, settings_.connector);
    if (!plan) return tl::unexpected(std::move(plan.error()));
    plan_ = std::move(*plan);
    {
      const std::lock_guard lock(mutex_);
      standing_.wanted = !plan_.watches.empty();
    }
    if (plan_.watches.empty()) return without_watches(stop);
    auto ready = slot_.make_ready(*sql_, plan_, epoch_, stop);
    if (!ready || stop.stop_requested()) return ready;
    if (auto started = start(); !started) return started;
    say(true, {}, {});
    while (!stop.stop_requested()) {
      const auto on = step();
      if (!on) return tl::unexpected(on.error());
      if (!*on) return {};
    }
    return finish_flights();
  }

  Status open() {
    auto session = store::open_session(settings_, "wal");
    if (!session) return tl::unexpected(std::move(session.error()));
    sql_.emplace(std::move(*session));
    return {};
  }

  /// A slot that no watch needs any more keeps log for nobody. `apply` makes the slot just before the first watch.
  Status without_watches(const std::stop_token& stop) {
    say(false, {}, {});
    if (!plan_.slot.empty() && plan_.old) {
      const std::array params{Param(settings_.connector)};
      auto ended = sql_->run(queries::stream_end, params);
      if (!ended) return tl::unexpected(std::move(ended.error()));
      if (ended->size() > 0) {
        if (auto dropped = slot_.drop(*sql_, plan_.slot); !dropped) return dropped;
        log::info("no watch is captured from the log any more: its slot is dropped", {{field::slot, plan_.slot}});
      }
    }
    sql_.reset();
    nap(look_every, stop);
    return {};
  }

  Status start() {
    auto replication = slot_.replication();
    if (!replication) return tl::unexpected(std::move(replication.error()));
    // A server that passes over a long transaction speaks twice within its own timeout, and without one never.
    const auto timeout =
        replication->script("select setting from pg_catalog.pg_settings where name = 'wal_sender_timeout'");
    if (!timeout) return tl::unexpected(timeout.error());
    const milliseconds theirs{timeout->number(0, 0)};
    lost_after_ = theirs.count() == 0 ? lost_without_timeout : std::max(lost_after, theirs);
    const auto options = wal_plugin_options(*replication, plan_);
    auto started = ReplicationStream::start(std::move(*replication), plan_.slot, options);
    if (!started) return tl::unexpected(std::move(started.error()));
    stream_.emplace(std::move(*started));
    if (plan_.plugin == "tandem")
      decoder_.emplace<wire::FrameDecoder>();
    else
      decoder_.emplace<wire::PgoutputDecoder>();
    batch_.emplace(plan_);
    written_ = plan_.position;
    confirmed_ = {};
    heard_ = confirmed_at_ = ticked_at_ = Clock::now();
    return {};
  }

  /// Reads, captures, compares, confirms, each for a moment. False: the watches are others now.
  Result<bool> step() {
    bool reply = false, came = false;
    const bool reads = !batch_->full() && batch_->watches_changed().empty();
    milliseconds patience = !flights_.empty() ? in_flight_glance : comparing() ? milliseconds{0} : glance;
    while (!batch_->full() && batch_->watches_changed().empty()) {
      const auto message = stream_->read(patience);
      if (!message) return tl::unexpected(message.error());
      if (!*message) break;
      came = true;
      patience = milliseconds{0};
      if (const auto* change = std::get_if<ReplicationStream::Change>(&**message)) {
        if (auto taken = take(*change); !taken) return tl::unexpected(taken.error());
      } else {
        const auto& keepalive = std::get<ReplicationStream::Keepalive>(**message);
        if (batch_->empty()) batch_->sent_through(keepalive.end);
        reply = reply || keepalive.reply_requested;
      }
    }
    if (came) heard_ = Clock::now();
    // Silence is what we have listened to: a batch may have kept us for long, or new watches.
    if (reads && Clock::now() - heard_ >= lost_after_)
      return fail(ErrorKind::unavailable, "the replication stream has been silent for too long");
    if (auto captured = capture(); !captured) return tl::unexpected(captured.error());
    if (auto confirmed = confirm(reply); !confirmed) return tl::unexpected(confirmed.error());
    if (!batch_->watches_changed().empty()) return others();
    if (comparing() && (!came || Clock::now() - compared_at_ >= compare_every)) return compare();
    if (!came && flights_.empty()) return idle();
    return true;
  }

  // --- capturing ---

  /// A message that changes the watches is the last event of its packet, so none behind it is taken by their old plan.
  Status take(const ReplicationStream::Change& change) {
    const auto take_event = [this](const wire::Event& event, Lsn lsn) { return batch_->take(event, lsn); };
    return std::visit([&](auto& decoder) { return decoder.decode_all(change.payload, change.lsn, take_event); },
                      decoder_);
  }

  /// Sends what has been collected as soon as the batch before has committed; a full one beside it, where it may stand
  /// there.
  Status capture() {
    while (!flights_.empty() && !may_stand_beside()) {
      const auto ready = session(flights_.oldest().session).ready();
      if (!ready) return tl::unexpected(ready.error());
      if (!*ready && !batch_->full() && batch_->watches_changed().empty()) return {};
      if (auto finished = finish_oldest(); !finished) return finished;
    }
    const StreamPosition position = batch_->position();
    const bool far = position.through.value - written_.through.value >= idle_stretch;
    if (batch_->empty() && !far && !batch_->position_wanted()) return {};
    const auto transactions = batch_->transactions();
    auto groups = batch_->hand_over();
    const StreamFlights::Flight& flight = flights_.begin(groups, written_, position);
    statements_.clear();
    texts_.clear();
    statements_.push_back(store::hold_fence(settings_.connector, epoch_));
    statements_.push_back(store::stand_in_stream(settings_.connector, flight.number));
    if (!groups.empty()) statements_.push_back(store::wait_until_visible(transactions));
    return send(groups, flight);
  }

  [[nodiscard]] bool may_stand_beside() {
    return batch_->full() && batch_->watches_changed().empty() && !comparing() && flights_.admits(batch_->groups()) &&
           has_second_session();
  }

  Status send(const std::deque<ChangeBatch::Group>& groups, const StreamFlights::Flight& flight) {
    Connection& sql = session(flight.session);
    for (const ChangeBatch::Group& group : groups) {
      changes_.add(group.kinds.size());
      std::string& text =
          texts_.emplace_back("select tandem." + sql.quoted_identifier(group.watch->function) +
                              "($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], "
                              "$6::text[], $7::bigint[], $8::text[], $9, $10, $11::boolean[], $12::boolean[])");
      statements_.push_back({{group.watch->function, text},
                             {Param::array(std::span<const std::string>(group.kinds)),
                              Param::nullable_array(std::span<const std::optional<std::string>>(group.new_rows)),
                              Param::nullable_array(std::span<const std::optional<std::string>>(group.old_rows)),
                              Param::array(std::span<const std::string>(group.keys)), Param::array(group.partial),
                              Param::nullable_array(std::span<const std::optional<std::string>>(group.origins)),
                              Param::array(std::span<const std::int64_t>(group.committed)),
                              Param::array(std::span<const std::string>(group.watch->columns)), Param(group.full),
                              Param(group.latest), Param::array(group.last), Param::array(group.old_last)},
                             postgres::Format::text});
    }
    statements_.push_back(store::write_position(settings_.connector, flight.behind, flight.was, flight.becomes));
    pass(FailPoint::before_stream_commit);
    return sql.send(std::span<const postgres::Statement>(statements_));
  }

  Status finish_oldest() {
    const auto done = session(flights_.oldest().session).finish_all();
    if (!done) return tl::unexpected(done.error());
    pass(FailPoint::after_stream_commit);
    written_ = flights_.end_oldest();
    return {};
  }

  Status finish_flights() {
    while (!flights_.empty())
      if (auto finished = finish_oldest(); !finished) return finished;
    return {};
  }

  // --- confirming ---

  /// Only what has been written down: the log is kept until then.
  Status confirm(bool reply) {
    const auto now = Clock::now();
    const bool progress = written_.through > confirmed_ && now - confirmed_at_ >= confirm_every;
    const bool silence = now - heard_ >= ask_after && now - confirmed_at_ >= ask_after;
    if (!reply && !progress && !silence) return {};
    confirmed_at_ = now;
    confirmed_ = written_.through;
    return stream_->confirm(confirmed_,
                            silence ? ReplicationStream::Reply::wanted : ReplicationStream::Reply::not_needed);
  }

  // --- watches ---

  [[nodiscard]] bool comparing() const {
    return std::ranges::any_of(plan_.watches, [](const store::StreamWatch& watch) { return watch.pending; });
  }

  /// A transaction has changed the watches. Its effect is visible a moment after its commit has been decoded.
  Result<bool> others() {
    if (auto finished = finish_flights(); !finished) return tl::unexpected(finished.error());
    if (!batch_->empty()) return true;  // first what came before it
    const auto seen = tick(batch_->watches_changed());
    if (!seen) return tl::unexpected(seen.error());
    if (!*seen) {
      std::this_thread::sleep_for(in_flight_glance);
      return true;
    }
    auto plan = store::read_stream(*sql_, settings_.connector);
    if (!plan) return tl::unexpected(std::move(plan.error()));
    const auto alike = [](const store::StreamWatch& a, const store::StreamWatch& b) {
      return a.watch == b.watch && a.since == b.since && a.columns == b.columns;
    };
    if (!std::ranges::equal(plan->watches, plan_.watches, alike)) return false;
    batch_->watches_seen();
    return true;
  }

  Result<bool> idle() {
    if (Clock::now() - ticked_at_ < glance) return true;
    const auto ticked = tick("0");
    if (!ticked) return tl::unexpected(ticked.error());
    return true;
  }

  /// Is this transaction visible? In passing, log that nobody flushes is flushed: without it neither the server nor
  /// whoever waits for us (tandem.switch_stream) gets on.
  Result<bool> tick(const std::string& transaction) {
    ticked_at_ = Clock::now();
    const std::array params{Param(transaction)};
    auto rows = sql_->run(queries::stream_tick, params);
    if (!rows) return tl::unexpected(std::move(rows.error()));
    if (rows->flag(0, 1))
      if (auto flushed = sql_->run("select pg_catalog.pg_current_xact_id()"); !flushed)
        return tl::unexpected(std::move(flushed.error()));
    return rows->flag(0, 0);
  }

  /// One stretch of the first watch that is new or has a gap. At its end the stream starts again: with bodies.
  Result<bool> compare() {
    if (auto finished = finish_flights(); !finished) return tl::unexpected(finished.error());
    const auto watch = std::ranges::find_if(plan_.watches, &store::StreamWatch::pending);
    const std::array<postgres::Statement, 2> statements{
        store::hold_fence(settings_.connector, epoch_),
        postgres::Statement{queries::stream_compare, {Param(watch->watch)}, postgres::Format::text}};
    auto rows = sql_->run(std::span<const postgres::Statement>(statements));
    if (!rows) return tl::unexpected(std::move(rows.error()));
    compared_at_ = Clock::now();
    pass(FailPoint::after_compare);
    if (rows->at(1).text(0, 0) != "current") return true;
    watch->pending = false;
    if (!watch->comparing) {
      log::info("what the table of a new watch holds has been written down", {{field::watch, watch->watch}});
      return true;
    }
    log::warn("a gap in the stream has been closed by comparison",
              {{field::watch, watch->watch}, {field::records, rows->at(1).number(0, 1)}});
    return false;
  }

  // --- sessions ---

  [[nodiscard]] Connection& session(int number) { return number == 0 ? *sql_ : *second_; }

  /// Without one, batches follow each other.
  bool has_second_session() {
    if (second_) return true;
    if (Clock::now() - second_failed_at_ < second_again_after) return false;
    auto opened = store::open_session(settings_, "wal beside");
    if (!opened) {
      log::warn("no second session captures from the log; the first one does alone", opened.error());
      second_failed_at_ = Clock::now();
      return false;
    }
    second_.emplace(std::move(*opened));
    return true;
  }

  void close() {
    stream_.reset();
    batch_.reset();
    flights_.clear();
    second_.reset();
    sql_.reset();
    slot_.close();
  }

  void nap(milliseconds time, const std::stop_token& stop) {
    std::unique_lock lock(sleep_mutex_);
    sleep_.wait_for(lock, stop, time, [] { return false; });
  }

  void say(bool streaming, const std::string& reason, const std::string& hint) {
    const std::lock_guard lock(mutex_);
    if (standing_.streaming != streaming && streaming)
      log::info("changes of watched tables are captured from the log",
                {{field::slot, plan_.slot}, {field::count, static_cast<std::uint64_t>(plan_.watches.size())}});
    standing_.streaming = streaming;
    standing_.reason = reason;
    standing_.hint = hint;
  }

  const Settings& settings_;
  const Epoch epoch_;
  const std::function<void()> fenced_;
  WalSlot slot_;

  store::StreamPlan plan_;
  std::optional<Connection> sql_;
  std::optional<Connection> second_;  ///< once a full batch has stood beside another
  SteadyTime second_failed_at_{};
  std::optional<ReplicationStream> stream_;
  std::variant<wire::PgoutputDecoder, wire::FrameDecoder> decoder_;
  std::optional<ChangeBatch> batch_;
  std::vector<postgres::Statement> statements_;
  std::deque<std::string> texts_;  ///< of statements_
  StreamFlights flights_;
  StreamPosition written_;
  Lsn confirmed_;
  milliseconds lost_after_ = lost_after;
  SteadyTime heard_{}, confirmed_at_{}, ticked_at_{}, compared_at_{};

  metrics::Total& changes_ = metrics::registry().total(metrics::stream_changes);

  mutable std::mutex mutex_;  // standing_ alone: read now and then by people's questions
  WalStanding standing_;
  std::mutex sleep_mutex_;
  std::condition_variable_any sleep_;
};

WalThread::WalThread(const Settings& settings, Epoch epoch, std::function<void()> fenced)
    : session_(std::make_unique<Session>(settings, epoch, std::move(fenced))) {}
WalThread::~WalThread() = default;

void WalThread::run(const std::stop_token& stop) {
  session_->run(stop);
}
WalStanding WalThread::standing() const {
  return session_->standing();
}

}  // namespace tandem
