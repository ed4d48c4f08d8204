#include <algorithm>

#include "config/sections.hpp"
#include "config/template_check.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;

void read_template(Section& section, std::string_view key, std::string& out, TemplatePlace place) {
  std::string text;
  if (!section.text(key, text)) return;
  if (const auto fault = check_template(text, place))
    section.problem(key, fault->message, fault->remedy);
  else
    out = text;
}

void read_pointer(Section& section, std::string_view key, std::string& out, PointerPlace place) {
  std::string text;
  if (!section.text(key, text)) return;
  if (const auto fault = check_pointer(text, place))
    section.problem(key, fault->message, fault->remedy);
  else
    out = text;
}

void read_statuses(Section& section, std::vector<int>& out) {
  const yaml::Value* value = section.take("ok");
  if (value == nullptr) return;
  out.clear();
  if (value->kind != yaml::Kind::sequence || value->items.empty()) {
    section.problem("ok", "expected a list of statuses", "write e.g. ok: [200, 201]");
    return;
  }
  for (const auto& item : value->items) {
    const auto read = section.scalar(item, section.path_of("ok"));
    if (!read) continue;
    const bool status =
        read->plain && read->text.size() == 3 && read->text.find_first_not_of("0123456789") == std::string::npos;
    const int number = status ? std::stoi(read->text) : 0;
    if (number < 200 || number > 599)
      section.problem("ok", "`" + read->shown + "` is not a status", "write statuses between 200 and 599");
    else
      out.push_back(number);
  }
}

/// What single calls and batches share.
void read_call(Section& section, CallSettings& call) {
  call.line = section.line();
  std::string method;
  const std::vector<std::string> methods{"GET", "POST", "PUT", "PATCH", "DELETE"};
  section.chosen("method", method, methods);
  if (!method.empty()) call.method = method;
  read_template(section, "path", call.path, TemplatePlace::path);
  if (!call.path.empty() && !call.path.starts_with('/'))
    section.problem("path", "must begin with /", "write e.g. /accounts/{remote_id}");
  if (call.method.empty() && !section.has("method"))
    section.problem_here("`method` is missing", "write e.g. method: POST");
  if (call.path.empty() && !section.has("path"))
    section.problem_here("`path` is missing", "write e.g. path: \"/{request_type}\"");
  read_headers(section, call.headers);
  for (const auto& [name, value] : call.headers)
    if (const auto fault = check_template(value, TemplatePlace::path))
      section.problem("headers", name + " " + fault->message, fault->remedy);
  read_template(section, "wrap", call.wrap, TemplatePlace::wrap);
}

void read_single(Section& parent, std::string_view key, std::optional<CallSettings>& out) {
  const yaml::Value* value = parent.take(key);
  if (value == nullptr) return;
  if (value->kind == yaml::Kind::scalar && !value->quoted &&
      value->text == "false") {  // takes the target's default away
    out.reset();
    return;
  }
  Section section(parent.reading(), value, parent.path_of(key));
  CallSettings call = out.value_or(CallSettings{});
  read_call(section, call);
  read_statuses(section, call.ok);
  read_pointer(section, "remote_id", call.remote_id, PointerPlace::answer_or_header);
  read_pointer(section, "error", call.error_at, PointerPlace::answer);
  read_pointer(section, "version", call.version_at, PointerPlace::answer_or_header);
  if (key == "fetch") read_pointer(section, "body", call.body_at, PointerPlace::answer);
  out = std::move(call);
}

void read_batch(Section& parent, std::optional<BatchSettings>& out) {
  const yaml::Value* value = parent.take("batch");
  if (value == nullptr) return;
  if (value->kind == yaml::Kind::scalar && !value->quoted && value->text == "false") {
    out.reset();
    return;
  }
  Section section(parent.reading(), value, parent.path_of("batch"));
  BatchSettings batch = out.value_or(BatchSettings{});
  read_call(section, batch.call);
  read_template(section, "each", batch.each, TemplatePlace::record);
  int most = static_cast<int>(batch.max_records);
  section.integer("max_records", most, 2, 10'000);
  batch.max_records = static_cast<std::size_t>(most);
  section.size("max_bytes", batch.max_bytes, 1 << 10, 256 << 20);
  section.duration("linger", batch.linger, 0ms, 10s);
  read_pointer(section, "answers", batch.answers_at, PointerPlace::answer);
  read_pointer(section, "match", batch.match, PointerPlace::answer);
  const std::vector<std::string> ids{"record_id", "object_id"};
  section.chosen("match_by", batch.match_by, ids);
  if (const yaml::Value* ok = section.take("ok"); ok != nullptr && ok->kind == yaml::Kind::sequence)
    read_statuses(section, batch.call.ok);  // of the call as a whole
  else
    read_pointer(section, "ok", batch.ok_at, PointerPlace::answer);  // of one record
  read_pointer(section, "status", batch.status_at, PointerPlace::answer);
  read_pointer(section, "error", batch.error_at, PointerPlace::answer);
  read_pointer(section, "remote_id", batch.remote_id_at, PointerPlace::answer);
  if (section.names("operations", batch.operations)) {
    for (const auto& word : batch.operations)
      if (word != "create" && word != "update" && word != "delete")
        section.problem("operations", "unknown operation `" + word + "`", "known here: create, update, delete");
  }
  if (!batch.match.empty() && batch.match_by == "record_id" && !uses(batch.each, "record_id"))
    section.problem("match", "answers are matched by record_id, which `each` does not send",
                    "add {record_id} to each, or remove match to match by position");
  out = std::move(batch);
}

}  // namespace

void read_requests(Section& parent, RestSettings& rest) {
  const yaml::Value* value = parent.take("requests");
  if (value == nullptr) return;
  Section section(parent.reading(), value, parent.path_of("requests"));
  read_single(section, "create", rest.create);
  read_single(section, "update", rest.update);
  read_single(section, "delete", rest.remove);
  read_single(section, "upsert", rest.upsert);
  read_single(section, "lookup", rest.lookup);
  read_single(section, "call", rest.call);
  read_single(section, "fetch", rest.fetch);
  read_batch(section, rest.batch);
  section.flag("idempotency_key", rest.idempotency_key);
  if (rest.fetch && rest.fetch->method != "GET")
    section.problem("fetch", "an object is read by GET", "write method: GET");
  const auto forbid_remote_id = [&](std::string_view key, const std::optional<CallSettings>& call) {
    if (call && uses(call->path, "remote_id"))
      section.problem(key, "its path uses {remote_id}, which is not known before the object exists there",
                      "use {object_id} or {request_type}");
  };
  forbid_remote_id("create", rest.create);
  forbid_remote_id("upsert", rest.upsert);
  forbid_remote_id("lookup", rest.lookup);
}

}  // namespace tandem
