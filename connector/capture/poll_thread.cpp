#include "capture/poll_thread.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "log/log.hpp"
#include "metrics/names.hpp"
#include "model/fail_point.hpp"
#include "store/poll.hpp"
#include "store/session.hpp"
#include "store/stream.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using postgres::Connection;
using std::chrono::milliseconds;

constexpr milliseconds look_every{1'000};   // for watches
constexpr milliseconds again_after{5'000};  // after an error

}  // namespace

class PollThread::Session {
 public:
  Session(const Settings& settings, Epoch epoch, std::function<void()> fenced)
      : settings_(settings), epoch_(epoch), fenced_(std::move(fenced)) {}

  void run(const std::stop_token& stop) {
    log::name_thread("poll");
    while (!stop.stop_requested()) {
      const auto rest = turn();
      if (fenced_off_) return fenced_();
      if (!rest) {
        say_session(rest.error());
        sql_.reset();
      }
      nap(rest.value_or(again_after), stop);
    }
  }

  std::string trouble() const {
    const std::lock_guard lock(mutex_);
    return troubles_.empty() ? "" : troubles_.begin()->first + ": " + troubles_.begin()->second;
  }
  bool wanted() const {
    const std::lock_guard lock(mutex_);
    return wanted_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Watch {
    Clock::time_point due{};
    bool fresh = false;  ///< what is there is being written down
  };

  /// A step of each watch that is due. For how long there is nothing to do then; an error is the session's.
  Result<milliseconds> turn() {
    if (!sql_ || !sql_->usable()) {
      auto session = store::open_session(settings_, "poll");
      if (!session) return tl::unexpected(std::move(session.error()));
      sql_.emplace(std::move(*session));
      look_at_ = {};
    }
    if (Clock::now() >= look_at_)
      if (auto looked = look(); !looked) return tl::unexpected(std::move(looked.error()));
    auto next = look_at_;
    for (auto& [name, watch] : watches_) {
      if (Clock::now() >= watch.due) {
        auto stepped = step(name, watch);
        if (!stepped && stepped.error().sqlstate == "TD002") {
          log::error("polling has ended", stepped.error(), {{field::epoch, epoch_}});
          fenced_off_ = true;
          return 0ms;
        }
        if (!stepped && !sql_->usable()) return tl::unexpected(std::move(stepped.error()));
        if (!stepped) watch.due = Clock::now() + again_after;
        say(name, stepped ? std::nullopt : std::optional(stepped.error()));
      }
      next = std::min(next, watch.due);
    }
    return std::max(std::chrono::ceil<milliseconds>(next - Clock::now()), 0ms);
  }

  Status look() {
    auto found = store::read_poll_watches(*sql_, settings_.connector);
    if (!found) return tl::unexpected(std::move(found.error()));
    std::map<std::string, Watch> watches;
    for (const auto& one : *found) {
      const auto known = watches_.find(one.watch);
      watches[one.watch] = known == watches_.end() ? Watch{{}, one.fresh} : known->second;
      if (one.age_seconds)
        metrics::registry().gauge(metrics::poll_age, {one.watch}).set(static_cast<double>(*one.age_seconds));
    }
    watches_ = std::move(watches);
    look_at_ = Clock::now() + look_every;
    const std::lock_guard lock(mutex_);
    troubles_.erase(session_trouble);
    std::erase_if(troubles_, [&](const auto& trouble) { return !watches_.contains(trouble.first); });
    wanted_ = !watches_.empty();
    return {};
  }

  Status step(const std::string& name, Watch& watch) {
    auto done = store::poll_step(*sql_, settings_.connector, epoch_, name);
    if (!done) return tl::unexpected(std::move(done.error()));
    pass(FailPoint::after_poll_step);
    if (done->gone) {  // the next look does not find it
      watch.due = look_at_;
      return {};
    }
    watch.due = Clock::now() + milliseconds(done->wait_ms);
    metrics::registry().total(metrics::poll_records, {name}).add(static_cast<std::uint64_t>(done->written));
    if (std::exchange(watch.fresh, done->fresh) && !done->fresh)
      log::info("what the table of a new watch holds has been written down", {{field::watch, name}});
    if (done->compared.value_or(0) > 0)
      log::info("a comparison has found what polling cannot see: hard deletes, or rows that changed without a new time",
                {{field::watch, name}, {field::records, *done->compared}});
    return {};
  }

  /// Told once, until it changes.
  void say(const std::string& watch, const std::optional<Error>& error) {
    const std::lock_guard lock(mutex_);
    if (!error) {
      troubles_.erase(watch);
      return;
    }
    if (std::exchange(troubles_[watch], error->message) != error->message)
      log::warn("a watched table cannot be polled; it is tried again and nothing is lost", *error,
                {{field::watch, watch}});
  }
  void say_session(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(troubles_[session_trouble], error.message) != error.message)
      log::warn("watched tables cannot be polled; it is tried again and nothing is lost", error);
  }

  void nap(milliseconds time, const std::stop_token& stop) {
    std::unique_lock lock(sleep_mutex_);
    sleep_.wait_for(lock, stop, time, [] { return false; });
  }

  inline static const std::string session_trouble = "database";

  const Settings& settings_;
  const Epoch epoch_;
  const std::function<void()> fenced_;
  bool fenced_off_ = false;
  std::optional<Connection> sql_;
  std::map<std::string, Watch> watches_;
  Clock::time_point look_at_{};

  mutable std::mutex mutex_;  // what people's questions read now and then
  std::map<std::string, std::string> troubles_;
  bool wanted_ = false;
  std::mutex sleep_mutex_;
  std::condition_variable_any sleep_;
};

PollThread::PollThread(const Settings& settings, Epoch epoch, std::function<void()> fenced)
    : session_(std::make_unique<Session>(settings, epoch, std::move(fenced))) {}
PollThread::~PollThread() = default;

void PollThread::run(const std::stop_token& stop) {
  session_->run(stop);
}
std::string PollThread::trouble() const {
  return session_->trouble();
}
bool PollThread::wanted() const {
  return session_->wanted();
}

}  // namespace tandem
