#include "store/take_over.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>

#include "store/queries.hpp"

namespace tandem::store {
namespace {

constexpr std::string_view version = TANDEM_VERSION;

tl::unexpected<Error> fenced(const std::string& name) {
  return fail(ErrorKind::fenced, "another connector has taken over from " + name + " or serves its targets",
              "one connector serves a target at a time; start a second one under the same name to stand by");
}

/// From the columns that predecessor.sql and rivals.sql begin with.
Predecessor predecessor_of(const postgres::Rows& rows, int row) {
  Predecessor before;
  before.epoch = Epoch{rows.number(row, 0)};
  before.clean_stop = rows.flag(row, 1);
  if (!rows.null(row, 2)) before.alive_ago = std::chrono::milliseconds{rows.number(row, 2)};
  before.host = rows.text(row, 3);
  before.pid = static_cast<int>(rows.number(row, 4));
  if (!rows.null(row, 5)) before.quiet = std::chrono::milliseconds{rows.number(row, 5)};
  return before;
}

}  // namespace

Result<Predecessor> predecessor(postgres::Connection& session, const std::string& name) {
  const std::array params{postgres::Param(name)};
  auto rows = session.run(queries::predecessor, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  return rows->size() == 0 ? Predecessor{} : predecessor_of(*rows, 0);
}

Result<std::vector<Rival>> rivals(postgres::Connection& session, const std::string& name,
                                  const std::vector<std::string>& targets) {
  const std::array params{postgres::Param(name), postgres::Param::array(targets)};
  auto rows = session.run(queries::rivals, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  std::vector<Rival> found;
  for (int i = 0; i < rows->size(); ++i)
    found.push_back({predecessor_of(*rows, i), std::string(rows->text(i, 6)), std::string(rows->text(i, 7))});
  return found;
}

StartPlan plan_start(const Predecessor& before, bool dead, std::chrono::milliseconds lease,
                     std::chrono::milliseconds longest_request) {
  using Move = StartPlan::Move;
  if (before.clean_stop || !before.alive_ago) return {Move::take_over, std::chrono::milliseconds{0}};
  const auto ago = std::max(*before.alive_ago, std::chrono::milliseconds{0});
  if (dead) {
    // A request outlives its process: what has arrived there may still take effect. While it was quiet itself, it has
    // sent none; after its lease has run out, neither.
    if (before.quiet.count() > 0) return {Move::take_over, before.quiet};
    return {Move::take_over, std::clamp(lease + longest_request - ago, std::chrono::milliseconds{0}, longest_request)};
  }
  if (ago < lease) return {Move::stand_by, lease - ago};
  return {Move::take_over, std::max(lease + longest_request - ago, before.quiet)};
}

Result<Tenure> take_over(postgres::Connection& session, const std::string& name, Epoch expected, const Claim& claim) {
  using postgres::Param;
  std::vector<std::string> names;
  std::vector<std::int64_t> epochs;
  for (const Rival& rival : claim.over) {
    names.push_back(rival.name);
    epochs.push_back(rival.last.epoch.value);
  }
  const std::vector<postgres::Statement> statements{
      {queries::lock_connectors, {}, postgres::Format::text},
      {queries::lock_connector, {Param(name), Param::array(claim.targets)}, postgres::Format::text},
      {queries::take_over,
       {Param(name), Param(expected), Param(version), Param(host_name()), Param(static_cast<std::int64_t>(::getpid())),
        Param::array(claim.targets), Param(static_cast<std::int64_t>(claim.quiet.count())), Param::array(names),
        Param::array(epochs)},
       postgres::Format::text}};
  auto answers = session.run(std::span(statements));
  if (!answers) return tl::unexpected(std::move(answers.error()));
  const auto& before = answers->at(1);
  const auto& ours = answers->at(2);
  if (ours.size() == 0) return fenced(name);
  Tenure tenure{Epoch{ours.number(0, 0)}, false};
  for (int i = 0; i < before.size(); ++i) tenure.unclean |= !before.flag(i, 1);
  return tenure;
}

Status still_alive(postgres::Connection& session, const std::string& name, Epoch epoch) {
  using postgres::Param;
  const std::array params{Param(name), Param(epoch), Param(host_name()), Param(static_cast<std::int64_t>(::getpid()))};
  auto rows = session.run(queries::still_alive, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->size() == 0) return fenced(name);
  return {};
}

Status stop_cleanly(postgres::Connection& session, const std::string& name, Epoch epoch) {
  using postgres::Param;
  const std::array params{Param(name), Param(epoch)};
  auto rows = session.run(queries::stop_cleanly, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->size() == 0) return fenced(name);
  return {};
}

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  std::array<char, 64> processes{};  // a pid means something only inside its namespace
  const auto length = ::readlink("/proc/self/ns/pid", processes.data(), processes.size() - 1);
  return std::string(name.data()) + " " + boot + " " +
         std::string(processes.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
}

bool surely_dead(const Predecessor& before) {
  if (before.pid <= 0 || before.host != host_name()) return false;
  if (before.pid == ::getpid()) return true;
  return ::kill(before.pid, 0) != 0 && errno == ESRCH;
}

}  // namespace tandem::store
