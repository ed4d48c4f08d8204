#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "config/settings.hpp"
#include "mapping/mapping.hpp"
#include "store/found_body.hpp"
#include "target/target.hpp"

/// What the turn of a record comes to, from what memory and the database know of it.
namespace tandem {

/// A record whose turn has come.
struct Upcoming {
  Operation operation = Operation::update;
  std::string_view object_id;
  std::string_view body;             ///< the window's; unused where `found` is given
  const FoundBody* found = nullptr;  ///< null: the window's body is enough
  ErrorClass capture_error = ErrorClass::none;
  std::string_view capture_words;
  bool image = true;  ///< false: the live row is read
  bool retried = false;
  bool attempted = false;               ///< possibly, by an earlier process
  bool newer_pending = false;           ///< memory holds a later record of its lane
  bool newer_image_pending = false;     ///< and one with an image
  bool old_removed = false;             ///< of a changed key: the object with the old one has been removed there
  bool without_parents = false;         ///< references that are not there yet are sent as null
  bool first_may_run = false;           ///< an earlier request to create it may still be running there
  Doubt doubt = Doubt::none;            ///< from this process's own attempts
  bool intended = false;                ///< `identity_pending` is our own and nothing has been sent since
  std::chrono::milliseconds waited{0};  ///< for a parent
  bool awaits = false;                  ///< it has been accepted, and a source has still to confirm it
  std::chrono::milliseconds confirm_in{0};
};

struct AttemptPlan {
  enum class Move : std::uint8_t {
    send,
    settle,  ///< with `outcome`, nothing is sent
    park,
    drop,         ///< the row is settled or gone: leave memory
    ask_again,    ///< no snapshot sees it yet
    wait,         ///< for a changed key: ask again
    confirmed,    ///< delivered
    unconfirmed,  ///< accepted, and not confirmed in time
  } move = Move::send;

  // send
  Operation operation = Operation::update;
  Doubt doubt = Doubt::none;
  bool removes_old = false;  ///< sent first: the object that has the old key of a record with a changed one is removed
  bool intend = false;       ///< identity `pending` must be durable first
  std::string remote_id, body;
  std::string agreed;  ///< the whole body, where the route keeps the agreed image

  bool replaces_old = false;  ///< confirmed: the object had another key before

  // settle
  Outcome outcome = Outcome::delivered;
  ErrorClass error = ErrorClass::none;
  std::string description;
  bool need_retry = false;
  bool follow_with_latest = false;
  bool spent = false;             ///< the attempt that it is the end of counts
  bool forgets_identity = false;  ///< nothing was created

  // park
  std::string reason;
  std::chrono::milliseconds due_in{0};
  std::string parent_type, parent_object_id;
};

/// Attempts are made from the row alone, without reading anything again.
[[nodiscard]] bool window_suffices(const RouteSettings& route);

[[nodiscard]] AttemptPlan plan_attempt(const RouteSettings& route, const TargetSettings& target, const Mapping& mapping,
                                       const Upcoming& record);

/// What is said of a record that the target has taken, or may have.
constexpr std::string_view waits_for_confirmation = "waits for its confirmation";

/// Starts of the connector that one record may end before it fails as `internal`.
constexpr int most_unanswered = 3;

}  // namespace tandem
