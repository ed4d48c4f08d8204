#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "support/second_crm/access.hpp"
#include "support/second_crm/faults.hpp"
#include "support/second_crm/http_message.hpp"
#include "support/second_crm/idempotency.hpp"
#include "support/second_crm/journal.hpp"
#include "support/second_crm/store.hpp"

namespace second_crm {

struct Settings {
  Schema schema = crm_schema();
  AccessSettings access;
  std::size_t longest_body = 10 << 20;
  std::size_t largest_batch = 200;
  bool atomic_batches = false;              ///< one bad record and the whole batch is refused with 409, as HubSpot does
  bool reversed_batch_answers = true;       ///< whoever joins answers by position is wrong at once
  bool idempotency_key_required = false;    ///< for POST
  std::chrono::milliseconds lookup_lag{0};  ///< a lookup does not find what is younger: a search index
  std::size_t journal_limit = 1'000'000;
  std::size_t idempotency_limit = 1'000'000;
};

/// The second CRM's REST interface without sockets. Bodies are application/json; ids are the second CRM's own.
///
///   POST   /api/TYPE                           create             201 object, Location, ETag
///   GET    /api/TYPE/ID                        read               200 object
///   PATCH  /api/TYPE/ID                        update             200 object; null clears a field; If-Match is obeyed
///   PUT    /api/TYPE/ID                        replace            200 object
///   DELETE /api/TYPE/ID                        delete             204; 409 while others refer to it
///   PUT    /api/TYPE/external/EXTERNAL_ID      upsert             200 or 201 object
///   GET    /api/TYPE?external_id=E             lookup             200 {"items": [object]}
///   GET    /api/TYPE?after=CHANGE&limit=N      list by change     200 {"items": […], "next": CHANGE}; deleted ones
///   included POST   /api/batch/TYPE                     batch              200 {"results": […]}
///            {"records": [{"id": OWN, "op": "create|update|upsert|delete", "remote_id": ID, "external_id": E, "data":
///            {…}}]} result: {"id": OWN, "ok": true, "status": 201, "remote_id": ID, "error": null}
///   POST   /oauth/token                        client credentials
///
/// Errors: {"error": {"code", "message", "fields": [{"name", "code", "message"}]}}. 400 no JSON, 401, 404, 409
/// duplicate, 410 deleted, 412, 413, 415, 422 does not fit (also: Idempotency-Key used for another request).
class Api {
 public:
  explicit Api(Settings settings);

  [[nodiscard]] Reply answer(const Request& request, Time now);

  Store& store() { return store_; }
  Faults& faults() { return faults_; }
  Journal& journal() { return journal_; }
  Access& access() { return access_; }

 private:
  struct Call;
  Call understand(const Request& request);
  Reply serve(const Request& request, Call& call, const std::optional<Fault>& fault, Time now);
  Reply perform(const Request& request, Call& call, Time now);
  Reply batch(const Request& request, Call& call, Time now);
  Reply lookup(const Call& call, Time now);
  Reply list(const Request& request, const Call& call);
  Effect apply(Operation operation, const Call& call, Time now);
  void record(const Request& request, const Call& call, const Reply& reply, Time now);

  Settings settings_;
  Store store_;
  Access access_;
  Faults faults_;
  Journal journal_;
  Idempotency idempotency_;
};

}  // namespace second_crm
