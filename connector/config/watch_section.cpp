#include <algorithm>

#include "config/json_text.hpp"
#include "config/sections.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;

/// `to` of a field: a name, or names joined by dots for nested objects.
bool valid_destination(std::string_view to) {
  return !to.empty() && !to.starts_with('.') && !to.ends_with('.') && to.find("..") == std::string_view::npos;
}

void read_values(Section& section, FieldSettings& field) {
  const yaml::Value* value = section.take("values");
  if (value == nullptr) return;
  Section table(section.reading(), value, section.path_of("values"));
  for (const auto* entry : table.take_names()) {
    const std::string path = table.path_of(entry->key);
    yaml::Value key;  // the key reads like any value: open is text, 1 a number, "1" text
    key.kind = entry->key == "null" && !entry->key_quoted ? yaml::Kind::null : yaml::Kind::scalar;
    key.line = entry->line;
    key.text = entry->key;
    key.quoted = entry->key_quoted;
    const auto ours = table.json_of(key, path);
    const auto theirs = table.json_of(entry->value, path);
    if (ours && theirs) field.values.emplace_back(*ours, *theirs);
  }
}

void read_field(Reading& reading, const yaml::Value::Entry& entry, const std::string& path, FieldSettings& field) {
  field.column = entry.key;
  field.line = entry.line;
  if (entry.value.kind != yaml::Kind::mapping) {  // ours: theirs
    Section probe(reading, nullptr, path, entry.line);
    if (entry.value.kind == yaml::Kind::null) {
      reading.problem(entry.line, path, "has no name at the target", "write " + entry.key + ": THEIR_NAME");
    } else if (auto to = probe.text_of(entry.value, path)) {
      field.to = std::move(*to);
    }
    return;
  }
  Section section(reading, &entry.value, path);
  if (!section.text("to", field.to) && !section.has("to"))
    section.problem_here("`to` is missing", "add the field's name at the target");
  read_values(section, field);
  if (const yaml::Value* fallback = section.take_nullable("default")) {
    if (auto json = section.json_of(*fallback, section.path_of("default"))) field.fallback = std::move(*json);
  }
  section.text("ref", field.ref);
  section.flag("omit_null", field.omit_null);
  if (!field.ref.empty() && !field.values.empty())
    section.problem("ref", "`ref` and `values` exclude each other", "keep one of them");
}

void read_fields(Section& parent, RouteSettings& route) {
  Reading& reading = parent.reading();
  const yaml::Value* fields_value = parent.take("fields");
  if (fields_value != nullptr) {
    Section fields(reading, fields_value, parent.path_of("fields"));
    for (const auto* entry : fields.take_names()) {
      FieldSettings field;
      read_field(reading, *entry, fields.path_of(entry->key), field);
      route.fields.push_back(std::move(field));
    }
  }
  if (const yaml::Value* value = parent.take("constants")) {
    Section constants(reading, value, parent.path_of("constants"));
    for (const auto* entry : constants.take_names()) {
      FieldSettings field;
      field.kind = FieldKind::constant;
      field.to = entry->key;
      field.line = entry->line;
      if (auto json = constants.json_of(entry->value, constants.path_of(entry->key))) field.constant = std::move(*json);
      route.fields.push_back(std::move(field));
    }
  }
  if (const yaml::Value* value = parent.take("sql")) {
    Section sql(reading, value, parent.path_of("sql"));
    for (const auto* entry : sql.take_names()) {
      FieldSettings field;
      field.kind = FieldKind::sql;
      field.to = entry->key;
      field.line = entry->line;
      auto text = sql.text_of(entry->value, sql.path_of(entry->key));
      if (text && text->find_first_not_of(" \t\r\n") == std::string::npos)
        sql.problem(entry->key, "is empty", "write an expression over the table's columns");
      else if (text)
        field.sql = std::move(*text);
      route.fields.push_back(std::move(field));
    }
  }
  route.all_columns = fields_value == nullptr;
  parent.flag("other_columns", route.all_columns);

  for (std::size_t i = 0; i < route.fields.size(); ++i) {
    const auto& field = route.fields[i];
    if (field.to.empty()) continue;
    if (!valid_destination(field.to)) {
      reading.problem(field.line, parent.path(), "`" + field.to + "` is not a field's name",
                      "write a name, or names joined by single dots");
      continue;
    }
    for (std::size_t j = 0; j < i; ++j) {
      const std::string &a = field.to, &b = route.fields[j].to;
      if (a == b || a.starts_with(b + ".") || b.starts_with(a + "."))
        reading.problem(field.line, parent.path(),
                        "two fields write `" + a + "`, the other one in line " + std::to_string(route.fields[j].line),
                        "give each its own name at the target");
    }
  }
}

