#include <algorithm>
#include <map>
#include <set>

#include "config/addressing.hpp"
#include "config/sections.hpp"
#include "config/suggest.hpp"
#include "config/template_check.hpp"

namespace tandem {
namespace {

bool takes(const RouteSettings& route, std::string_view operation) {
  return std::ranges::find(route.operations, operation) != route.operations.end();
}

bool sends_remote_id(const RouteSettings& route) {
  const RestSettings& rest = route.rest;
  for (const auto* call : {&rest.update, &rest.remove, &rest.upsert, &rest.lookup, &rest.call})
    if (*call && uses_remote_id(**call)) return true;
  return rest.batch && (uses(rest.batch->each, "remote_id") || uses_remote_id(rest.batch->call));
}

/// Does an answer to the first delivery of an object tell the id that they gave it?
bool learns_remote_id(const RouteSettings& route) {
  const RestSettings& rest = route.rest;
  if (batched(route, "create")) return !rest.batch->remote_id_at.empty();
  if (rest.upsert) return !rest.upsert->remote_id.empty();
  return rest.create && !rest.create->remote_id.empty();
}

class Check {
 public:
  Check(Reading& reading, Settings& settings) : reading_(reading), settings_(settings) {}

  void run() {
    for (const auto& target : settings_.targets) target_names_.push_back(target.name);
    for (auto& route : settings_.routes) {
      known_target(route);
      unique(route);
      needs(route);
    }
    for (const auto& source : settings_.sources) paired_target(source);
    for (const auto& watch : settings_.watches) touches(watch);
    written_back();
    for (auto& route : settings_.routes) {
      // What others refer to must be known by its remote id.
      if (referenced_.contains({route.target, route.request_type})) route.needs_identity = true;
      references(route);
      if (const TargetSettings* target = settings_.target(route.target); target != nullptr) {
        requests(route);
        both_ways(route);
        after_delivery(route);
        polled(route);
      }
    }
    if (settings_.retention.failed < settings_.retention.done)
      report("retention.failed", "is shorter than `done`: failed records would vanish first",
             "keep failed records at least as long");
  }

 private:
  void report(const std::string& key, std::string message, std::string remedy) {
    reading_.problem(reading_.loaded.line_of(key), key, std::move(message), std::move(remedy));
  }

  void known_target(const RouteSettings& route) {
    if (route.target.empty() || settings_.target(route.target) != nullptr) return;
    report(route.place + ".target", "there is no target `" + route.target + "`",
           target_names_.empty() ? "add it under targets" : suggest(route.target, target_names_));
  }

  void paired_target(const SourceSettings& source) {
    const std::string key = "sources." + source.name;
    if (settings_.target(source.target) == nullptr) {
      report(key, "there is no target `" + source.target + "`",
             target_names_.empty() ? "add it under targets"
                                   : "name the system's target: " + suggest(source.target, target_names_));
      return;
    }
    for (const auto& other : settings_.sources)
      if (&other != &source && other.target == source.target && other.line < source.line)
        report(key, "shares the target `" + source.target + "` with the source in line " + std::to_string(other.line),
               "one system is one source");
    const bool applied = std::ranges::any_of(
        settings_.routes, [&](const RouteSettings& r) { return r.target == source.target && r.apply; });
    const bool waited_for = std::ranges::any_of(settings_.routes, [&](const RouteSettings& r) {
      return r.target == source.target && r.settle_on == SettleOn::confirmed;
    });
    if (source.confirmations && !waited_for)
      report(key + ".confirmations", "no route of `" + source.target + "` waits for them",
             "add settle_on: confirmed to a route of this target");
    if (!applied && !source.confirmations)
      report(key, "no route of `" + source.target + "` takes its changes", "add apply: to a route of this target");
    const auto taken = [&](const std::string& list, const std::string& request_type) {
      const bool known = std::ranges::any_of(settings_.routes, [&](const RouteSettings& r) {
        return r.target == source.target && r.request_type == request_type && r.apply;
      });
      if (!known)
        report(key + list + request_type, "no route of `" + source.target + "` takes objects of this type",
               "add a route with this request_type and apply:");
    };
    if (source.poll)
      for (const auto& list : source.poll->lists) taken(".lists.", list.request_type);
    if (source.foreign)
      for (const auto& table : source.foreign->tables) taken(".tables.", table.request_type);
  }

