#include "support/second_crm/api.hpp"

#include <algorithm>
#include <charconv>

namespace second_crm {
namespace {

enum class Resource : std::uint8_t { object, collection, external, batch, token, none };

Reply error_reply(int status, std::string_view code, std::string_view words,
                  const std::vector<FieldProblem>& fields = {}) {
  Reply reply{.status = status};
  reply.body = "{\"error\":{\"code\":";
  append_json_string(reply.body, code);
  reply.body += ",\"message\":";
  append_json_string(reply.body, words);
  if (!fields.empty()) {
    reply.body += ",\"fields\":[";
    for (const auto& [name, field_code, field_words] : fields) {
      if (reply.body.back() != '[') reply.body.push_back(',');
      reply.body += "{\"name\":";
      append_json_string(reply.body, name);
      reply.body += ",\"code\":\"" + field_code + "\",\"message\":";
      append_json_string(reply.body, field_words);
      reply.body.push_back('}');
    }
    reply.body.push_back(']');
  }
  reply.body += "}}";
  return reply;
}

Reply reply_to(const Effect& effect, std::string_view type) {
  if (!effect.good()) return error_reply(effect.status, effect.code, effect.words, effect.fields);
  Reply reply{.status = effect.status};
  if (effect.status == 204) return reply;
  reply.body = print(*effect.object);
  reply.headers.emplace_back("ETag", '"' + std::to_string(effect.object->version) + '"');
  if (effect.status == 201)
    reply.headers.emplace_back("Location", "/api/" + std::string(type) + '/' + effect.object->id);
  return reply;
}

Reply faulty(const Fault& fault, Reply right) {
  right.delay += fault.delay;
  switch (fault.kind) {
    case FaultKind::status: {
      auto reply = error_reply(fault.status, "fault", "a fault on demand");
      if (fault.retry_after) reply.headers.emplace_back("Retry-After", std::to_string(fault.retry_after->count()));
      reply.delay = right.delay;
      return reply;
    }
    case FaultKind::slow:
    case FaultKind::late:
      return right;
    case FaultKind::garbage:
      right.status = 200;
      right.body = "<html><body>maintenance</body";
      return right;
    case FaultKind::hidden_error:
      right.status = 200;
      right.body = R"({"error":{"code":"locked","message":"the object is locked by another user"}})";
      return right;
    case FaultKind::cut:
      right.ending = Ending::cut;
      right.cut_after = fault.bytes;
      return right;
    case FaultKind::hang:
      right.ending = Ending::hang;
      return right;
  }
  return right;
}

bool takes_effect(const Fault& fault) {
  return fault.kind == FaultKind::slow ||
         (fault.moment == Moment::after_effect && fault.kind != FaultKind::hidden_error);
}

std::uint64_t number_or(std::string_view text, std::uint64_t fallback) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : fallback;
}

std::string text_of(const Json& object, std::string_view name) {
  const auto* member = object.find(name);
  return member == nullptr ? "" : member->text;
}

Operation operation_of(std::string_view word) {
  if (word == "create") return Operation::create;
  if (word == "update") return Operation::update;
  if (word == "upsert") return Operation::upsert;
  if (word == "delete") return Operation::remove;
  return Operation::unknown;
}

std::string fingerprint_of(const Request& request) {
  return request.method + ' ' + request.path + '\n' + request.body;
}

}  // namespace

/// What a request means, as far as it can be told without the store.
struct Api::Call {
  Resource resource = Resource::none;
  Operation operation = Operation::unknown;
  std::string type, id, external_id, key;
  ExpectedVersion expected = 0;
  Json body;
  bool has_body = false;
  std::string body_problem;
  bool in_effect = false, changed = false, repeated = false, in_journal = false;
  std::uint64_t version = 0;
};

Api::Api(Settings settings)
    : settings_(std::move(settings)),
      store_(settings_.schema),
      access_(settings_.access),
      journal_(settings_.journal_limit),
      idempotency_(settings_.idempotency_limit) {}

Api::Call Api::understand(const Request& request) {
  Call call;
  call.key = bare_key(request.idempotency_key);
  call.expected = number_or(bare_key(request.if_match), 0);
  const auto path = segments(request.path);
  const auto& method = request.method;
  if (method == "POST" && path.size() == 2 && path[0] == "oauth" && path[1] == "token") {
    call.resource = Resource::token;
    call.operation = Operation::token;
    return call;
  }
  if (path.size() < 2 || path[0] != "api") return call;
  if (path[1] == "batch" && path.size() == 3 && method == "POST") {
    call.resource = Resource::batch;
    call.type = path[2];
  } else if (path.size() == 2) {
    call.resource = Resource::collection;
    call.type = path[1];
    call.external_id = parameter(request.query, "external_id");
    if (method == "POST") call.operation = Operation::create;
    if (method == "GET")
      call.operation = request.query.starts_with("external_id=") ? Operation::lookup : Operation::list;
  } else if (path.size() == 3) {
    call.resource = Resource::object;
    call.type = path[1];
    call.id = path[2];
    if (method == "GET") call.operation = Operation::read;
    if (method == "PATCH") call.operation = Operation::update;
    if (method == "PUT") call.operation = Operation::replace;
    if (method == "DELETE") call.operation = Operation::remove;
    if (const auto found = store_.get(call.type, call.id); found.object != nullptr)
      call.external_id = found.object->external_id;
  } else if (path.size() == 4 && path[2] == "external" && method == "PUT") {
    call.resource = Resource::external;
    call.operation = Operation::upsert;
    call.type = path[1];
    call.external_id = path[3];
  }

  if (!request.body.empty()) {
    auto document = parse_json(request.body);
    if (auto* body = std::get_if<Json>(&document)) {
      call.body = std::move(*body);
      call.has_body = true;
    } else {
      const auto& problem = std::get<JsonProblem>(document);
      call.body_problem = problem.words + " at byte " + std::to_string(problem.offset);
    }
  }
  if (call.operation == Operation::create) call.external_id = text_of(call.body, external_id_field);
  return call;
}

