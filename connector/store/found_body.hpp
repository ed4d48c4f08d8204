#pragma once
#include <cstdint>
#include <string>

#include "mapping/mapping.hpp"
#include "model/record.hpp"

namespace tandem {

/// A record whose row is to be read again before its attempt.
struct WantedBody {
  Counter counter;
  RecordId record_id;
  RouteIndex route = no_route;
  std::string object_id;
  Xid xid;
  std::size_t bytes = 0;  ///< of its body, where a window has brought it; 0: not known
};

/// What one snapshot says about a wanted record and all that its attempt needs.
struct FoundBody {
  Counter counter;
  enum class Found : std::uint8_t {
    pending,
    settled,      ///< meanwhile, by a person: drop it
    gone,         ///< the server has lost the row, or somebody deleted it: drop it
    not_visible,  ///< its transaction is still in progress for this snapshot: ask again
    waits,        ///< for a changed key that has to leave its key first, or for what such a one waits for: ask again
  } found = Found::pending;
  std::int32_t attempts = 0;
  std::string body;  ///< image, or the live row for `latest`; empty with `live_row_gone` for a deleted row
  bool live_row_gone = false;
  /// What a source has said of the record (routes with settle_on: confirmed).
  enum class Confirmation : std::uint8_t { none, succeeded, failed } confirmation = Confirmation::none;
  std::string confirmed_with;       ///< failed: their words
  std::string confirmed_remote_id;  ///< succeeded: the object's id there, where they told it
  bool latest = false;              ///< the body is the live row
  bool outside = false;             ///< and that does not fulfil `when` (asked for routes whose objects are touched)
  bool overtaken = false, image_pending = false;  ///< docs/protocol.md, rules 11 and 9
  std::string remote_id;                          ///< identity, or empty
  bool identity_pending = false;                  ///< a create was sent and not answered
  std::string agreed_image;                       ///< empty: unknown
  bool agreed_unsettled = false;
  Lookups lookups;  ///< refs and sql fields
  bool behind_failed =
      false;  ///< the object has a failed record with a lower counter (read for routes with on_failure: block)
  std::int32_t unanswered = 0;  ///< attempt rows of this record that were opened by a careful start and never closed
  // Of a changed key (rekey):
  std::string old_object_id, old_remote_id;
  bool key_is_taken = false;     ///< the new key is paired with an object that does not leave it
  bool old_key_is_free = false;  ///< the route addresses objects by key, and the one with the old key has to go
  std::string sql_error;         ///< an sql field that the database could not evaluate: field and its words
};

/// Bytes of memory that it counts against its target's room: the attempt and its settlement copy its texts.
[[nodiscard]] inline std::size_t footprint(const FoundBody& found) {
  return sizeof(FoundBody) + 2 * (found.body.size() + found.agreed_image.size());
}

}  // namespace tandem
