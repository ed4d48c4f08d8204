#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "model/record.hpp"
#include "target/http_client.hpp"
#include "target/loan.hpp"

/// The seam between delivery, which decides *what* is attempted *when*, and the ways of speaking to other systems.
namespace tandem {

/// What is known of an earlier attempt to create the object there.
enum class Doubt : std::uint8_t {
  none,          ///< no create was attempted, or its answer is known
  may_exist,     ///< a create was sent and not answered: look before creating
  missing_once,  ///< and a lookup has found nothing, once
};

/// One record to be sent once. A target never alters it and keeps it only until its answer.
struct Attempt {
  Counter counter;
  RecordId record_id;  ///< the idempotency key, the same for every attempt that is the same request
  /// create, update, remove, call; the target turns create/update by remote_id and doubt
  Operation operation = Operation::update;
  std::optional<Operation> recorded;  ///< what its row says, where it may be sent as something else
  Doubt doubt = Doubt::none;
  std::string object_id;
  std::string remote_id;  ///< empty: no identity
  std::string body;       ///< mapped JSON object; empty for a delete
  std::string trace_context;
};

/// How one attempt ended.
struct Answer {
  Counter counter;
  ErrorClass error = ErrorClass::none;  ///< none = delivered
  int status = 0;                       ///< e.g. the HTTP status; 0 = none came
  bool maybe_in_effect = false;         ///< the request may have reached the other system although no answer tells
  /// What a next attempt must be told (creates only). With `outcome_unknown`: missing_once = looked and found nothing,
  /// attempt it again a moment later; may_exist = this route has no way to find out, so no attempt will. With any other
  /// class a next attempt looks first, if this is not none: not before the timeout of the unanswered request has
  /// passed.
  Doubt doubt = Doubt::none;
  std::string remote_id;  ///< their id, where the answer or a lookup told it
  std::string version;
  std::string
      description;  ///< for people: what went wrong, in the target's words, without secrets, at most 1,000 bytes
  std::optional<std::chrono::milliseconds> retry_after;  ///< the whole target asks for rest
  bool not_there = false;                                ///< 404/410 on update or delete
  std::chrono::microseconds duration{0};
};

/// One call: one record, or several of one route where the target takes batches (at most one record of a lane).
struct Shipment {
  RouteIndex route = no_route;
  std::vector<Attempt> attempts;
};

/// One other system. Lives in one delivery loop's thread; nothing here blocks or is thread-safe.
class Target {
 public:
  virtual ~Target() = default;
  /// Most records one call of this route and operation may carry; 1 = no batches.
  [[nodiscard]] virtual std::size_t batch_limit(RouteIndex route, Operation operation) const = 0;
  [[nodiscard]] virtual std::uint64_t batch_bytes(RouteIndex route) const = 0;
  /// Starts one call. Its answers come later, from within the loop's turn, through the function given at construction:
  /// one for every attempt, exactly once, in any order, also when the shipment is cut off by `abandon`.
  virtual void start(Shipment shipment) = 0;
  /// Asks the system whether it is there, without a record. False if it has no way to ask: then a waiting record is the
  /// probe.
  virtual bool probe(std::function<void(const Answer&)> done) = 0;
  /// Sends somebody's request with our credentials; `request.url` is a path below the system's address. `done` is
  /// called once: at once, in a later turn, or from `abandon`. Systems without HTTP have nothing to lend.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): those that send it keep both
  virtual void lend(HttpRequest request, LoanDone done) {
    (void)request;
    done({.status = 501, .problem = "the target cannot be called"});
  }
  /// Ends every call at once (shutdown, lost lease): they are answered with `network`, and maybe_in_effect where the
  /// request was sent, before this returns. Answers found within `start` still come in the next turn.
  virtual void abandon() = 0;
};

using Answered = std::function<void(std::vector<Answer> answers)>;

}  // namespace tandem