/// What a route says of its topic, or must not say.
void read_topic(Section& section, const TargetSettings* target, RouteSettings& route) {
  KafkaSettings kafka = target == nullptr ? KafkaSettings{} : target->kafka;
  read_kafka(section, kafka);
  if (target == nullptr) return;
  if (target->type != "kafka") {
    for (const char* key : {"topic", "value", "deletes"})
      if (section.has(key)) section.problem(key, "is for targets of type kafka", "remove it");
    return;
  }
  if (section.has("requests")) section.problem("requests", "a target of type kafka has none", "remove it");
  if (kafka.topic.empty())
    section.problem_here("has no topic", "add topic: here or at the target, e.g. topic: crm.{request_type}");
  else
    kafka.topic = topic_of(section, kafka.topic, route.target, route.request_type);
  route.kafka = std::move(kafka);
}

void read_route(Reading& reading, const yaml::Value& value, const std::string& path, const WatchSettings& watch,
                Settings& settings) {
  Section section(reading, &value, path);
  if (!section.present()) return;
  RouteSettings route;
  route.watch = watch.name;
  route.place = path;
  route.line = section.line();
  route.request_type = watch.name;
  if (!section.text("target", route.target) && !section.has("target"))
    section.problem_here("`target` is missing", "name one of the targets");
  if (section.text("request_type", route.request_type))
    valid_name(object_name, route.request_type, reading, route.line, section.path_of("request_type"));
  section.text("when", route.when);
  section.names("columns", route.columns);
  if (section.names("operations", route.operations)) {
    for (const auto& word : route.operations)
      if (word != "create" && word != "update" && word != "delete")
        section.problem("operations", "unknown operation `" + word + "`", "known here: create, update, delete");
  }
  section.choice("body", route.body, {{"image", BodyKind::image}, {"latest", BodyKind::latest}});
  section.flag("changed", route.changed);
  section.choice("on_leave", route.on_leave,
                 {{"ignore", OnLeave::ignore}, {"delete", OnLeave::remove}, {"update", OnLeave::update}});
  section.choice("on_truncate", route.on_truncate, {{"delete", OnTruncate::remove}, {"alert", OnTruncate::alert}});
  section.choice("on_failure", route.on_failure,
                 {{"supersede", OnFailure::supersede}, {"block", OnFailure::block}, {"skip", OnFailure::skip}});
  section.choice("on_missing", route.on_missing, {{"fail", OnMissing::fail}, {"recreate", OnMissing::recreate}});
  section.flag("coalesce", route.coalesce);
  section.choice("unchanged", route.skip_unchanged, {{"send", false}, {"skip", true}});
  section.choice("send", route.only_changed, {{"full", false}, {"changed", true}});
  section.duration("max_wait", route.max_wait, 1s, 24h * 365);
  section.percent("rollout", route.rollout_percent);
  read_fields(section, route);
  const TargetSettings* target = settings.target(route.target);
  if (target != nullptr) route.rest = target->rest;
  read_requests(section, route.rest);
  read_topic(section, target, route);
  read_apply(section, route);
  read_after_delivery(section, route);
  settings.routes.push_back(std::move(route));
}

void read_touch(Reading& reading, const yaml::Value& value, const std::string& path, WatchSettings& watch) {
  Section section(reading, &value, path);
  if (!section.present()) return;
  TouchSettings touch;
  touch.line = section.line();
  if (!section.text("watch", touch.watch) && !section.has("watch"))
    section.problem_here("`watch` is missing", "name the watch whose objects the rows belong to");
  const yaml::Value* by = section.take("by");
  if (by == nullptr && !section.has("by")) {
    section.problem_here("`by` is missing", "name the column that holds the object's key");
  } else if (by != nullptr && by->kind == yaml::Kind::sequence) {
    section.names("by", touch.by);
  } else if (by != nullptr) {
    if (auto column = section.text_of(*by, section.path_of("by"))) touch.by.push_back(std::move(*column));
  }
  watch.touches.push_back(std::move(touch));
}

