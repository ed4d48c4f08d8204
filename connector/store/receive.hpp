#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/error.hpp"
#include "model/identifiers.hpp"
#include "postgres/connection.hpp"

namespace tandem::store {

/// One change that a source tells of, as it goes into tandem.inbox.
struct Incoming {
  std::string request_type;      ///< the route's word
  std::string operation;         ///< create, update or delete
  std::string remote_id;         ///< theirs; empty = not told
  std::string object_id;         ///< ours; empty = not told
  std::string body;              ///< JSON object; empty = only the id is known
  std::string version;           ///< theirs; empty = not told
  std::string source_record_id;  ///< unique at the source: a second one is passed over
  std::string trace_context;     ///< W3C traceparent, or empty
  Counter counter;               ///< drawn by the transaction that stores it; 0: it is drawn as it is stored
  std::string place;             ///< where it stands at the source, should it have to be refused

  /// It is no change, but tells what has become of one of our records: a uuid. Of the above remote_id,
  /// source_record_id, trace_context and place are told as well.
  std::string confirms;
  bool failed = false;
  std::string error;  ///< why, in their words
};

/// What a source has said and nobody can take, as it goes into tandem.refused.
struct Refused {
  std::string place;   ///< where it stands at the source
  std::string reason;  ///< never a secret
};

/// How far a source has been read: from a position that is stored to the next one. JSON; empty = none yet.
struct Move {
  std::string from, to;
};

struct Received {
  std::size_t fresh = 0;      ///< changes that had not come before
  std::size_t confirmed = 0;  ///< records that waited for it
  std::size_t surplus = 0;    ///< confirmations that nothing waits for
  bool moved = true;          ///< false: the stored position was another one, and nothing was stored
};

/// Writes records, refusals and the source's position in one transaction. `refused`: one of the records cannot be
/// stored, for example a body with a NUL character, and nothing was.
[[nodiscard]] Result<Received> receive(postgres::Connection& session, const std::string& source,
                                       std::span<const Incoming> records, std::span<const Refused> refused = {},
                                       const std::optional<Move>& move = std::nullopt);
/// What becomes of a record that has come before. To expect none is a fifth cheaper: one that comes all the same is a
/// unique_violation, and nothing is stored.
enum class Repeats : std::uint8_t { passed_over, not_expected };
/// The same in parts, between which the caller does something else: what is to be sent, and the answer to it.
[[nodiscard]] std::vector<postgres::Statement> receiving(const std::string& source, std::span<const Incoming> records,
                                                         std::span<const Refused> refused,
                                                         const std::optional<Move>& move, Repeats repeats);
[[nodiscard]] Result<Received> finish_received(postgres::Connection& session, bool moves);
/// Begins a transaction that draws its xid and then so many counters, so that what another one draws afterwards is
/// stored behind them, however long either of them takes. `waits`: it may be idle for as long as another haul takes.
[[nodiscard]] std::vector<postgres::Statement> drawing(std::size_t counters, bool waits);
[[nodiscard]] Result<std::vector<std::int64_t>> finish_drawing(postgres::Connection& session, std::size_t counters);
/// The same where some of the records may be such: these alone go to tandem.refused, and all the others are stored.
[[nodiscard]] Result<Received> receive_what_fits(postgres::Connection& session, const std::string& source,
                                                 std::span<const Incoming> records, std::span<const Refused> refused,
                                                 const Move& move);

/// A record has come before.
[[nodiscard]] bool is_repeat(const Error& error);
/// Whether the records themselves are at fault.
[[nodiscard]] bool of_the_records(const Error& error);

/// Their ids of paired objects that a complete list, begun `took` ago, does not hold, and how many are paired in all.
struct Missing {
  std::vector<std::string> remote_ids;
  std::size_t known = 0;
};
[[nodiscard]] Result<Missing> missing_of(postgres::Connection& session, const std::string& target,
                                         const std::string& request_type, std::span<const std::string> listed,
                                         std::chrono::seconds took);

/// What the database says of a source that tandem reads.
struct SourceStanding {
  std::string position;  ///< empty = none yet
  bool paused = false;
};
[[nodiscard]] Result<SourceStanding> standing_of(postgres::Connection& session, const std::string& source);

}  // namespace tandem::store
