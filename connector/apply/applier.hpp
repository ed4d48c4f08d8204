#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "apply/merge.hpp"
#include "config/settings.hpp"
#include "mapping/mapping.hpp"
#include "model/state.hpp"
#include "postgres/connection.hpp"
#include "store/parked.hpp"

namespace tandem {

/// A pending row of tandem.inbox.
struct InboxRecord {
  std::int64_t counter = 0;
  std::string record_id, request_type, operation, remote_id, object_id, version, body;
  const SourceSettings* source = nullptr;
  int attempts = 0;
  std::chrono::milliseconds age{0};
};

/// Applies one record of the inbox: the CRM's row, identity, agreed image, the outbox's own records of the object and
/// the settlement are one transaction. docs/both-ways.md is the reference.
class Applier {
 public:
  /// `settings` must outlive this.
  Applier(const Settings& settings, store::Fence fence);

  /// Looks the watched tables up; once for each session, which must have the database's own search_path.
  [[nodiscard]] Status prepare(postgres::Connection& session);

  enum class End : std::uint8_t { settled, parked };
  /// Fails only where nothing can be said about the record: the session is lost, or another connector has taken over.
  [[nodiscard]] Result<End> apply(postgres::Connection& session, const InboxRecord& record);

 private:
  using Columns = std::map<std::string, std::string, std::less<>>;  ///< JSON tokens by column
  struct Table {
    std::string relation;
    std::vector<std::string> key;
  };
  struct Route {
    const RouteSettings* settings;
    Mapping mapping;
  };
  struct Lane {
    bool in_flight = false, unsettled = false, just_written = false, forced = false;
    /// waiting: counters as bigint[] text; version: theirs, that was applied last; written: what our last write got
    std::string waiting, image, version, written;
  };
  /// Everything about one record while its transaction is open.
  struct Turn {
    postgres::Connection& session;
    const InboxRecord& record;
    const Route* route = nullptr;
    const Table* table = nullptr;
    std::string object_id{}, remote_id{};
    bool known = false;  ///< the pair is
    Lane lane{};
  };
  struct Missing {
    std::string type, id;
  };

  [[nodiscard]] Result<End> attempt(postgres::Connection& session, const InboxRecord& record);
  [[nodiscard]] Result<End> decide(Turn& turn);
  [[nodiscard]] Result<End> write(Turn& turn);
  [[nodiscard]] Result<End> remove(Turn& turn);
  [[nodiscard]] Result<End> insert(Turn& turn, const Columns& theirs);
  [[nodiscard]] Result<End> update(Turn& turn, const Columns& row, const Columns& theirs);
  [[nodiscard]] Result<End> give_up(postgres::Connection& session, const InboxRecord& record, const Error& error);

  [[nodiscard]] Result<Columns> columns_of(Turn& turn, const Inverse& inverse, Missing& missing);
  [[nodiscard]] Result<std::string> find_by(Turn& turn, const Columns& theirs);
  [[nodiscard]] Result<Columns> lock_row(Turn& turn);
  [[nodiscard]] Status read_lane(Turn& turn);
  [[nodiscard]] Status change_row(Turn& turn, const std::vector<std::string>& names, const Columns& values);
  [[nodiscard]] Status note_conflict(Turn& turn, const std::string& agreed, const std::string& ours,
                                     const std::string& theirs, const std::vector<std::string>& fields);
  [[nodiscard]] Status agree(Turn& turn, const std::string& image, bool unsettled);
  [[nodiscard]] Status pair(Turn& turn);
  [[nodiscard]] Status unpair(Turn& turn);
  [[nodiscard]] Status supersede(Turn& turn);
  [[nodiscard]] Status follow(Turn& turn);
  [[nodiscard]] Result<End> settle(postgres::Connection& session, const InboxRecord& record, Outcome outcome,
                                   std::string_view error_code, const std::string& description,
                                   const std::string& object_id = {});
  [[nodiscard]] Result<End> settle(Turn& turn, Outcome outcome, std::string_view error_code = {},
                                   const std::string& description = {});
  [[nodiscard]] Result<End> park(postgres::Connection& session, const InboxRecord& record,
                                 std::chrono::milliseconds wait, std::string_view reason, std::string_view error_code,
                                 const std::string& description, int attempts);
  [[nodiscard]] Result<End> wait_or_fail(Turn& turn, std::string_view reason, std::string_view error_code,
                                         const std::string& description);
  [[nodiscard]] std::string key_of(const Table& table, const Columns& row) const;
  [[nodiscard]] std::string key_object(const Table& table, const std::string& object_id) const;
  [[nodiscard]] std::string where(Turn& turn, std::string_view parameter) const;

  const Settings& settings_;
  const store::Fence fence_;
  std::vector<Route> routes_;
  std::map<std::string, Table, std::less<>> tables_;  ///< by watch
};

}  // namespace tandem