Reply Api::answer(const Request& request, Time now) {
  auto call = understand(request);
  std::optional<Fault> fault;
  if (!request.lay_here)
    fault = faults_.pick({.method = request.method, .type = call.type, .external_id = call.external_id});
  if (fault && fault->kind == FaultKind::late) return {.delay = fault->delay, .ending = Ending::later};
  auto reply = serve(request, call, fault, now);
  if (!call.in_journal) record(request, call, reply, now);
  return reply;
}

Reply Api::serve(const Request& request, Call& call, const std::optional<Fault>& fault, Time now) {
  if (fault && !takes_effect(*fault)) return faulty(*fault, {});
  const auto as_fault_says = [&fault](Reply reply) { return fault ? faulty(*fault, std::move(reply)) : reply; };
  if (call.resource == Resource::token) return as_fault_says(access_.grant(request, now));
  if (!access_.allows(request.authorization, now)) {
    auto reply = error_reply(401, "unauthorized", "a valid bearer token is needed");
    reply.headers.emplace_back("WWW-Authenticate", "Bearer error=\"invalid_token\"");
    return as_fault_says(std::move(reply));
  }
  if (call.resource == Resource::none) return as_fault_says(error_reply(404, "not_found", "no such resource"));
  if (store_.type(call.type) == nullptr) return as_fault_says(error_reply(404, "unknown_type", "no type " + call.type));
  if (call.operation == Operation::unknown && call.resource != Resource::batch) {
    return as_fault_says(error_reply(405, "method_not_allowed", request.method + " is not for this resource"));
  }
  if (request.body.size() > settings_.longest_body)
    return as_fault_says(error_reply(413, "too_large", "the body is too large"));
  if (request.method != "GET" && request.method != "DELETE") {
    if (!request.content_type.starts_with("application/json")) {
      return as_fault_says(error_reply(415, "not_json", "Content-Type must be application/json"));
    }
    if (!call.has_body) {
      return as_fault_says(
          error_reply(400, "no_json", call.body_problem.empty() ? "a body is needed" : call.body_problem));
    }
  }
  if (call.key.empty()) {
    if (settings_.idempotency_key_required && request.method == "POST" && call.resource != Resource::batch) {
      return as_fault_says(error_reply(400, "no_idempotency_key", "Idempotency-Key is needed"));
    }
    return as_fault_says(perform(request, call, now));
  }

  const auto fingerprint = fingerprint_of(request);
  const auto kept = idempotency_.find(call.key, fingerprint, now);
  switch (kept.finding) {
    case Idempotency::Finding::repeated:
      call.repeated = true;
      return as_fault_says(*kept.reply);
    case Idempotency::Finding::other_request:
      return as_fault_says(error_reply(422, "key_used_otherwise", "this Idempotency-Key belongs to another request"));
    case Idempotency::Finding::still_running:
      return as_fault_says(
          error_reply(409, "still_running", "the first request with this Idempotency-Key is still running"));
    case Idempotency::Finding::fresh:
      break;
  }
  auto reply = perform(request, call, now);
  if (call.in_effect) idempotency_.keep(call.key, fingerprint, reply, fault ? now + fault->delay : now);
  return as_fault_says(std::move(reply));
}

Effect Api::apply(Operation operation, const Call& call, Time now) {
  switch (operation) {
    case Operation::create:
      return store_.create(call.type, call.body, now);
    case Operation::update:
      return store_.update(call.type, call.id, call.body, call.expected, now);
    case Operation::replace:
      return store_.replace(call.type, call.id, call.body, call.expected, now);
    case Operation::upsert:
      return store_.upsert(call.type, call.external_id, call.body, now);
    case Operation::remove:
      return store_.remove(call.type, call.id, call.expected, now);
    case Operation::read:
      return store_.get(call.type, call.id);
    default:
      return {.status = 400, .code = "unknown_operation", .words = "op must be create, update, upsert or delete"};
  }
}

