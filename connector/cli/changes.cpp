#include "cli/changes.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "cli/definition.hpp"
#include "cli/patience.hpp"
#include "cli/poll_setup.hpp"
#include "cli/stream_setup.hpp"
#include "cli/transaction.hpp"

namespace tandem::cli {
namespace {

using postgres::Connection;
using postgres::Param;
using Action = Change::Action;

std::string route_name(const std::string& target, const std::string& request_type) {
  return target + "/" + request_type;
}

/// What the tables name now.
struct Present {
  std::set<std::string> targets, sources, watches, routes;
  std::set<std::string> touching;                                   ///< watches whose rows send objects of others
  std::map<std::string, std::vector<std::string>> routes_of_watch;  ///< without the draining ones
};

Result<Present> read_present(Connection& session) {
  Present present;
  auto rows = session.run(
      "select 'target', target, null, null from tandem.target "
      "union all select 'watch', watch, case when definition ? 'touches' then 'touches' end, null from tandem.watch "
      "union all select 'route', target, request_type, watch from tandem.route where not draining "
      "union all select 'source', source, null, null from tandem.source");
  if (!rows) return tl::unexpected(rows.error());
  for (int i = 0; i < rows->size(); ++i) {
    const std::string name(rows->text(i, 1));
    if (rows->text(i, 0) == "target") {
      present.targets.insert(name);
    } else if (rows->text(i, 0) == "source") {
      present.sources.insert(name);
    } else if (rows->text(i, 0) == "watch") {
      present.watches.insert(name);
      if (!rows->null(i, 2)) present.touching.insert(name);
    } else {
      const std::string route = route_name(name, std::string(rows->text(i, 2)));
      present.routes.insert(route);
      present.routes_of_watch[std::string(rows->text(i, 3))].push_back(route);
    }
  }
  return present;
}

class Work {
 public:
  Work(Connection& session, const Settings& settings, const Present& present)
      : session_(session), settings_(settings), present_(present) {}

  [[nodiscard]] std::vector<Change>& changes() { return changes_; }

  Status systems() {
    for (const TargetSettings& target : settings_.targets) {
      const Param params[] = {target.name, definition(target)};
      auto changed = session_.run("select tandem.apply_target($1, $2::jsonb)", params);
      if (!changed) return tl::unexpected(changed.error());
      note(*changed, "target", target.name, present_.targets.contains(target.name));
    }
    for (const SourceSettings& source : settings_.sources) {
      const Param params[] = {source.name, definition(source)};
      auto changed = session_.run("select tandem.apply_source($1, $2::jsonb)", params);
      if (!changed) return tl::unexpected(changed.error());
      note(*changed, "source", source.name, present_.sources.contains(source.name));
    }
    return {};
  }

  Status watch(const WatchSettings& watch) { return this->watch(watch, watch.mode); }
  /// `mode`: what captures the table, which may not be what it is coming to yet.
  Status watch(const WatchSettings& watch, WatchMode mode) {
    const Param params[] = {watch.name, watch.table, watch.key.empty() ? Param() : Param::array(watch.key),
                            definition(watch), word(mode)};
    auto changed = session_.run("select tandem.apply_watch($1, $2, $3::text[], $5, $4::jsonb)", params);
    if (!changed) return tl::unexpected(changed.error());
    note(*changed, "watch", watch.name, present_.watches.contains(watch.name));
    std::set<std::string> named;
    for (const RouteSettings& route : settings_.routes) {
      if (route.watch != watch.name) continue;
      const std::string name = route_name(route.target, route.request_type);
      named.insert(name);
      const Param route_params[] = {route.target, route.request_type, route.watch, definition(route)};
      auto route_changed = session_.run("select tandem.apply_route($1, $2, $3, $4::jsonb)", route_params);
      if (!route_changed) return tl::unexpected(route_changed.error());
      note(*route_changed, "route", name, present_.routes.contains(name));
    }
    return drain(watch.name, named);
  }

  /// Ends the routes of a watch that the file does not name.
  Status drain(const std::string& watch, const std::set<std::string>& named) {
    if (present_.touching.contains(watch) && settings_.watch(watch) == nullptr) {
      const Param params[] = {watch};
      auto done = session_.run(
          "update tandem.watch set definition = definition - 'touches', updated_at = now() where watch = $1", params);
      if (!done) return tl::unexpected(done.error());
      changes_.push_back({Action::remove, "touches", watch, {}});
    }
    const auto found = present_.routes_of_watch.find(watch);
    if (found == present_.routes_of_watch.end()) return {};
    for (const std::string& name : found->second) {
      if (named.contains(name) || configured(name)) continue;
      const Param params[] = {name.substr(0, name.find('/')), name.substr(name.find('/') + 1)};
      auto done = session_.run(
          "update tandem.route set draining = true, updated_at = now() where target = $1 and request_type = $2 and not "
          "draining",
          params);
      if (!done) return tl::unexpected(done.error());
      changes_.push_back({Action::remove, "route", name, {}});
    }
    return {};
  }

