#include "capture/capture_thread.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "capture/outbox_ringer.hpp"
#include "capture/slot_plan.hpp"
#include "log/log.hpp"
#include "metrics/names.hpp"
#include "postgres/connection.hpp"
#include "postgres/replication_stream.hpp"
#include "wire/frame_decoder.hpp"
#include "wire/pgoutput_decoder.hpp"

namespace tandem {
namespace {

using postgres::Connection;
using postgres::ReplicationStream;
using std::chrono::milliseconds;

constexpr milliseconds glance{200};           // longest wait without looking at the stop token
constexpr milliseconds confirm_every{1'000};  // while there is progress
constexpr milliseconds ask_after{15'000};     // of silence: does the server live? (wal_sender_timeout may be off)
constexpr milliseconds lost_after{45'000};
constexpr milliseconds weigh_every{5'000};                    // the slot against its budget
constexpr std::size_t most_at_once = std::size_t{256} << 10;  // bytes between two looks at the clock

tl::unexpected<Error> forward(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace

class CaptureThread::Session {
 public:
  Session(const Settings& settings, Callbacks callbacks)
      : settings_(settings),
        callbacks_(std::move(callbacks)),
        slot_(settings.capture.slot.empty() ? "tandem_" + settings.connector : settings.capture.slot),
        application_("tandem/" + settings.connector + " capture"),
        plan_(SlotPlan::Limits{settings.capture.wal_budget_bytes, SlotPlan::Limits{}.creation,
                               settings.capture.plugin}) {}

  void run(const std::stop_token& stop) {
    log::name_thread("capture");
    if (!settings_.capture.stream) return;
    publish();
    SlotPlan::Action action = plan_.next(SlotPlan::Ticked{}, Clock::now());
    while (!stop.stop_requested()) {
      SlotPlan::Event event = perform(action, stop);
      if (std::holds_alternative<SlotPlan::Failed>(event)) close();
      action = plan_.next(event, Clock::now());
      publish();
    }
    close();
    announce(CapturePhase::stopped, {}, {});
  }

  CaptureStanding standing() const {
    const std::lock_guard lock(mutex_);
    return standing_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Step = SlotPlan::Step;

  // --- the steps of the plan ---

  SlotPlan::Event perform(const SlotPlan::Action& action, const std::stop_token& stop) {
    switch (action.step) {
      case Step::wait:
        return wait(action.until, stop);
      case Step::open:
        return answer(open(), SlotPlan::Opened{});
      case Step::look:
        return look();
      case Step::end_holder:
        return answer(end_holder(), SlotPlan::Done{});
      case Step::drop_slot:
        return answer(drop_slot(), SlotPlan::Done{});
      case Step::create_slot:
        return create_slot();
      case Step::start_stream:
        return answer(start_stream(), SlotPlan::Started{});
      case Step::stream:
        return stream();
      case Step::close:
        close();
        return SlotPlan::Done{};
    }
    return SlotPlan::Ticked{};
  }

  static SlotPlan::Event answer(const Status& status, SlotPlan::Event success) {
    return status ? std::move(success) : SlotPlan::Event(SlotPlan::Failed{status.error()});
  }

  SlotPlan::Event wait(SteadyTime until, const std::stop_token& stop) {
    std::unique_lock lock(sleep_mutex_);
    sleep_.wait_until(lock, stop, until, [] { return false; });
    return SlotPlan::Ticked{};
  }

  Status open() {
    Connection::Options options = session_options();
    options.replication = true;
    auto opened = Connection::open(settings_.database.url.reveal(), options);
    if (!opened) return forward(std::move(opened.error()));
    replication_.emplace(std::move(*opened));
    const auto identity = postgres::identify_system(*replication_);
    if (!identity) return forward(identity.error());
    notice(ServerIdentity{identity->system_id, identity->timeline});
    return {};
  }

  SlotPlan::Event look() {
    const std::string name = replication_->quoted_literal(slot_),
                      publication = replication_->quoted_literal(settings_.capture.publication);
    const auto rows = replication_->script(
        "select current_setting('wal_level') = 'logical', exists (select from pg_catalog.pg_publication p join"
        " pg_catalog.pg_publication_tables t using (pubname) where p.pubname = " +
        publication +
        " and p.pubinsert and t.schemaname = 'tandem' and t.tablename = 'outbox'), s.slot_name is not null, "
        "coalesce(s.active, false),"
        " coalesce(h.application_name = " +
        replication_->quoted_literal(application_) +
        ", false), coalesce(s.wal_status = 'lost', false), s.slot_name is not null and s.database is distinct from"
        " current_database(), coalesce(s.plugin, ''), l.setting"
        " from (select) as one left join pg_catalog.pg_replication_slots s on s.slot_name = " +
        name +
        " left join pg_catalog.pg_settings l on l.name = 'output_plugin_libraries'"
        " left join pg_catalog.pg_stat_activity h on h.pid = s.active_pid");
    if (!rows) return SlotPlan::Failed{rows.error()};
    SlotView view{rows->flag(0, 0), rows->flag(0, 1), rows->flag(0, 2), rows->flag(0, 3),
                  rows->flag(0, 4), rows->flag(0, 5), rows->flag(0, 6), std::string(rows->text(0, 7)),
                  std::nullopt};
    if (!rows->null(0, 8)) view.allowed = rows->text(0, 8);
    return SlotPlan::Looked{std::move(view)};
  }

  Status end_holder() {
    log::warn("an earlier session holds our slot and is ended", {{field::slot, slot_}});
    return script(
        "select pg_catalog.pg_terminate_backend(active_pid) from pg_catalog.pg_replication_slots where active_pid is "
        "not null and"
        " slot_name = " +
        replication_->quoted_literal(slot_));
  }

  Status drop_slot() {
    log::warn("the slot is dropped; a new one starts behind it",
              {{field::slot, slot_}, {field::reason, plan_.reason()}});
    return script("select pg_catalog.pg_drop_replication_slot(" + replication_->quoted_literal(slot_) + ")");
  }

  Status script(const std::string& sql) {
    const auto done = replication_->script(sql);
    return done ? Status{} : forward(done.error());
  }

  SlotPlan::Event create_slot() {
    if (!replication_->in_flight()) {
      const Status sent = replication_->send_script(postgres::create_slot_command(
          *replication_, slot_, word(plan_.plugin().plugin), postgres::SlotKind::temporary));
      if (!sent) return SlotPlan::Failed{sent.error()};
    }
    const auto ready = replication_->wait_until_ready(glance);
    if (!ready) return SlotPlan::Failed{ready.error()};
    if (!*ready) return weigh();
    const auto created = replication_->finish();
    if (!created) return SlotPlan::Failed{created.error()};
    return SlotPlan::Created{};
  }

  Status start_stream() {
    const auto options = plugin_options();
    auto started = ReplicationStream::start(std::move(*replication_), slot_, options);
    replication_.reset();
    if (!started) return forward(std::move(started.error()));
    stream_.emplace(std::move(*started));
    if (plan_.plugin().plugin == OutputPlugin::tandem)
      decoder_.emplace<wire::FrameDecoder>();
    else
      decoder_.emplace<wire::PgoutputDecoder>();
    ringer_ = {};
    heard_ = confirmed_at_ = weighed_at_ = Clock::now();
    received_ = confirmed_ = Lsn{};
    starts_.add();
    return {};
  }

  // Of our own plugin's frames only those that ring are asked for; a row's frame comes after its commit anyway.
  std::vector<postgres::PluginOption> plugin_options() const {
    if (plan_.plugin().plugin == OutputPlugin::tandem)
      return {{"protocol_version", std::to_string(wire::FrameDecoder::protocol_version)},
              {"table", "tandem.outbox (counter, target) insert"},
              {"message_prefix", std::string(OutboxRinger::message_prefix)},
              {"boundaries", "off"}};
    return {{"proto_version", std::to_string(wire::PgoutputDecoder::protocol_version)},
            {"publication_names", replication_->quoted_identifier(settings_.capture.publication)},
            {"messages", "true"}};
  }

  SlotPlan::Event stream() {
    bool reply = false;
    milliseconds patience = glance;
    for (std::size_t bytes = 0; bytes < most_at_once;) {
      const auto message = stream_->read(patience);
      if (!message) return failed(message.error());
      if (!*message) break;
      patience = milliseconds{0};
      if (const auto* change = std::get_if<ReplicationStream::Change>(&**message)) {
        bytes += change->payload.size();
        if (const Status taken = take(*change); !taken) return failed(taken.error());
      } else {
        const auto& keepalive = std::get<ReplicationStream::Keepalive>(**message);
        received_ = std::max(received_, keepalive.end);
        reply = reply || keepalive.reply_requested;
      }
    }
    ring();
    const auto now = Clock::now();
    if (patience.count() == 0) heard_ = now;
    if (now - heard_ >= lost_after)
      return failed(Error{ErrorKind::unavailable, "the replication stream has been silent for too long", {}, {}});
    if (const Status confirmed = confirm(reply, now); !confirmed) return failed(confirmed.error());
    return weigh();
  }

  // --- within a stream ---

  Status take(const ReplicationStream::Change& change) {
    bytes_.add(change.payload.size());
    const auto take_event = [this](const wire::Event& event, Lsn lsn) {
      received_ = std::max(received_, lsn);
      if (const auto* commit = std::get_if<wire::Commit>(&event)) received_ = std::max(received_, commit->end_lsn);
      return ringer_.take(event);
    };
    return std::visit([&](auto& decoder) { return decoder.decode_all(change.payload, change.lsn, take_event); },
                      decoder_);
  }

  void ring() {
    if (ringer_.rings().empty()) return;
    rings_.add(ringer_.rings().size());
    callbacks_.ring(ringer_.rings());
    ringer_.clear();
  }

  SlotPlan::Event failed(const Error& error) {
    ring();  // what came before the end is still news
    return SlotPlan::Failed{error};
  }

  Status confirm(bool reply, SteadyTime now) {
    const bool progress = received_ > confirmed_ && now - confirmed_at_ >= confirm_every;
    const bool silence = now - heard_ >= ask_after && now - confirmed_at_ >= ask_after;
    if (!reply && !progress && !silence) return {};
    confirmed_at_ = now;
    confirmed_ = received_;
    {
      const std::lock_guard lock(mutex_);
      standing_.received = received_;
    }
    return stream_->confirm(received_,
                            silence ? ReplicationStream::Reply::wanted : ReplicationStream::Reply::not_needed);
  }

  // --- the slot against its budget, asked on a session of its own so that the stream never waits for the answer ---

  SlotPlan::Event weigh() {
    const auto now = Clock::now();
    if (!aside_ || !aside_->in_flight()) {
      if (now - weighed_at_ < weigh_every) return SlotPlan::Ticked{};
      weighed_at_ = now;
      if (!open_aside()) return SlotPlan::Ticked{};
      static constexpr postgres::Query weight{
          "slot_weight",
          "select coalesce(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn), 0)::bigint"
          " from pg_catalog.pg_replication_slots where slot_name = $1"};
      const postgres::Param name(slot_);
      if (!aside_->send(weight, std::span(&name, 1))) aside_.reset();
      return SlotPlan::Ticked{};
    }
    const auto ready = aside_->ready();
    if (ready && !*ready && now - weighed_at_ < lost_after) return SlotPlan::Ticked{};
    const auto rows = ready && *ready ? aside_->finish() : fail(ErrorKind::timeout, "no answer");
    if (!rows) {
      aside_.reset();
      return SlotPlan::Ticked{};
    }
    const auto bytes =
        rows->size() == 0 ? 0 : static_cast<std::uint64_t>(std::max<std::int64_t>(rows->number(0, 0), 0));
    retained_.set(static_cast<double>(bytes));
    const std::lock_guard lock(mutex_);
    standing_.retained_wal_bytes = bytes;
    return SlotPlan::Retained{bytes};
  }

  bool open_aside() {
    if (aside_ && aside_->usable()) return true;
    auto opened = Connection::open(settings_.database.url.reveal(), session_options());
    if (opened) aside_.emplace(std::move(*opened));
    return opened.has_value();
  }

  // --- sessions ---

  Connection::Options session_options() const {
    Connection::Options options;
    options.application_name = application_;
    options.connect_timeout = milliseconds{3'000};
    options.deadline = milliseconds{5'000};
    return options;
  }

  void close() {
    stream_.reset();
    if (replication_ && replication_->in_flight() && open_aside()) {
      // A walsender that waits for transactions does not notice that its client has gone.
      const postgres::Param backend(static_cast<std::int64_t>(replication_->backend_pid()));
      (void)aside_->run("select pg_catalog.pg_terminate_backend($1::integer)", std::span(&backend, 1));
    }
    replication_.reset();
    aside_.reset();
  }

  void notice(const ServerIdentity& now) {
    ServerIdentity before;
    {
      const std::lock_guard lock(mutex_);
      before = std::exchange(standing_.server, now);
    }
    if (before.system_id.empty() || before == now) return;
    if (callbacks_.server_changed) callbacks_.server_changed(before, now);
  }

  // --- what others see ---

  void publish() {
    if (plan_.phase() != said_phase_ || plan_.reason() != said_reason_)
      announce(plan_.phase(), plan_.reason(), plan_.hint());
  }

  void announce(CapturePhase phase, const std::string& reason, const std::string& hint) {
    const bool streamed = said_phase_ == CapturePhase::streaming, streams = phase == CapturePhase::streaming;
    const bool changed = phase != said_phase_;
    if (changed) phase_gauge(said_phase_).set(0);
    phase_gauge(phase).set(1);
    said_phase_ = phase;
    said_reason_ = reason;
    const auto plugin = std::string(word(plan_.plugin().plugin)) + " (" + plan_.plugin().why + ")";
    {
      const std::lock_guard lock(mutex_);
      standing_.phase = phase;
      standing_.reason = reason;
      standing_.hint = hint;
      standing_.plugin = plugin;
      if (changed) standing_.since = std::chrono::system_clock::now();
    }
    if (!reason.empty())
      log::warn(sentence(phase), {{field::slot, slot_}, {field::reason, reason}, {field::hint, hint}});
    else if (streams)
      log::info(sentence(phase), {{field::slot, slot_}, {field::plugin, plugin}});
    else if (streamed)
      log::info(sentence(phase), {{field::slot, slot_}});
    else
      log::debug(sentence(phase), {{field::slot, slot_}});
    if (streamed != streams && callbacks_.streaming) callbacks_.streaming(streams);
  }

  static metrics::Gauge& phase_gauge(CapturePhase phase) {
    return metrics::registry().gauge(metrics::capture_phase, {word(phase)});
  }

  const Settings& settings_;
  const Callbacks callbacks_;
  const std::string slot_, application_;
  SlotPlan plan_;

  std::optional<Connection> replication_, aside_;
  std::optional<ReplicationStream> stream_;
  std::variant<wire::PgoutputDecoder, wire::FrameDecoder> decoder_;
  OutboxRinger ringer_;
  Lsn received_, confirmed_;
  SteadyTime heard_{}, confirmed_at_{}, weighed_at_{};
  CapturePhase said_phase_ = CapturePhase::off;
  std::string said_reason_;

  metrics::Total& rings_ = metrics::registry().total(metrics::stream_rings);
  metrics::Total& bytes_ = metrics::registry().total(metrics::stream_bytes);
  metrics::Total& starts_ = metrics::registry().total(metrics::stream_starts);
  metrics::Gauge& retained_ = metrics::registry().gauge(metrics::slot_retained);

  mutable std::mutex mutex_;  // standing_ alone: read now and then by people's questions
  CaptureStanding standing_;
  std::mutex sleep_mutex_;
  std::condition_variable_any sleep_;
};

CaptureThread::CaptureThread(const Settings& settings, Callbacks callbacks)
    : session_(std::make_unique<Session>(settings, std::move(callbacks))) {}
CaptureThread::~CaptureThread() = default;

void CaptureThread::run(const std::stop_token& stop) {
  session_->run(stop);
}
CaptureStanding CaptureThread::standing() const {
  return session_->standing();
}
bool CaptureThread::streaming() const {
  return session_->standing().phase == CapturePhase::streaming;
}

}  // namespace tandem
