#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/settings.hpp"
#include "target/registry.hpp"
#include "target/request_template.hpp"

/// The requests of a `rest` target's routes with their templates parsed.
namespace tandem {

/// Where an answer holds a value.
struct AnswerPlace {
  std::string pointer, header;  ///< one of them; both empty = nowhere
  [[nodiscard]] bool empty() const { return pointer.empty() && header.empty(); }
};
[[nodiscard]] AnswerPlace answer_place(const std::string& text);

struct CallPlan {
  std::string method;
  RequestTemplate path;
  std::vector<std::string> fixed_headers;  ///< lines: the target's, and those that every request has
  std::vector<std::pair<std::string, RequestTemplate>> headers;
  std::optional<RequestTemplate> wrap;
  AnswerPlace remote_id, version;
  std::string error_at;
  std::vector<int> ok;  ///< empty = 2xx
  bool needs_remote_id = false;

  [[nodiscard]] bool succeeds(int status) const;
};

struct BatchPlan {
  CallPlan call;
  std::optional<RequestTemplate> each;  ///< none = the body itself
  std::size_t max_records = 1;
  std::uint64_t max_bytes = 0;
  std::string answers_at, match, match_by, status_at, ok_at, error_at, remote_id_at;
  bool creates = false, updates = false, removes = false;

  [[nodiscard]] bool takes(Operation operation) const;
  /// Whether answers are told apart record by record; else the whole call's status is everybody's.
  [[nodiscard]] bool per_record() const {
    return !(match.empty() && status_at.empty() && ok_at.empty() && error_at.empty() && remote_id_at.empty());
  }
  /// Creates and updates are one and the same call by our object_id: sending again is safe.
  [[nodiscard]] bool upserts() const;
};

struct RoutePlan {
  std::string request_type;
  std::vector<std::string> key;
  std::optional<CallPlan> create, update, remove, upsert, lookup, call, fetch;
  std::optional<BatchPlan> batch;
  bool idempotency_key = false;

  [[nodiscard]] bool batches(Operation operation) const { return batch && batch->takes(operation); }
};

/// Every problem is added to `problems`; the plan is usable where none was.
[[nodiscard]] RoutePlan plan_route(const Settings& settings, const TargetSettings& target, const RouteSettings& route,
                                   std::vector<TargetProblem>& problems);

}  // namespace tandem
