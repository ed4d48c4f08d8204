#include <algorithm>

#include "config/sections.hpp"
#include "config/template_check.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;

void read_pointer(Section& section, std::string_view key, std::string& out) {
  if (!section.text_or_empty(key, out) || out.empty()) return;
  if (const auto fault = check_pointer(out, PointerPlace::answer)) section.problem(key, fault->message, fault->remedy);
}

void read_secrets(Reading& reading, Section& section, SourceSettings& source) {
  if (const yaml::Value* value = section.take("signature")) {
    Section signature(reading, value, section.path_of("signature"));
    for (const char* key : {"secret", "previous_secret"}) {
      Secret secret;
      if (!signature.secret(key, secret)) continue;
      if (secret.reveal().size() < 32)
        signature.problem(key, "the secret is too short", "use whsec_ and at least 24 bytes in base64");
      source.signing.push_back(std::move(secret));
    }
    if (source.signing.empty()) signature.problem_here("`secret` is missing", "add secret or secret_file");
    signature.duration("tolerance", source.tolerance, 1s, 24h);
  }
  if (const yaml::Value* value = section.take("header")) {
    Section header(reading, value, section.path_of("header"));
    if (!header.text("name", source.header_name)) header.problem_here("`name` is missing", "add it, e.g. X-Token");
    if (!header.secret("value", source.header_value))
      header.problem_here("`value` is missing", "add value or value_file");
    for (char& c : source.header_name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (const yaml::Value* value = section.take("basic")) {
    Section basic(reading, value, section.path_of("basic"));
    if (!basic.text("username", source.username)) basic.problem_here("`username` is missing", "add it");
    if (!basic.secret("password", source.password))
      basic.problem_here("`password` is missing", "add password or password_file");
  }
}

void read_webhook(Reading& reading, Section& section, const Settings& settings, SourceSettings& source) {
  read_secrets(reading, section, source);
  section.size("max_body", source.max_body_bytes, 1 << 10, 64 << 20);
  if (const yaml::Value* value = section.take("rate")) {
    Section rate(reading, value, section.path_of("rate"));
    rate.decimal("per_second", source.rate.per_second, 0.001, 1e6);
    rate.decimal("burst", source.rate.burst, 1, 1e6);
    if (source.rate.per_second == 0) rate.problem_here("`per_second` is missing", "add it, or remove rate");
  }
  const auto& listen = settings.http.listen;
  const bool loopback = listen.starts_with("127.") || listen.starts_with("localhost:") || listen.starts_with("[::1]:");
  if (section.present() && source.signing.empty() && source.header_name.empty() && source.username.empty() && !loopback)
    section.problem_here("anybody who reaches http.listen could write into the CRM",
                         "add signature, header or basic, or listen on 127.0.0.1");
  if (section.present() && listen.empty())
    section.problem_here("a webhook needs http.listen", "set http.listen to an address and port");
}

void read_source(Reading& reading, const yaml::Value& value, const std::string& path, const Settings& settings,
                 SourceSettings& source) {
  Section section(reading, &value, path);
  const std::vector<std::string> types{"webhook", "kafka", "poll", "postgres"};
  section.chosen("type", source.type, types);
  source.target = source.name;
  section.text("target", source.target);
  if (source.type == "kafka")
    read_topics(section, settings, source);
  else if (source.type == "poll")
    read_poll(section, settings, source);
  else if (source.type == "postgres")
    read_foreign(section, source);
  else
    read_webhook(reading, section, settings, source);
  read_notification(section, source);
}

void read_policy(Section& section, std::string_view key, ConflictPolicy& policy) {
  section.choice(key, policy,
                 {{"ours", ConflictPolicy::ours},
                  {"theirs", ConflictPolicy::theirs},
                  {"newest", ConflictPolicy::newest},
                  {"merge", ConflictPolicy::merge},
                  {"manual", ConflictPolicy::manual}});
}

}  // namespace

void read_sources(Reading& reading, const yaml::Value* sources, Settings& settings) {
  if (sources == nullptr) return;
  Section section(reading, sources, "sources", 1);
  for (const auto* entry : section.take_names()) {
    SourceSettings source;
    source.name = entry->key;
    source.line = entry->line;
    const std::string path = section.path_of(entry->key);
    valid_name(object_name, entry->key, reading, entry->line, path);
    read_source(reading, entry->value, path, settings, source);
    settings.sources.push_back(std::move(source));
  }
}

void read_apply(Section& parent, RouteSettings& route) {
  const yaml::Value* value = parent.take("apply");
  if (value == nullptr) return;
  Reading& reading = parent.reading();
  Section section(reading, value, parent.path_of("apply"));
  ApplySettings apply;
  if (section.names("operations", apply.operations))
    for (const auto& word : apply.operations)
      if (word != "create" && word != "update" && word != "delete")
        section.problem("operations", "unknown operation `" + word + "`", "known here: create, update, delete");
  section.choice("on_delete", apply.on_delete,
                 {{"delete", OnTheirDelete::remove}, {"ignore", OnTheirDelete::ignore}, {"soft", OnTheirDelete::soft}});
  if (const yaml::Value* soft = section.take("soft_delete")) {
    Section columns(reading, soft, section.path_of("soft_delete"));
    for (const auto* entry : columns.take_names())
      if (auto json = columns.json_of(entry->value, columns.path_of(entry->key)))
        apply.soft_delete.emplace_back(entry->key, std::move(*json));
  }
  read_policy(section, "conflict", apply.conflict);
  if (const yaml::Value* own = section.take("conflict_by_field")) {
    Section fields(reading, own, section.path_of("conflict_by_field"));
    for (const auto* entry : fields.take_names()) {
      if (!route.all_columns && std::ranges::count(route.fields, entry->key, &FieldSettings::column) == 0)
        fields.problem(entry->key, "is no column of this route's fields", "name a column of ours that the route maps");
      read_policy(fields, entry->key, apply.by_field[entry->key]);
    }
  }
  if (const yaml::Value* times = section.take("newest")) {
    Section newest(reading, times, section.path_of("newest"));
    newest.text("ours", apply.our_time);
    read_pointer(newest, "theirs", apply.their_time);
  }
  section.names("natural_key", apply.natural_key);
  if ((apply.on_delete == OnTheirDelete::soft) != !apply.soft_delete.empty())
    section.problem_here("`on_delete: soft` and `soft_delete` belong together",
                         "write soft_delete: { COLUMN: VALUE } and on_delete: soft");
  const bool by_time =
      apply.conflict == ConflictPolicy::newest ||
      std::ranges::any_of(apply.by_field, [](const auto& field) { return field.second == ConflictPolicy::newest; });
  if (by_time && (apply.our_time.empty() || apply.their_time.empty()))
    section.problem_here("`conflict: newest` compares two times", "add newest: { ours: COLUMN, theirs: /POINTER }");
  if (section.present()) route.apply = std::move(apply);
}

}  // namespace tandem
