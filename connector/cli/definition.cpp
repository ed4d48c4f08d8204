#include "cli/definition.hpp"

#include <algorithm>

#include "config/quantity.hpp"
#include "json/text.hpp"
#include "json/writer.hpp"

namespace tandem::cli {
namespace {

using json::Writer;

void texts(Writer& w, std::string_view key, const std::vector<std::string>& values) {
  if (values.empty()) return;
  w.key(key).open_array();
  for (const auto& value : values) w.string(value);
  w.close_array();
}
void text(Writer& w, std::string_view key, std::string_view value) {
  if (!value.empty()) w.key(key).string(value);
}
/// Names only: a value may be a key.
void headers(Writer& w, const std::vector<std::pair<std::string, std::string>>& pairs) {
  if (pairs.empty()) return;
  w.key("headers").open_array();
  for (const auto& [name, value] : pairs) w.string(name);
  w.close_array();
}

/// JSON in whose texts every secret is ***; what is not text stays as it is, so that it is still JSON.
std::string hidden(std::string_view json, const std::vector<Secret>& secrets) {
  std::string out;
  while (!json.empty()) {
    const auto open = std::min(json.find('"'), json.size());
    out += json.substr(0, open);
    json.remove_prefix(open);
    if (json.empty()) break;
    std::size_t close = 1;
    while (close < json.size() && json[close] != '"') close += json[close] == '\\' ? 2U : 1U;
    close = std::min(close + 1, json.size());
    std::string text(json.substr(0, close));
    for (const Secret& secret : secrets) {
      const std::string quoted = json::quote(secret.reveal());
      const std::string_view escaped = std::string_view(quoted).substr(1, quoted.size() - 2);
      for (auto at = text.find(escaped); at != std::string::npos; at = text.find(escaped, at + 3))
        text.replace(at, escaped.size(), "***");
    }
    out += text;
    json.remove_prefix(close);
  }
  return out;
}

void call_members(Writer& w, const CallSettings& call) {
  w.key("method").string(call.method).key("path").string(call.path);
  text(w, "wrap", call.wrap);
  text(w, "remote_id", call.remote_id);
  text(w, "error", call.error_at);
  text(w, "version", call.version_at);
}
void call(Writer& w, std::string_view key, const std::optional<CallSettings>& settings) {
  if (!settings) return;
  w.key(key).open_object();
  call_members(w, *settings);
  w.close_object();
}
std::string requests(const RestSettings& rest) {
  Writer w;
  w.open_object();
  call(w, "create", rest.create);
  call(w, "update", rest.update);
  call(w, "delete", rest.remove);
  call(w, "upsert", rest.upsert);
  call(w, "lookup", rest.lookup);
  call(w, "call", rest.call);
  call(w, "fetch", rest.fetch);
  if (rest.batch) {
    w.key("batch").open_object();
    call_members(w, rest.batch->call);
    text(w, "each", rest.batch->each);
    w.key("max_records").number(static_cast<std::int64_t>(rest.batch->max_records));
    texts(w, "operations", rest.batch->operations);
    w.close_object();
  }
  w.key("idempotency_key").boolean(rest.idempotency_key);
  w.close_object();
  return w.take();
}

void fields(Writer& w, const RouteSettings& route) {
  const auto open = [&](FieldKind kind, std::string_view key) {
    bool any = false;
    for (const FieldSettings& field : route.fields) {
      if (field.kind != kind) continue;
      if (!any) w.key(key).open_object();
      any = true;
      if (kind == FieldKind::constant) {
        w.key(field.to).raw(field.constant.empty() ? "null" : hidden(field.constant, route.secrets));
      } else if (kind == FieldKind::sql) {
        w.key(field.to).raw(hidden(json::quote(field.sql), route.secrets));
      } else {
        w.key(field.column).open_object().key("to").string(field.to);
        if (!field.values.empty()) {
          w.key("values").open_array();
          for (const auto& [ours, theirs] : field.values) w.open_array().raw(ours).raw(theirs).close_array();
          w.close_array();
        }
        if (field.fallback) w.key("default").raw(*field.fallback);
        text(w, "ref", field.ref);
        if (field.omit_null) w.key("omit_null").boolean(true);
        w.close_object();
      }
    }
    if (any) w.close_object();
  };
  open(FieldKind::column, "fields");
  open(FieldKind::constant, "constants");
  open(FieldKind::sql, "sql");
  w.key("other_columns").boolean(route.all_columns);
}

std::string_view word(OnLeave value) {
  return value == OnLeave::remove ? "delete" : value == OnLeave::update ? "update" : "ignore";
}
std::string_view word(OnTheirDelete value) {
  return value == OnTheirDelete::ignore ? "ignore" : value == OnTheirDelete::soft ? "soft" : "delete";
}
std::string_view word(ConflictPolicy value) {
  switch (value) {
    case ConflictPolicy::ours:
      return "ours";
    case ConflictPolicy::theirs:
      return "theirs";
    case ConflictPolicy::newest:
      return "newest";
    case ConflictPolicy::merge:
      return "merge";
    case ConflictPolicy::manual:
      return "manual";
  }
  return {};
}
std::string_view word(OnFailure value) {
  return value == OnFailure::block ? "block" : value == OnFailure::skip ? "skip" : "supersede";
}

void after_delivery(Writer& w, const RouteSettings& route) {
  if (route.settle_on == SettleOn::confirmed)
    w.key("settle_on").string("confirmed").key("confirm_within").string(format_duration(route.confirm_within));
  if (route.writes_back()) {
    w.key("write_back").open_object();
    text(w, "remote_id", route.write_back.remote_id);
    text(w, "status", route.write_back.status);
    w.close_object();
  }
  texts(w, "ignores", route.ignores);
  if (route.then.empty()) return;
  w.key("then").open_array();
  for (const FollowUpSettings& call : route.then) {
    std::vector<std::string> on;
    if (call.on_delivered) on.emplace_back("delivered");
    if (call.on_applied) on.emplace_back("applied");
    w.open_object();
    texts(w, "after", call.after);
    texts(w, "on", on);
    w.key("body").open_object();
    for (const auto& [name, value] : call.body) w.key(name).raw(hidden(value, route.secrets));
    w.close_object().close_object();
  }
  w.close_array();
}

}  // namespace

std::string_view word(WatchMode value) {
  return value == WatchMode::wal ? "wal" : value == WatchMode::poll ? "poll" : "trigger";
}

std::string definition(const TargetSettings& target) {
  Writer w;
  w.open_object().key("type").string(target.type);
  if (target.type == "kafka") {
    texts(w, "brokers", target.cluster.brokers);
    std::vector<std::string> names;  // a value may be a secret
    for (const KafkaProperty& property : target.cluster.properties) names.push_back(property.name);
    texts(w, "properties", names);
    text(w, "source", target.event_source);
  } else {
    w.key("url").raw(hidden(json::quote(target.url), target.secrets));
  }
  headers(w, target.headers);
  w.key("concurrency").number(target.concurrency).key("timeout").string(format_duration(target.timeout)).close_object();
  return w.take();
}

std::string definition(const SourceSettings& source) {
  Writer w;
  w.open_object().key("type").string(source.type).key("target").string(source.target);
  if (source.topics) {
    texts(w, "brokers", source.topics->cluster.brokers);
    texts(w, "topics", source.topics->topics);
  }
  const NotificationSettings& told = source.notification;
  text(w, "records", told.records);
  w.key("id").string(told.id);
  text(w, "object_id", told.object_id);
  text(w, "request_type", told.request_type.empty() ? told.type : told.request_type);
  text(w, "operation", told.operation);
  text(w, "deleted", told.deleted);
  text(w, "version", told.version);
  text(w, "event", told.event);
  w.key("body").string(told.body).close_object();
  return w.take();
}

std::string definition(const WatchSettings& watch) {
  Writer w;
  w.open_object().key("table").string(watch.table);
  texts(w, "key", watch.key);
  w.key("mode").string(word(watch.mode));
  if (watch.poll) {
    w.key("poll").open_object().key("updated").string(watch.poll->updated);
    text(w, "deleted", watch.poll->deleted);
    w.key("interval").string(format_duration(watch.poll->interval));
    w.key("lag").string(format_duration(watch.poll->lag));
    w.key("compare_every").string(format_duration(watch.poll->compare_every)).close_object();
  }
  if (!watch.touches.empty()) {
    w.key("touches").open_array();
    for (const TouchSettings& touch : watch.touches) {
      w.open_object().key("watch").string(touch.watch);
      texts(w, "by", touch.by);
      w.close_object();
    }
    w.close_array();
  }
  w.close_object();
  return w.take();
}

std::string definition(const RouteSettings& route) {
  Writer w;
  w.open_object();
  text(w, "when", route.when);
  texts(w, "columns", route.columns);
  texts(w, "operations", route.operations);
  w.key("body").string(route.body == BodyKind::latest ? "latest" : "image");
  w.key("changed").boolean(route.changed);
  w.key("on_leave").string(word(route.on_leave));
  w.key("on_truncate").string(route.on_truncate == OnTruncate::alert ? "alert" : "delete");
  w.key("on_failure").string(word(route.on_failure));
  w.key("on_missing").string(route.on_missing == OnMissing::recreate ? "recreate" : "fail");
  w.key("coalesce").boolean(route.coalesce);
  w.key("unchanged").string(route.skip_unchanged ? "skip" : "send");
  w.key("send").string(route.only_changed ? "changed" : "full");
  w.key("max_wait").string(format_duration(route.max_wait));
  w.key("rollout").number(route.rollout_percent);
  fields(w, route);
  if (route.apply) {
    w.key("apply").open_object();
    texts(w, "operations", route.apply->operations);
    w.key("on_delete").string(word(route.apply->on_delete));
    if (!route.apply->soft_delete.empty()) {
      w.key("soft_delete").open_object();
      for (const auto& [column, value] : route.apply->soft_delete) w.key(column).raw(hidden(value, route.secrets));
      w.close_object();
    }
    w.key("conflict").string(word(route.apply->conflict));
    if (!route.apply->by_field.empty()) {
      w.key("conflict_by_field").open_object();
      for (const auto& [column, policy] : route.apply->by_field) w.key(column).string(word(policy));
      w.close_object();
    }
    text(w, "newest_ours", route.apply->our_time);
    text(w, "newest_theirs", route.apply->their_time);
    texts(w, "natural_key", route.apply->natural_key);
    w.close_object();
  }
  after_delivery(w, route);
  if (route.kafka) {
    w.key("topic").string(route.kafka->topic);
    w.key("value").string(route.kafka->value == KafkaValue::json ? "json" : "cloudevents");
    w.key("deletes").string(route.kafka->deletes == KafkaDelete::message ? "message" : "tombstone");
  } else {
    w.key("requests").raw(hidden(requests(route.rest), route.secrets));
  }
  w.close_object();
  return w.take();
}

}  // namespace tandem::cli