  void touches(const WatchSettings& watch) {
    for (std::size_t i = 0; i < watch.touches.size(); ++i) {
      const TouchSettings& touch = watch.touches[i];
      const std::string key = "watches." + watch.name + ".touches";
      const WatchSettings* touched = settings_.watch(touch.watch);
      if (touched == nullptr) {
        std::vector<std::string> known;
        for (const auto& other : settings_.watches) known.push_back(other.name);
        if (!touch.watch.empty()) report(key, "there is no watch `" + touch.watch + "`", suggest(touch.watch, known));
        continue;
      }
      for (const WatchSettings* one : {&watch, touched})
        if (one->mode != WatchMode::trigger)
          return report(key,
                        "`" + one->name + "` is " + (one->mode == WatchMode::wal ? "captured from the log" : "polled") +
                            ", which tells nothing of other tables' objects",
                        "write mode: trigger at that watch");
      bool sent = false;
      for (auto& route : settings_.routes) {
        if (route.watch != touch.watch || !takes(route, "update")) continue;
        route.touched = sent = true;
      }
      if (!sent) report(key, "no route of `" + touch.watch + "` sends updates", "add a route there, or remove touches");
    }
  }

  /// Objects that they have made have no id of ours there, so only their own id finds them.
  void both_ways(const RouteSettings& route) {
    if (!route.apply) return;
    if (std::ranges::none_of(settings_.sources, [&](const auto& s) { return s.target == route.target; }))
      report(route.place + ".apply", "no source brings changes of `" + route.target + "`", "add it under sources");
    if (const WatchSettings* watch = settings_.watch(route.watch); watch != nullptr && watch->mode == WatchMode::poll)
      report(route.place + ".apply",
             "what is applied would come back: a row's time does not tell it from the CRM's own changes",
             "write mode: trigger or wal");
    if (route.kafka) return;  // who reads a topic finds objects by our id
    if (!takes(route, "create") && !takes(route, "update")) return;
    const RestSettings& rest = route.rest;
    if (rest.upsert || !rest.update || !uses_remote_id(*rest.update) || batched(route, "create") ||
        batched(route, "update"))
      report(route.place + ".apply", "objects that they create could not be updated there",
             "write requests.create and requests.update with {remote_id} in its path, and neither upsert nor batch");
    if (!learns_remote_id(route))
      report(route.place + ".apply", "the ids of objects that we create there are never learned",
             "add remote_id to requests.create");
  }

  /// A poll sees what a row is, not what it was.
  void polled(const RouteSettings& route) {
    const WatchSettings* watch = settings_.watch(route.watch);
    if (watch == nullptr || watch->mode != WatchMode::poll) return;
    if (!route.columns.empty())
      report(route.place + ".columns", "a poll does not see which columns of a row have changed",
             "remove it, or write mode: trigger or wal");
    if (route.changed)
      report(route.place + ".changed", "a poll does not see which columns of a row have changed",
             "remove it, or write mode: trigger or wal");
    if (route.on_truncate == OnTruncate::alert)
      report(route.place + ".on_truncate", "a poll sees rows that are gone, not why",
             "remove it, or write mode: trigger");
  }

  void after_delivery(const RouteSettings& route) {
    const auto confirms = [&](const SourceSettings& s) { return s.target == route.target && s.confirmations; };
    if (route.settle_on == SettleOn::confirmed && std::ranges::none_of(settings_.sources, confirms))
      report(route.place + ".settle_on", "no source brings confirmations of `" + route.target + "`",
             "add confirmations: to a source with this target");
    if (route.writes_back()) {
      const WatchSettings* watch = settings_.watch(route.watch);
      if (watch != nullptr && watch->mode != WatchMode::trigger)
        report(route.place + ".write_back",
               std::string(watch->mode == WatchMode::wal ? "the log does" : "a row's time does") +
                   " not tell which columns tandem has written itself",
               "write mode: trigger");
      const bool told = learns_remote_id(route) || (route.rest.lookup && !route.rest.lookup->remote_id.empty()) ||
                        route.apply || std::ranges::any_of(settings_.sources, [&](const SourceSettings& s) {
                          return confirms(s) && !s.confirmations->remote_id.empty();
                        });
      if (!route.write_back.remote_id.empty() && !told)
        report(route.place + ".write_back.remote_id", "the ids of objects there are never learned",
               "add remote_id to requests.create or requests.upsert, or to the source's confirmations");
    }
    for (const auto& call : route.then) {
      if (!route.kafka && !route.rest.call)
        return report(route.place + ".then", "the route has no `call` request",
                      "add requests.call here or at the target");
      if (call.on_applied && !route.apply)
        return report(route.place + ".then", "nothing is applied by this route",
                      "add apply:, or write on: [delivered]");
    }
  }