  /// Watches that the file does not name any more.
  [[nodiscard]] std::vector<std::string> left_over() const {
    std::vector<std::string> names;
    for (const std::string& name : present_.watches)
      if (settings_.watch(name) == nullptr &&
          (present_.routes_of_watch.contains(name) || present_.touching.contains(name)))
        names.push_back(name);
    return names;
  }

  Status plan_capture(const std::string& watch) {
    const Param params[] = {watch};
    auto rows = session_.run("select statement from tandem.plan_capture($1) order by step", params);
    if (!rows) return tl::unexpected(rows.error());
    if (rows->size() == 0) return {};
    Change change{Action::generate, "capture", watch, {}};
    for (int i = 0; i < rows->size(); ++i) change.statements.emplace_back(rows->text(i, 0));
    changes_.push_back(std::move(change));
    return {};
  }

  Status generate_capture(const std::string& watch) {
    if (auto planned = plan_capture(watch); !planned) return planned;
    const Param params[] = {watch};
    auto done = session_.run("select tandem.generate_capture($1)", params);
    if (!done) return tl::unexpected(done.error());
    const Param whose[] = {watch, settings_.connector};
    auto switched = session_.run("select tandem.switch_capture($1, $2)", whose);
    if (!switched) return tl::unexpected(switched.error());
    return {};
  }

  /// What a watch needs to be polled, beside what captures it until then.
  Status prepare_poll(const WatchSettings& watch) {
    auto present = present_mode(session_, watch.name);
    if (!present) return tl::unexpected(present.error());
    if (auto written = this->watch(watch, *present); !written) return written;
    if (auto begun = begin_poll(session_, watch.name, settings_.connector); !begun) return begun;
    const Param params[] = {watch.name};
    auto done = session_.run("select tandem.generate_capture($1)", params);
    if (!done) return tl::unexpected(done.error());
    return {};
  }

 private:
  bool configured(const std::string& name) const {
    return std::ranges::any_of(settings_.routes,
                               [&](const RouteSettings& r) { return route_name(r.target, r.request_type) == name; });
  }
  void note(const postgres::Rows& changed, std::string kind, std::string name, bool was_there) {
    if (changed.flag(0, 0))
      changes_.push_back({was_there ? Action::change : Action::add, std::move(kind), std::move(name), {}});
  }

