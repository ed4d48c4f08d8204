#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "model/record.hpp"

namespace tandem {

/// One write about one record. Exactly one of: an outcome (settles it), a park, a note (state 2 and why), or an intent:
/// a note that must be durable before the attempt that it announces. Outcomes, parks and intents are answered by
/// Settled; notes never, and of a note and a later write about the same record only the later one counts.
struct Settlement {
  TargetIndex target = 0;
  Counter counter;
  RecordId record_id;
  Xid xid;  ///< of the record: decides what it means that the row is missing
  LaneHash lane;
  RouteIndex route = no_route;
  std::string object_id;

  enum class Kind : std::uint8_t { outcome, park, note, intent } kind = Kind::outcome;
  Outcome outcome = Outcome::delivered;
  bool need_retry = false;
  ErrorClass error = ErrorClass::none;
  std::string description;
  std::int32_t attempts = 0;  ///< attempts that counted, after this
  int answer_status = 0;
  std::chrono::microseconds duration{0};
  std::optional<std::chrono::milliseconds> due_in;  ///< park: nullopt = until an event
  std::string park_reason;
  bool may_have_been_sent = false;            ///< park: not to be folded when it is taken up again
  std::string parent_type, parent_object_id;  ///< park: wakes when this object has an identity at the target

  struct AttemptRow {  ///< written where the try failed or was not the first
    WallTime started;
    bool counted = true;
    std::int32_t attempt = 1;
    /// A careful start writes the row before the attempt (opened, without duration), and its answer completes it
    /// (closed).
    enum class Phase : std::uint8_t { whole, opened, closed } phase = Phase::whole;
  };
  std::optional<AttemptRow> attempt;

  enum class IdentityWrite : std::uint8_t { none, pending, paired, removed, replaced } identity = IdentityWrite::none;
  std::string remote_id, version;
  enum class AgreedWrite : std::uint8_t { none, image, unsettled, removed } agreed = AgreedWrite::none;
  std::string agreed_image;
  bool follow_with_latest = false;  ///< rule 11: settle and insert a `latest` record in one statement
  bool supersedes_failed =
      false;          ///< delivered: failed records of this object with a lower counter become superseded (4 → 3)
  std::string calls;  ///< delivered: JSON array of the bodies of calls that follow it; empty = none do
  bool write_back = false;  ///< outcome: columns of the CRM's own row tell of it
  bool confirmed = false;   ///< outcome: it is what a source has said of the record, which is used up with that
  bool ensure_parent =
      false;                ///< park: if nothing is known of the parent object, a `latest` record of it is written, too
  bool lane_waits = false;  ///< the lane has more work: flush at once
};

/// The SQL session that reads since a start. While it lives the server has forgotten nothing since then.
struct Reader {
  std::int64_t pid = 0;
  std::int64_t since = 0;  ///< µs since 1970
  bool operator==(const Reader&) const = default;
};

/// No counter of the target up to here is pending, save parked ones. That holds for as long as the reader lives: after
/// a crash or a fail-over records below may be pending again.
struct Floor {
  TargetIndex target = 0;
  Counter counter;
  Reader reader = {};
};

}  // namespace tandem
