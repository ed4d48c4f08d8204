#include <algorithm>

#include "config/sections.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;

void read_write_back(Section& parent, WriteBackSettings& write_back) {
  const yaml::Value* value = parent.take("write_back");
  if (value == nullptr) return;
  Section section(parent.reading(), value, parent.path_of("write_back"));
  section.text("remote_id", write_back.remote_id);
  section.text("status", write_back.status);
  if (section.present() && write_back.remote_id.empty() && write_back.status.empty())
    section.problem_here("names no column", "add remote_id or status: a column of the watched table");
  if (!write_back.remote_id.empty() && write_back.remote_id == write_back.status)
    section.problem("status", "is the column of `remote_id` as well", "name another column");
}

void read_outcomes(Section& section, FollowUpSettings& call) {
  std::vector<std::string> on;
  if (!section.names("on", on)) return;
  call.on_delivered = std::ranges::find(on, "delivered") != on.end();
  call.on_applied = std::ranges::find(on, "applied") != on.end();
  for (const auto& word : on)
    if (word != "delivered" && word != "applied")
      section.problem("on", "unknown outcome `" + word + "`", "known here: delivered, applied");
}

void read_follow_up(Reading& reading, const yaml::Value& value, const std::string& path, RouteSettings& route) {
  Section section(reading, &value, path);
  if (!section.present()) return;
  FollowUpSettings call;
  call.line = section.line();
  if (section.names("after", call.after))
    for (const auto& word : call.after)
      if (word != "create" && word != "update" && word != "delete")
        section.problem("after", "unknown operation `" + word + "`", "known here: create, update, delete");
  read_outcomes(section, call);
  if (const yaml::Value* body = section.take("body")) {
    Section members(reading, body, section.path_of("body"));
    for (const auto* entry : members.take_names())
      if (auto json = members.json_of(entry->value, members.path_of(entry->key)))
        call.body.emplace_back(entry->key, std::move(*json));
  }
  route.then.push_back(std::move(call));
}

/// One mapping, or a list of them.
void read_follow_ups(Section& parent, RouteSettings& route) {
  const yaml::Value* value = parent.take("then");
  if (value == nullptr) return;
  const std::string path = parent.path_of("then");
  if (value->kind != yaml::Kind::sequence) return read_follow_up(parent.reading(), *value, path, route);
  for (std::size_t i = 0; i < value->items.size(); ++i) {
    const std::string place = path + "[" + std::to_string(i) + "]";
    parent.reading().loaded.lines.emplace(place, value->items[i].line);
    read_follow_up(parent.reading(), value->items[i], place, route);
  }
}

}  // namespace

void read_after_delivery(Section& parent, RouteSettings& route) {
  parent.choice("settle_on", route.settle_on, {{"accepted", SettleOn::accepted}, {"confirmed", SettleOn::confirmed}});
  parent.duration("confirm_within", route.confirm_within, 100ms, 24h * 30);
  if (parent.has("confirm_within") && route.settle_on != SettleOn::confirmed)
    parent.problem("confirm_within", "is for routes that wait for a confirmation",
                   "add settle_on: confirmed, or remove it");
  read_write_back(parent, route.write_back);
  read_follow_ups(parent, route);
}

}  // namespace tandem
