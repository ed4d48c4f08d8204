#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apply/columns.hpp"
#include "apply/inbox_record.hpp"
#include "config/settings.hpp"
#include "model/error.hpp"
#include "model/state.hpp"

/// What becomes of a record of the inbox, given what has been read about its object. Pure; docs/both-ways.md is the
/// reference. The applier reads, asks here, and does what it is told:
///
///     pair read ─► meet ─► settled | parked | go_on
///     body read ─► place ─► insert, where the object is unknown | go_on: row and lane are locked and read
///     ─► write_over or remove ─► settled | parked | insert | update | erase | soft_delete ─► row read again ─►
///     end_write
namespace tandem {

/// Why a record is parked. One that waits for its object lets the create of that object pass, and nothing else does.
enum class Waits : std::uint8_t { lane, outcome, parent, object, fetch, log, retry };
[[nodiscard]] std::string_view word(Waits reason);

struct Step {
  enum class Then : std::uint8_t { go_on, settle, park, insert, update, erase, soft_delete } then = Then::go_on;
  struct Agreed {
    std::string image;
    bool unsettled = false;  ///< what they have is not known for sure
  };
  struct Conflict {
    std::string agreed, ours, theirs;  ///< empty: there is none
    std::vector<std::string> fields;
    ConflictPolicy policy = ConflictPolicy::merge;  ///< that has decided it, or manual
  };

  static constexpr std::string_view changed_by_the_crm = "the CRM has changed it on its way";  ///< of those that answer

  // settle; after insert, update, erase and soft_delete it is the end that is meant
  Outcome outcome = Outcome::applied;
  std::string error_code, description;
  // park
  Waits reason = Waits::lane;
  std::chrono::milliseconds wait{0};
  int attempts = 0;
  struct Seen {
    std::string place, hash;  ///< in the log, and of the row: empty where it is gone
  } seen{};                   ///< of a record that waits for the log
  // what is written with it, in this order
  std::optional<Conflict> conflict;
  bool supersede = false;  ///< our records of the object that were never sent: their values are merged
  bool pair = false, unpair = false;
  std::vector<std::string> take;  ///< update: columns that get their value
  std::optional<Agreed> agree;
  bool follow = false;    ///< the row as it is goes to them
  bool answers = false;   ///< … only since the CRM has changed what they wrote
  bool resolved = false;  ///< a person's decision for theirs has taken effect
};

/// What is known of the pair that a record is about.
struct PairFacts {
  bool known = false;
  std::string paired_with;        ///< their id of the known object
  bool deleted = false;           ///< a pair with this id has ended
  bool creating = false;          ///< a create of ours of this type, announced before the record came, is not answered
  bool deleted_there = false;     ///< by their word, not by ours
  std::string deleted_version{};  ///< theirs, where that was told
};

/// What goes the other way, and what both sides last had.
struct LaneFacts {
  bool in_flight = false, waiting = false;
  bool unsettled = false, just_written = false, forced = false, paired = false;
  /// image: the agreed one; version: theirs, that was applied last; written: what our last write got
  std::string image, version, written;
  std::int64_t agreed_id = 0;  ///< of the image; 0: there is none
};

/// The change that a record tells of, beside the row that it is about.
struct Meeting {
  const RouteSettings& route;
  const InboxRecord& record;
  const LaneFacts& lane;
  bool known = false;               ///< there is a pair
  const Columns* row = nullptr;     ///< ours; null where it is gone
  const Columns* theirs = nullptr;  ///< their values, as the database prints them for our columns
  const Columns* agreed = nullptr;  ///< the agreed image's
  const std::vector<std::string>* key = nullptr;
  bool theirs_newer = false;  ///< decides `newest`
};

/// The row is there, and marked as deleted.
[[nodiscard]] bool is_softly_deleted(const ApplySettings& apply, const Columns& row);
/// A row that is written again although it was marked as deleted: into `theirs` and `step` goes that it no longer is.
void revive(const ApplySettings& apply, const Columns& row, Columns& theirs, Step& step);
[[nodiscard]] Step meet(const RouteSettings& route, const InboxRecord& record, const PairFacts& pair);
/// `object_known`: the pair, or their key or a natural key, names a row.
[[nodiscard]] Step place(const RouteSettings& route, const InboxRecord& record, bool object_known);
[[nodiscard]] Step wait_for_parent(const RouteSettings& route, const InboxRecord& record, const std::string& type,
                                   const std::string& id);
/// Something of the object goes the other way, and ends.
[[nodiscard]] Step wait_for_lane(const InboxRecord& record);
/// A session of the CRM holds the object's row. Nothing is waited for while other rows are held, so it comes again.
[[nodiscard]] Step wait_for_row(const RouteSettings& route, const InboxRecord& record);
/// The stream of its table may not have captured everything that made the row as it was `seen`; `waited`: for this.
[[nodiscard]] Step wait_for_log(const RouteSettings& route, const InboxRecord& record, std::chrono::milliseconds waited,
                                Step::Seen seen);
[[nodiscard]] Step not_routed();
[[nodiscard]] Step unreadable(std::string description);
/// Their key names an object that has another partner.
[[nodiscard]] Step paired_otherwise(const std::string& object_id);
/// A trigger of the CRM has skipped the insert.
[[nodiscard]] Step not_let_in();
[[nodiscard]] Step write_over(const Meeting& meeting);
[[nodiscard]] Step remove(const Meeting& meeting);
/// Does something go back? `before`, `now`: the row, empty where there was none, and as the CRM's triggers have left
/// it.
[[nodiscard]] Step end_write(Step step, const RouteSettings& route, const Columns& before, const Columns& now,
                             const Columns& theirs);
/// What the database said, against the record or against us.
/// `route`: null where there is none.
[[nodiscard]] Step after_error(const RetrySettings& retry, const RouteSettings* route, const InboxRecord& record,
                               const Error& error);
/// May be tried again at once: nobody is to blame.
[[nodiscard]] bool is_collision(const Error& error);
[[nodiscard]] tl::unexpected<Error> collision(std::string message);
[[nodiscard]] tl::unexpected<Error> another_has_taken_over();

}  // namespace tandem