Reply Api::perform(const Request& request, Call& call, Time now) {
  if (call.resource == Resource::batch) return batch(request, call, now);
  if (call.operation == Operation::lookup) return lookup(call, now);
  if (call.operation == Operation::list) return list(request, call);
  const auto effect = apply(call.operation, call, now);
  call.in_effect = effect.good() && call.operation <= Operation::remove;
  call.changed = call.in_effect && effect.changed;
  if (effect.object != nullptr && effect.good()) {
    call.id = effect.object->id;
    call.external_id = effect.object->external_id;
    call.version = effect.object->version;
  }
  return reply_to(effect, call.type);
}

Reply Api::lookup(const Call& call, Time now) {
  Reply reply;
  const auto* object = store_.find(call.type, call.external_id);
  const bool indexed = object != nullptr && now - object->created >= settings_.lookup_lag;
  reply.body = "{\"items\":[" + (indexed ? print(*object) : std::string{}) + "]}";
  return reply;
}

Reply Api::list(const Request& request, const Call& call) {
  const auto limit = std::clamp<std::uint64_t>(number_or(parameter(request.query, "limit"), 100), 1, 1000);
  auto next = number_or(parameter(request.query, "after"), 0);
  Reply reply;
  reply.body = "{\"items\":[";
  for (const auto* object : store_.changed_after(call.type, next, limit)) {
    if (reply.body.back() != '[') reply.body.push_back(',');
    reply.body += print(*object);
    next = object->change;
  }
  reply.body += "],\"next\":" + std::to_string(next) + '}';
  return reply;
}

Reply Api::batch(const Request& request, Call& batch, Time now) {
  const auto* records = batch.body.find("records");
  if (records == nullptr || records->kind != Json::Kind::array || records->items.empty()) {
    return error_reply(400, "no_records", "records must be an array with something in it");
  }
  if (records->items.size() > settings_.largest_batch) {
    return error_reply(413, "too_many_records", "at most " + std::to_string(settings_.largest_batch) + " records");
  }
  std::vector<Json> results;
  for (const auto& item : records->items) {
    Call call;
    call.resource = Resource::object;
    call.type = batch.type;
    call.operation = operation_of(text_of(item, "op"));
    call.key = text_of(item, "id");
    call.id = text_of(item, "remote_id");
    call.external_id = text_of(item, "external_id");
    if (const auto* data = item.find("data")) call.body = *data;
    if (call.external_id.empty()) call.external_id = text_of(call.body, external_id_field);
    if (call.external_id.empty() && !call.id.empty()) {
      if (const auto found = store_.get(call.type, call.id); found.object != nullptr)
        call.external_id = found.object->external_id;
    }

    const Request alone{.method = request.method,
                        .path = request.path,
                        .query = {},
                        .content_type = {},
                        .authorization = {},
                        .idempotency_key = {},
                        .if_match = {},
                        .traceparent = request.traceparent,
                        .body = print(item)};
    const auto fingerprint = fingerprint_of(alone);
    const auto kept = call.key.empty() ? Idempotency::Found{} : idempotency_.find(call.key, fingerprint, now);
    const auto fault =
        faults_.pick({.method = request.method, .type = call.type, .external_id = call.external_id, .in_batch = true});
    Reply reply;
    if (fault && fault->kind == FaultKind::status) {
      reply = error_reply(fault->status, "fault", "a fault on demand");
    } else if (kept.finding == Idempotency::Finding::repeated) {
      call.repeated = true;
      reply = *kept.reply;
    } else if (kept.finding == Idempotency::Finding::other_request) {
      reply = error_reply(422, "key_used_otherwise", "this id belongs to another record");
    } else {
      reply = perform(alone, call, now);
      if (call.in_effect && !call.key.empty()) idempotency_.keep(call.key, fingerprint, reply, now);
    }
    batch.in_journal = true;
    record(alone, call, reply, now);

    const bool ok = reply.status < 300;
    if (!ok && settings_.atomic_batches) {
      return error_reply(409, "batch_refused", "record " + call.key + ": " + reply.body);
    }
    const auto answered = reply.body.empty() ? Json{} : std::get<Json>(parse_json(reply.body));
    const auto* error = answered.find("error");
    const auto* id = answered.find("id");
    results.push_back(Json::object({{"id", Json::string(call.key)},
                                    {"ok", Json::boolean(ok)},
                                    {"status", Json::number(static_cast<std::uint64_t>(reply.status))},
                                    {"remote_id", id == nullptr ? Json{} : *id},
                                    {"error", error == nullptr ? Json{} : *error}}));
  }
  if (settings_.reversed_batch_answers) std::ranges::reverse(results);
  Reply reply;
  reply.body = print(Json::object({{"results", Json::array(std::move(results))}}));
  return reply;
}

void Api::record(const Request& request, const Call& call, const Reply& reply, Time now) {
  journal_.add({.at = now,
                .operation = call.operation,
                .method = request.method,
                .path = request.query.empty() ? request.path : request.path + '?' + request.query,
                .type = call.type,
                .id = call.id,
                .external_id = call.external_id,
                .idempotency_key = call.key,
                .traceparent = request.traceparent,
                .body = request.body,
                .status = reply.status,
                .in_effect = call.in_effect,
                .changed = call.changed,
                .repeated = call.repeated,
                .version = call.version});
}

}  // namespace second_crm
