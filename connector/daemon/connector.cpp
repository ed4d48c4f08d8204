#include "daemon/connector.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>

#include "apply/apply_thread.hpp"
#include "capture/capture_thread.hpp"
#include "capture/poll_thread.hpp"
#include "capture/wal_thread.hpp"
#include "daemon/intake_door.hpp"
#include "daemon/lease_thread.hpp"
#include "daemon/notify.hpp"
#include "daemon/proxy_door.hpp"
#include "daemon/signals.hpp"
#include "daemon/supervisor.hpp"
#include "daemon/take_turn.hpp"
#include "daemon/upkeep_thread.hpp"
#include "daemon/write_back_thread.hpp"
#include "delivery/feed_thread.hpp"
#include "delivery/loop.hpp"
#include "delivery/settle_thread.hpp"
#include "http/health.hpp"
#include "http/server.hpp"
#include "intake/fetch_thread.hpp"
#include "intake/reading_thread.hpp"
#include "intake/source_kinds.hpp"
#include "log/log.hpp"
#include "metrics/names.hpp"
#include "store/session.hpp"
#include "target/registry.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;

constexpr auto lease_length = 10s;

/// What any thread may say to main; main looks when it is woken.
struct Events {
  std::atomic<bool> fenced{false}, refused{false};
};

class Connector {
 public:
  explicit Connector(const Settings& settings) : settings_(settings), supervisor_([this] { signals_.wake(); }) {}