/// One mapping, or a list of them.
void read_touches(Section& parent, WatchSettings& watch) {
  const yaml::Value* value = parent.take("touches");
  if (value == nullptr) return;
  const std::string path = parent.path_of("touches");
  if (value->kind != yaml::Kind::sequence) return read_touch(parent.reading(), *value, path, watch);
  for (std::size_t i = 0; i < value->items.size(); ++i) {
    const std::string place = path + "[" + std::to_string(i) + "]";
    parent.reading().loaded.lines.emplace(place, value->items[i].line);
    read_touch(parent.reading(), value->items[i], place, watch);
  }
}

/// What a watch of mode `poll` says of its table, or another must not say.
void read_polled(Section& parent, WatchSettings& watch) {
  if (watch.mode != WatchMode::poll) {
    if (parent.has("poll")) parent.problem("poll", "is for watches of mode poll", "remove it, or write mode: poll");
    return;
  }
  WatchPollSettings poll;
  const yaml::Value* value = parent.take("poll");
  if (value == nullptr && !parent.has("poll"))
    parent.problem_here("does not say which column tells when a row was changed", "add poll: { updated: COLUMN }");
  Section section(parent.reading(), value, parent.path_of("poll"));
  if (section.present() && !section.text("updated", poll.updated) && !section.has("updated"))
    section.problem_here("`updated` is missing", "name the column that tells when a row was changed");
  section.text("deleted", poll.deleted);
  section.duration("interval", poll.interval, 100ms, 24h);
  section.duration("lag", poll.lag, 0ms, 24h);
  section.duration("compare_every", poll.compare_every, 1s, 24h * 365);
  watch.poll = std::move(poll);
}

void read_watch(Reading& reading, const yaml::Value& value, const std::string& path, WatchSettings watch,
                Settings& settings) {
  Section section(reading, &value, path);
  if (!section.present()) return;
  if (!section.text("table", watch.table) && !section.has("table"))
    section.problem_here("`table` is missing", "name the table, e.g. public.account");
  section.names("key", watch.key);
  section.choice("mode", watch.mode,
                 {{"trigger", WatchMode::trigger}, {"wal", WatchMode::wal}, {"poll", WatchMode::poll}});
  if (watch.mode == WatchMode::wal && !settings.capture.stream)
    section.problem("mode", "`wal` needs the stream, and capture.stream is false",
                    "remove capture.stream, or write trigger");
  read_polled(section, watch);
  read_touches(section, watch);
  settings.watches.push_back(watch);
  const yaml::Value* routes = section.take("routes");
  if (routes == nullptr && !section.has("routes")) {
    if (watch.touches.empty())
      section.problem_here("has no routes", "add routes: with at least one `- target: …`, or remove the watch");
  } else if (routes != nullptr && (routes->kind != yaml::Kind::sequence || routes->items.empty())) {
    section.problem("routes", "expected a list of routes", "write at least one `- target: …` below it");
  } else if (routes != nullptr) {
    for (std::size_t i = 0; i < routes->items.size(); ++i) {
      const std::string place = section.path_of("routes") + "[" + std::to_string(i) + "]";
      reading.loaded.lines.emplace(place, routes->items[i].line);
      read_route(reading, routes->items[i], place, watch, settings);
    }
  }
}

}  // namespace

void read_watches(Reading& reading, const yaml::Value* watches, Settings& settings) {
  Section section(reading, watches, "watches", 1);
  for (const auto* entry : section.take_names()) {
    WatchSettings watch;
    watch.name = entry->key;
    watch.line = entry->line;
    const std::string path = section.path_of(entry->key);
    valid_name(object_name, entry->key, reading, entry->line, path);
    read_watch(reading, entry->value, path, std::move(watch), settings);
  }
}

}  // namespace tandem