  /// Columns that tandem writes itself are no change for routes that do not name them.
  void written_back() {
    for (auto& route : settings_.routes)
      for (const auto& writer : settings_.routes) {
        if (writer.watch != route.watch) continue;
        for (const std::string& column : {writer.write_back.remote_id, writer.write_back.status}) {
          const bool named = std::ranges::count(route.fields, column, &FieldSettings::column) > 0 ||
                             std::ranges::find(route.columns, column) != route.columns.end();
          if (!column.empty() && !named && std::ranges::find(route.ignores, column) == route.ignores.end())
            route.ignores.push_back(column);
        }
      }
  }

  void unique(const RouteSettings& route) {
    const auto [first, fresh] = by_name_.emplace(std::pair(route.target, route.request_type), &route);
    if (!fresh)
      report(route.place,
             "collides with the route in line " + std::to_string(first->second->line) + ": both are `" +
                 route.request_type + "` at `" + route.target + "`",
             "give one of them its own request_type");
  }

  void needs(RouteSettings& route) {
    for (const auto& field : route.fields) {
      route.needs_sql = route.needs_sql || field.kind == FieldKind::sql;
      route.needs_refs = route.needs_refs || !field.ref.empty();
      if (!field.ref.empty()) referenced_.emplace(route.target, field.ref);
    }
    // What a comparison finds after a gap, too, may have been applied.
    const WatchSettings* watch = settings_.watch(route.watch);
    if (route.apply && watch != nullptr && watch->mode == WatchMode::wal) route.skip_unchanged = true;
    route.needs_agreed = route.skip_unchanged || route.only_changed || route.apply;
    const bool one_call_for_both = route.rest.upsert || (batched(route, "create") && batched(route, "update"));
    route.needs_identity = !route.kafka && (!one_call_for_both || sends_remote_id(route) || route.apply ||
                                            !route.write_back.remote_id.empty());
  }

  void references(const RouteSettings& route) {
    for (const auto& field : route.fields) {
      if (field.ref.empty()) continue;
      const std::string key = route.place + ".fields." + field.column;
      const auto parent = by_name_.find(std::pair(route.target, field.ref));
      if (parent == by_name_.end()) {
        std::vector<std::string> known;
        for (const auto& [name, other] : by_name_)
          if (name.first == route.target) known.push_back(name.second);
        report(key, "refers to `" + field.ref + "`, which no route brings to `" + route.target + "`",
               suggest(field.ref, known));
      } else if (!learns_remote_id(*parent->second)) {
        report(key, "refers to `" + field.ref + "`, whose remote id is never learned",
               "add remote_id to the create or upsert request of the route in line " +
                   std::to_string(parent->second->line));
      }
    }
  }

  void requests(const RouteSettings& route) {
    if (route.kafka) return;
    const RestSettings& rest = route.rest;
    const std::string where = route.place;
    const auto missing = [&](std::string_view call, std::string_view operation) {
      report(where, "has no `" + std::string(call) + "` request for the operation `" + std::string(operation) + "`",
             "add requests." + std::string(call) + " here or at the target, or narrow `operations`");
    };
    // Without an identity every change is a create there, so a route of updates needs both calls.
    const bool writes = takes(route, "create") || takes(route, "update");
    if (writes && !rest.upsert && !rest.create && !batched(route, "create")) missing("create", "create");
    if (writes && !rest.upsert && !rest.update && !batched(route, "update")) missing("update", "update");
    if (takes(route, "delete") && !rest.remove && !batched(route, "delete")) missing("delete", "delete");
    if (sends_remote_id(route) && !learns_remote_id(route) && !(rest.lookup && !rest.lookup->remote_id.empty()))
      report(where, "uses {remote_id}, which no answer tells",
             "add remote_id (a JSON pointer or header:NAME) to requests.create or requests.upsert");
    if (rest.lookup && rest.lookup->remote_id.empty())
      report(where, "its `lookup` request does not say where the answer holds the id",
             "add remote_id to requests.lookup, e.g. /items/0/id");
  }

  Reading& reading_;
  Settings& settings_;
  std::vector<std::string> target_names_;
  std::map<std::pair<std::string, std::string>, const RouteSettings*> by_name_;
  std::set<std::pair<std::string, std::string>> referenced_;
};

}  // namespace

void check_settings(Reading& reading, Settings& settings) {
  Check check(reading, settings);
  check.run();
}

}  // namespace tandem