  Status run() {
    metrics::registry()
        .gauge(metrics::start_time)
        .set(std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
    if (auto serving = start_http(); !serving) return serving;
    auto tenure = take_turn(settings_, lease_length,
                            [this](std::chrono::milliseconds time) { return signals_.wait_for(time).has_value(); });
    if (!tenure) {
      stop_serving();
      return tl::unexpected(tenure.error());
    }
    lease_.renewed(Lease::now());
    metrics::registry().gauge(metrics::connector_epoch).set(static_cast<double>(tenure->epoch.value));
    if (auto built = build(*tenure); !built) return built;
    start_threads();
    notify_.ready();
    log::info("tandem runs", {{field::connector, settings_.connector},
                              {field::epoch, tenure->epoch},
                              {field::targets, static_cast<std::uint64_t>(settings_.targets.size())}});
    Status end = watch();
    notify_.stopping();
    stop(tenure->epoch, end.has_value());
    return end;
  }

 private:
  Status start_http() {
    if (settings_.http.listen.empty()) return {};
    http::Router router{http::Access(settings_.http.tokens)};
    http::add_health(
        router, [this] { return checks(); }, [] { return metrics::registry().render(); });
    http::ServerLimits limits;
    if (!settings_.sources.empty()) {
      intake_ = std::make_unique<IntakeThread>(settings_, [this] {
        ring_apply();
        if (auto* fetch = fetch_door_.load()) fetch->ring();
      });
      add_intake(router, settings_, *intake_);
      for (const auto& source : settings_.sources)
        limits.body_bytes = std::max(limits.body_bytes, source.max_body_bytes);
      supervisor_.start("intake", [this](const std::stop_token& stop) { intake_->run(stop); });
    }
    if (!settings_.proxy.callers.empty()) {
      add_proxy(router, settings_, [this](TargetIndex target, HttpRequest request, LoanDone done) {
        lend(target, std::move(request), std::move(done));
      });
      limits.body_bytes = std::max(limits.body_bytes, settings_.proxy.max_body_bytes);
    }
    auto server = http::Server::open(settings_.http.listen, std::move(router), limits);
    if (!server) return tl::unexpected(server.error());
    supervisor_.start("http", [server = std::make_shared<http::Server>(std::move(*server))](
                                  const std::stop_token& stop) { server->run(stop); });
    return {};
  }

  /// From the http thread.
  void lend(TargetIndex target, HttpRequest request, LoanDone done) {
    if (started_) return loop_of(target).lend(target, std::move(request), std::move(done));
    done({.status = 503,
          .problem = "tandem is standing by, or waiting for the database",
          .retry_after = std::chrono::seconds(5)});
  }
  [[nodiscard]] DeliveryLoop& loop_of(TargetIndex target) { return *loops_[target % loops_.size()]; }

  /// From the http thread.
  [[nodiscard]] std::vector<http::Check> checks() const {
    const bool started = started_;
    std::vector<http::Check> all;
    all.push_back({"connector", started, true, started ? "" : "standing by, or waiting for the database"});
    all.push_back(
        {"database", started && lease_.held(), true, started && !lease_.held() ? "has not answered for a while" : ""});
    if (started) {
      const auto failing = feed_->failing_for();
      all.push_back({"reading", failing < 10s, true,
                     failing < 10s ? "" : "no change has been read for " + std::to_string(failing.count()) + " s"});
    }
    if (started && capture_) {
      const CaptureStanding standing = capture_->standing();
      all.push_back({"capture", standing.phase == CapturePhase::streaming, false,
                     std::string(sentence(standing.phase)) + (standing.reason.empty() ? "" : ": " + standing.reason) +
                         (standing.plugin.empty() ? "" : "; plugin: " + standing.plugin)});
    }
    if (started && wal_) {
      const WalStanding standing = wal_->standing();
      if (standing.wanted)
        all.push_back({"wal", standing.streaming, false,
                       standing.streaming ? "" : "changes wait in the log: " + standing.reason});
    }
    if (started) {
      if (poll_->wanted()) all.push_back({"poll", poll_->trouble().empty(), false, poll_->trouble()});
      for (const auto& reader : readers_) {
        const std::string trouble = reader->trouble();
        all.push_back({"source " + reader->source(), trouble.empty(), false, trouble});
      }
      const auto drift = upkeep_->drift();
      all.push_back({"watches", drift == 0, false,
                     drift == 0 ? "" : std::to_string(drift) + " differences between tables and capture"});
    }
    return all;
  }

  /// Loops first, since the others need their links; loops speak only once they run.
  Status build(const store::Tenure& tenure) {
    const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
    const std::size_t count = std::min(settings_.targets.size(), cores);
    std::vector<std::vector<TargetIndex>> shares(count);
    for (TargetIndex i = 0; i < settings_.targets.size(); ++i) shares[i % count].push_back(i);
    const DeliveryLoop::Outlets outlets{
        [this](ToFeed message) { feed_->inbox().push_unbounded(std::move(message)); },
        [this](ToSettle message) { settle_->inbox().push_unbounded(std::move(message)); }};
    const auto make = [this](const TargetSettings& target, HttpClient& client,
                             Answered answered) -> Result<std::unique_ptr<Target>> {
      // A process that was frozen wakes with requests in hand while its successor has sent newer images.
      client.send_only_while([this] { return lease_.held(); });
      return make_target(settings_, target, client, std::move(answered));
    };
    std::vector<TargetLink> links(settings_.targets.size());
    for (auto& share : shares) {
      auto loop = DeliveryLoop::make(settings_, share, outlets, make);
      if (!loop) return tl::unexpected(loop.error());
      for (auto& [index, link] : (*loop)->links()) links[index] = link;
      loops_.push_back(std::move(*loop));
    }
    feed_ = std::make_unique<FeedThread>(
        settings_, tenure.epoch, tenure.unclean, links,
        FeedThread::Callbacks{[this] { fenced(); }, [this](const Error& error) { refused(error); }});
    settle_ = std::make_unique<SettleThread>(
        settings_, tenure.epoch, links,
        SettleThread::Callbacks{[this] { fenced(); }, [this] { return feed_->noted_position(); },
                                [this](XidDrawn drawn) { feed_->inbox().push_unbounded(drawn); },
                                [this](TargetIndex) { feed_->inbox().push_unbounded(Rung{{Counter{}}}); }});
    if (settings_.capture.stream)
      capture_ = std::make_unique<CaptureThread>(
          settings_, CaptureThread::Callbacks{
                         [this](std::span<const Ring> rings) { feed_->ring(rings); },
                         [this](bool up) { feed_->inbox().push_unbounded(StreamState{up}); },
                         [](const ServerIdentity& before, const ServerIdentity& now) {
                           log::warn(
                               "another server answers, or another line of its history: reading begins anew",
                               {{field::system_id, now.system_id},
                                {field::timeline, now.timeline},
                                {field::reason, "was " + before.system_id + " " + std::to_string(before.timeline)}});
                         }});
    if (settings_.capture.stream) wal_ = std::make_unique<WalThread>(settings_, tenure.epoch, [this] { fenced(); });
    poll_ = std::make_unique<PollThread>(settings_, tenure.epoch, [this] { fenced(); });
    lease_thread_ = std::make_unique<LeaseThread>(settings_, tenure.epoch, lease_, [this] { fenced(); });
    upkeep_ = std::make_unique<UpkeepThread>(settings_);
    if (WriteBackThread::wanted(settings_)) write_back_ = std::make_unique<WriteBackThread>(settings_);
    if (!settings_.sources.empty()) {
      apply_ = std::make_unique<ApplyThread>(settings_, store::Fence{settings_.connector, tenure.epoch},
                                             [this] { fenced(); });
      apply_door_ = apply_.get();
    }
    if (FetchThread::needed(settings_)) {
      fetch_ = std::make_unique<FetchThread>(
          settings_, store::Fence{settings_.connector, tenure.epoch}, [this] { ring_apply(); }, [this] { fenced(); });
      fetch_door_ = fetch_.get();
    }
    for (const auto& source : settings_.sources)
      if (auto reader = make_reader(settings_, source))
        readers_.push_back(
            std::make_unique<ReadingThread>(settings_, source, std::move(reader), [this] { ring_apply(); }));
    return {};
  }

  /// Rows have been added to the inbox. From any thread.
  void ring_apply() {
    if (auto* apply = apply_door_.load()) apply->ring();
  }

  void start_threads() {
    supervisor_.start("lease", [this](const std::stop_token& stop) { lease_thread_->run(stop); });
    supervisor_.start("upkeep", [this](const std::stop_token& stop) { upkeep_->run(stop); });
    if (write_back_) supervisor_.start("write back", [this](const std::stop_token& stop) { write_back_->run(stop); });
    supervisor_.start("settle", [this](const std::stop_token& stop) { settle_->run(stop); });
    for (std::size_t i = 0; i < loops_.size(); ++i)
      supervisor_.start(loop_name(i), [loop = loops_[i].get()](const std::stop_token& stop) { loop->run(stop); });
    supervisor_.start("feed", [this](const std::stop_token& stop) { feed_->run(stop); });
    if (apply_) start_apply();
    if (fetch_) supervisor_.start("fetch", [this](const std::stop_token& stop) { fetch_->run(stop); });
    for (const auto& reader : readers_)
      supervisor_.start(name_of(*reader), [&reader](const std::stop_token& stop) { reader->run(stop); });
    if (capture_) supervisor_.start("capture", [this](const std::stop_token& stop) { capture_->run(stop); });
    if (wal_) supervisor_.start("wal", [this](const std::stop_token& stop) { wal_->run(stop); });
    supervisor_.start("poll", [this](const std::stop_token& stop) { poll_->run(stop); });
    started_ = true;
  }

  void start_apply() {
    for (auto* session : apply_->sessions())
      supervisor_.start(session->name(), [session](const std::stop_token& stop) { session->run(stop); });
    supervisor_.start("apply", [this](const std::stop_token& stop) { apply_->run(stop); });
  }
  /// What is open is committed by nobody any more: it is taken back.
  void stop_apply() {
    supervisor_.request_stop("apply");
    for (const auto* session : apply_->sessions()) supervisor_.request_stop(session->name());
    stop_thread("apply");
    for (const auto* session : apply_->sessions()) stop_thread(session->name());
  }

  static std::string name_of(const ReadingThread& reader) { return "source " + reader.source(); }
  static std::string loop_name(std::size_t index) { return "loop " + std::to_string(index); }

  void fenced() {
    events_.fenced = true;
    signals_.wake();
  }
  void refused(const Error& error) {
    log::error("the database must not be read", error);
    events_.refused = true;
    signals_.wake();
  }

  /// Until there is a reason to stop.
  Status watch() {
    const auto turn = std::min<std::chrono::milliseconds>(notify_.watchdog().value_or(2'000ms) / 2, 1'000ms);
    while (true) {
      if (const auto signal = signals_.wait_for(turn)) {
        log::info("stopping", {{field::signal, *signal}});
        return {};
      }
      notify_.alive();
      if (events_.fenced) {
        // Nothing may be written or sent any more; what is in flight ends with us.
        log::error("another connector with our name has taken over; ending at once",
                   {{field::connector, settings_.connector}});
        log::flush();
        std::_Exit(EXIT_FAILURE);
      }
      if (events_.refused) return fail(ErrorKind::refused, "the database must not be read; the log says why");
      if (const auto name = supervisor_.died(); !name.empty())
        return fail(ErrorKind::internal, "the thread " + name + " has died; the log says why");
    }
  }

  /// First what brings work, then what does it, then what writes it down.
  void stop(Epoch epoch, bool orderly) {
    if (capture_) supervisor_.request_stop("capture");
    if (wal_) supervisor_.request_stop("wal");
    supervisor_.request_stop("poll");
    for (const auto& reader : readers_) supervisor_.request_stop(name_of(*reader));
    for (const auto& reader : readers_) stop_thread(name_of(*reader));
    if (fetch_) stop_thread("fetch");
    if (apply_) stop_apply();
    stop_thread("feed");
    for (std::size_t i = 0; i < loops_.size(); ++i) supervisor_.request_stop(loop_name(i));
    for (std::size_t i = 0; i < loops_.size(); ++i) stop_thread(loop_name(i));
    stop_thread("settle");
    if (write_back_) stop_thread("write back");
    stop_thread("upkeep");
    stop_thread("lease");
    if (capture_) stop_thread("capture");
    if (wal_) stop_thread("wal");
    stop_thread("poll");
    if (orderly && settle_->wrote_everything()) {
      auto session = store::open_session(settings_, "stop");
      Status said =
          session ? store::stop_cleanly(*session, settings_.connector, epoch) : tl::unexpected(session.error());
      if (!said) log::warn("the clean stop could not be written down; the next start will be careful", said.error());
    }
    stop_serving();
    log::info("stopped");
    log::flush();
  }

  /// Intake first: it answers requests of the server, which must still be there.
  void stop_serving() {
    if (intake_) stop_thread("intake");
    stop_thread("http");
  }

  /// Waits for one thread; a second signal ends the process.
  void stop_thread(const std::string& name) {
    supervisor_.request_stop(name);
    while (!supervisor_.finished(name)) {
      if (!signals_.wait_for(20ms)) continue;
      log::warn("second signal: ending at once; what was attempted will be attempted again");
      log::flush();
      std::_Exit(EXIT_FAILURE);
    }
    supervisor_.stop(name);
  }

  const Settings& settings_;
  Signals signals_;  // before every thread
  const Notify notify_ = Notify::from_environment();
  Events events_;
  Lease lease_{lease_length};
  std::atomic<bool> started_{false};
  std::vector<std::unique_ptr<DeliveryLoop>> loops_;
  std::unique_ptr<FeedThread> feed_;
  std::unique_ptr<SettleThread> settle_;
  std::unique_ptr<CaptureThread> capture_;
  std::unique_ptr<WalThread> wal_;
  std::unique_ptr<PollThread> poll_;
  std::unique_ptr<LeaseThread> lease_thread_;
  std::unique_ptr<UpkeepThread> upkeep_;
  std::unique_ptr<WriteBackThread> write_back_;  ///< where a route asks for it
  std::unique_ptr<ApplyThread> apply_;
  std::atomic<ApplyThread*> apply_door_{nullptr};  ///< set once there is somebody to ring for
  std::unique_ptr<IntakeThread> intake_;
  std::vector<std::unique_ptr<ReadingThread>> readers_;
  std::unique_ptr<FetchThread> fetch_;
  std::atomic<FetchThread*> fetch_door_{nullptr};  ///< set once there is somebody to ring for
  Supervisor supervisor_;                          // last: its threads use all of the above
};

}  // namespace

Status run_connector(const Settings& settings) {
  return Connector(settings).run();
}

}  // namespace tandem
