#include "cli/poll_setup.hpp"

#include <chrono>
#include <thread>

namespace tandem::cli {
namespace {

using postgres::Connection;
using postgres::Param;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience_to_begin{10}, patience_to_enter{300};  // with transactions that are open

struct Step {
  bool gone = false, fresh = false;
  milliseconds wait{0};
};
Result<Step> step(Connection& session, const std::string& watch) {
  const Param params[] = {watch};
  auto rows = session.run("select state, wait from tandem.poll_step($1)", params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->null(0, 0)) return Step{.gone = true};
  return Step{false, rows->text(0, 0) == "new", milliseconds(rows->number(0, 1))};
}

}  // namespace

Result<PollMove> poll_move(Connection& session, const WatchSettings& watch) {
  const Param params[] = {watch.name};
  auto rows = session.run(
      "select w.mode = 'poll', coalesce(p.active, false), exists (select from tandem.route r where r.watch = w.watch "
      "and "
      "not r.draining) from tandem.watch w left join tandem.poll_watch p on p.watch = w.watch where w.watch = $1",
      params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  const bool captures = rows->size() > 0 && rows->flag(0, 2);
  const bool polled = captures && rows->flag(0, 1);
  if (watch.mode != WatchMode::poll) return polled ? PollMove::leaves : PollMove::none;
  if (captures && !rows->flag(0, 0)) return PollMove::enters;
  return polled ? PollMove::none : PollMove::begins;
}

Result<WatchMode> present_mode(Connection& session, const std::string& watch) {
  const Param params[] = {watch};
  auto rows = session.run("select mode from tandem.watch where watch = $1", params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  const bool streamed = rows->size() > 0 && rows->text(0, 0) == "wal";
  return streamed ? WatchMode::wal : WatchMode::trigger;
}

Status begin_poll(Connection& session, const std::string& watch, const std::string& connector) {
  const Param params[] = {watch, connector};
  auto begun = session.run("select tandem.begin_poll($1, $2)", params);
  if (!begun) return tl::unexpected(std::move(begun.error()));
  return {};
}

Status write_down(Connection& session, const std::string& watch, PollMove move, const Progress& progress) {
  const auto begun = Clock::now();
  const auto patience = move == PollMove::enters ? patience_to_enter : patience_to_begin;
  const Param params[] = {watch};
  auto streamed = session.run("select from tandem.stream_watch where watch = $1", params);
  if (!streamed) return tl::unexpected(std::move(streamed.error()));
  bool reading = false, told = false;
  while (true) {
    auto done = step(session, watch);
    if (!done) return tl::unexpected(std::move(done.error()));
    if (done->gone) return {};
    // What the stream has captured stands there already. Beside triggers one round more brings it up to date.
    if (!done->fresh && (move == PollMove::begins || streamed->size() > 0 || done->wait.count() > 0)) return {};
    const bool waits = done->fresh && done->wait.count() > 0;
    if (!waits && !std::exchange(reading, true)) progress("watch " + watch + ": writing down what its table holds");
    if (!waits) continue;
    if (!std::exchange(told, true)) progress("watch " + watch + ": waiting for transactions that write now");
    if (Clock::now() - begun > patience && move == PollMove::begins) {
      progress("watch " + watch + ": transactions are still open; the connector goes on when they have ended");
      return {};
    }
    if (Clock::now() - begun > patience)
      return fail(ErrorKind::unavailable, "transactions have been open for minutes: what they write could be missed",
                  "end them (`tandem doctor` lists them) and run `tandem apply` again; nothing has changed");
    std::this_thread::sleep_for(done->wait);
  }
}

Status compare_now(Connection& session, const std::string& watch, const Progress& progress) {
  progress("watch " + watch + ": comparing its table with what was captured of it");
  const Param params[] = {watch};
  // Not from where another one is: what that has looked at may have changed since.
  auto begun = session.run(
      "update tandem.poll_watch set compared_at = 'epoch', pass = 0, after = null where watch = $1", params);
  if (!begun) return tl::unexpected(std::move(begun.error()));
  while (true) {
    auto done = step(session, watch);
    if (!done) return tl::unexpected(std::move(done.error()));
    auto ended = session.run(
        "select from tandem.poll_watch where watch = $1 and (state = 'new' or compared_at > 'epoch' and pass = 0)",
        params);
    if (!ended) return tl::unexpected(std::move(ended.error()));
    if (done->gone || ended->size() > 0) return {};
  }
}

}  // namespace tandem::cli
