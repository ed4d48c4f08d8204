#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apply/crm_table.hpp"
#include "apply/decision.hpp"
#include "apply/inbox_record.hpp"
#include "apply/lane_line.hpp"
#include "config/settings.hpp"
#include "mapping/mapping.hpp"
#include "postgres/connection.hpp"
#include "store/parked.hpp"

namespace tandem {

/// Applies records of the inbox: the CRM's row, identity, agreed image, the outbox's own records of the object and the
/// settlement of a record are in one transaction, which many records share. Where one of them fails, the transaction is
/// taken back and its records are applied in halves, until the one that fails stands alone. What becomes of a record is
/// decided in apply/decision.hpp.
class Applier {
 public:
  /// `settings` must outlive this.
  Applier(const Settings& settings, store::Fence fence);

  /// Looks the watched tables up; once for each session, which must have the database's own search_path.
  [[nodiscard]] Status prepare(postgres::Connection& session);
  /// The session has been asked so many different things that a new one is cheaper.
  [[nodiscard]] bool wants_new_session() const;

  /// Records of one source, by counter. `line`: what stands behind a parked record is passed over. Fails only where
  /// nothing can be said about a record: the session is lost, or another connector has taken over.
  [[nodiscard]] Status apply(postgres::Connection& session, std::span<const InboxRecord> records, LaneLine& line);

 private:
  struct Route {
    const RouteSettings* settings;
    Mapping mapping;
  };
  /// Everything about one record while its transaction is open.
  struct Turn {
    postgres::Connection& session;
    const InboxRecord& record;
    const Route* route = nullptr;
    CrmTable* table = nullptr;
    std::string object_id{}, remote_id{};
    bool known = false;  ///< the pair is
    LaneFacts lane{};
    std::string waiting{};   ///< counters of our records that were never sent, as bigint[] text
    std::string snapshot{};  ///< in which the lane was read
    Columns row{};           ///< empty where it is gone
  };
  /// Rows that a transaction has changed, of one target.
  struct Changed {
    std::vector<std::string> types, object_ids, snapshots;
  };
  struct Missing {
    std::string type, id;
  };

  [[nodiscard]] Result<std::size_t> attempt(postgres::Connection& session, std::span<const InboxRecord> records,
                                            LaneLine& line);
  [[nodiscard]] Status apply_alone(postgres::Connection& session, const InboxRecord& record, LaneLine& line);
  [[nodiscard]] Result<Step> decide(Turn& turn);
  [[nodiscard]] Result<Step> write(Turn& turn);
  [[nodiscard]] Result<Step> remove(Turn& turn);
  [[nodiscard]] Result<Step> carry_out(Turn& turn, Step step, const Columns& theirs);
  [[nodiscard]] Result<PairFacts> read_pair(Turn& turn, bool& pending);
  [[nodiscard]] Status read_lane(Turn& turn);
  [[nodiscard]] Result<Columns> read_columns(Turn& turn, const Inverse& inverse, Missing& missing);
  [[nodiscard]] Result<Columns> read_agreed(Turn& turn);
  [[nodiscard]] Result<bool> theirs_newer(Turn& turn);
  [[nodiscard]] Result<std::string> find_by(Turn& turn, const Columns& theirs);
  [[nodiscard]] static Status send_what_came_late(postgres::Connection& session, const std::string& target,
                                                  const Changed& changed);
  [[nodiscard]] Status record_end(Turn& turn, const Step& step);

  const Settings& settings_;
  const store::Fence fence_;
  std::vector<Route> routes_;
  std::map<std::string, CrmTable, std::less<>> tables_;  ///< by watch
};

}  // namespace tandem