  Connection& session_;
  const Settings& settings_;
  const Present& present_;
  std::vector<Change> changes_;
};

/// `step` in a transaction of its own, tried again while its table is busy. Its changes count only once it has
/// committed.
template <class Step>
Status in_transaction(Connection& session, const Settings& settings, const Present& present,
                      std::vector<Change>& changes, const Progress& progress, Step step) {
  return patiently(
      [&]() -> Status {
        auto transaction = Transaction::begin(session);
        if (!transaction) return tl::unexpected(transaction.error());
        Work work(session, settings, present);
        if (auto done = step(work); !done) return done;
        if (auto done = transaction->commit(); !done) return done;
        for (Change& change : work.changes())
          if (std::ranges::find(changes, change) == changes.end()) changes.push_back(std::move(change));
        return {};
      },
      progress);
}

}  // namespace

std::string_view word(Action action) {
  switch (action) {
    case Action::add:
      return "add";
    case Action::change:
      return "change";
    case Action::remove:
      return "remove";
    case Action::generate:
      return "generate";
  }
  return "";
}

Result<std::vector<Change>> plan_changes(Connection& session, const Settings& settings) {
  auto present = read_present(session);
  if (!present) return tl::unexpected(present.error());
  auto transaction = Transaction::begin(session);
  if (!transaction) return tl::unexpected(transaction.error());
  Work work(session, settings, *present);
  if (auto done = work.systems(); !done) return tl::unexpected(done.error());
  std::vector<std::string> watches = work.left_over();
  for (const WatchSettings& watch : settings.watches) {
    if (auto done = work.watch(watch); !done) return tl::unexpected(done.error());
    watches.push_back(watch.name);
  }
  for (const std::string& name : work.left_over())
    if (auto done = work.drain(name, {}); !done) return tl::unexpected(done.error());
  for (const std::string& name : watches)
    if (auto done = work.plan_capture(name); !done) return tl::unexpected(done.error());
  return std::move(work.changes());
}

Result<std::vector<Change>> apply_changes(Connection& session, const Settings& settings, const Progress& progress) {
  auto present = read_present(session);
  if (!present) return tl::unexpected(present.error());
  std::vector<Change> changes;
  const auto step = [&](auto body) { return in_transaction(session, settings, *present, changes, progress, body); };
  if (auto done = step([](Work& work) { return work.systems(); }); !done) return tl::unexpected(done.error());
  if (auto done = prepare_stream(session, settings, progress); !done) return tl::unexpected(done.error());
  for (const WatchSettings& watch : settings.watches) {
    const auto apply = [&]() -> Status {
      auto move = poll_move(session, watch);
      if (!move) return tl::unexpected(move.error());
      if (*move == PollMove::enters) {
        auto prepared = step([&](Work& work) { return work.prepare_poll(watch); });
        if (prepared) prepared = write_down(session, watch.name, *move, progress);
        if (!prepared) return prepared;
      } else if (*move == PollMove::leaves) {
        if (auto compared = compare_now(session, watch.name, progress); !compared) return compared;
      }
      auto switched = step([&](Work& work) -> Status {
        if (auto written = work.watch(watch); !written) return written;
        return work.generate_capture(watch.name);
      });
      if (switched && *move == PollMove::begins) return write_down(session, watch.name, *move, progress);
      return switched;
    };
    auto done = apply();
    if (!done) {
      done.error().message = "watch " + watch.name + ": " + done.error().message;
      if (busy(done.error()))
        done.error().hint =
            "a long transaction holds the table; watches before this one have been applied, try again later";
      return tl::unexpected(done.error());
    }
  }
  for (const std::string& name : Work(session, settings, *present).left_over()) {
    auto done = step([&](Work& work) -> Status {
      if (auto drained = work.drain(name, {}); !drained) return drained;
      return work.generate_capture(name);
    });
    if (!done) return tl::unexpected(done.error());
  }
  // Whose rows send objects of others: only now all of those watches and their routes are known.
  for (const WatchSettings& watch : settings.watches) {
    if (watch.touches.empty()) continue;
    auto done = step([&](Work& work) { return work.generate_capture(watch.name); });
    if (!done) return tl::unexpected(done.error());
  }
  if (auto done = session.run("select tandem.remove_drained()"); !done) return tl::unexpected(done.error());
  return changes;
}

Result<std::vector<std::string>> definition_drift(Connection& session, const Settings& settings) {
  std::vector<std::string> names, definitions;
  const auto want = [&](std::string name, std::string text) {
    names.push_back(std::move(name));
    definitions.push_back(std::move(text));
  };
  for (const auto& target : settings.targets) want("target " + target.name, definition(target));
  for (const auto& source : settings.sources) want("source " + source.name, definition(source));
  for (const auto& watch : settings.watches) want("watch " + watch.name, definition(watch));
  for (const auto& route : settings.routes)
    want("route " + route_name(route.target, route.request_type), definition(route));
  const Param params[] = {Param::array(names), Param::array(definitions)};
  auto rows = session.run(R"(
with wanted as (select * from unnest($1::text[], $2::text[]) as w (name, definition)),
present as (
  select 'target ' || target as name, definition from tandem.target
  union all select 'source ' || source, definition from tandem.source
  union all select 'watch ' || watch, definition from tandem.watch
  union all select 'route ' || target || '/' || request_type, definition from tandem.route where not draining
)
select coalesce(w.name, p.name) || case when p.name is null then ' is in the file and not in the database'
  when w.name is null then ' is in the database and not in the file' else ' differs between file and database' end
from wanted w full join present p on p.name = w.name
where p.name is null or w.definition::jsonb <> p.definition or (w.name is null and p.name like 'route %')
order by 1)",
                          params);
  if (!rows) return tl::unexpected(rows.error());
  std::vector<std::string> drift;
  for (int i = 0; i < rows->size(); ++i) drift.emplace_back(rows->text(i, 0));
  return drift;
}

Result<std::vector<std::string>> capture_drift(Connection& session) {
  auto rows = session.run("select watch, description from tandem.drift() order by 1, 2");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<std::string> drift;
  for (int i = 0; i < rows->size(); ++i)
    drift.push_back("capture " + std::string(rows->text(i, 0)) + ": " + std::string(rows->text(i, 1)));
  return drift;
}

}  // namespace tandem::cli
