#include "http/router.hpp"

namespace tandem::http {
namespace {

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  path.remove_prefix(path.starts_with('/') ? 1 : 0);
  while (true) {
    const auto slash = path.find('/');
    segments.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool named(const std::string& segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

}  // namespace

void Router::add(std::string method, const std::string& pattern, Role role, Answer answer) {
  add_later(std::move(method), pattern, role,
            [answer = std::move(answer)](const Request& request, const Respond& respond) { respond(answer(request)); });
}

void Router::add_later(std::string method, const std::string& pattern, Role role, AnswerLater answer) {
  entries_.push_back({std::move(method), split(pattern), role, std::move(answer)});
}

void Router::add_below(const std::string& pattern, Role role, AnswerLater answer) {
  entries_.push_back({{}, split(pattern), role, std::move(answer), true});
}

Response Router::respond(Request request) const {
  Response response = problem(500, "internal error", "");
  respond(std::move(request), [&response](Response answer) { response = std::move(answer); });
  return response;
}

void Router::respond(Request request, Respond respond) const {
  const auto segments = split(request.path);
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  std::string allowed;
  for (const Entry& entry : entries_) {
    if (entry.below ? segments.size() <= entry.segments.size() : segments.size() != entry.segments.size()) continue;
    request.parameters.clear();
    bool match = true;
    for (std::size_t i = 0; i < entry.segments.size() && match; ++i) {
      if (!named(entry.segments[i])) {
        match = entry.segments[i] == segments[i];
        continue;
      }
      auto value = percent_decoded(segments[i]);
      match = value && !value->empty();
      if (match)
        request.parameters.emplace(entry.segments[i].substr(1, entry.segments[i].size() - 2), std::move(*value));
    }
    if (!match) continue;
    if (!entry.method.empty() && entry.method != method) {
      allowed.append(allowed.empty() ? "" : ", ").append(entry.method);
      continue;
    }
    if (entry.role != Role::anyone) {
      const auto role = access_.role_of(request.header("authorization"));
      if (!role || *role == Role::anyone) {
        Response response =
            problem(401, "not authenticated", "send a token of http.tokens as `Authorization: Bearer …`");
        response.headers.emplace_back("WWW-Authenticate", "Bearer");
        return respond(std::move(response));
      }
      if (*role < entry.role) return respond(problem(403, "not allowed", "this token's role may not do that"));
    }
    return entry.answer(std::move(request), std::move(respond));
  }
  if (!allowed.empty()) {
    Response response = problem(405, "method not allowed", "allowed here: " + allowed);
    response.headers.emplace_back("Allow", allowed);
    return respond(std::move(response));
  }
  respond(problem(404, "not found", request.path));
}

}  // namespace tandem::http
