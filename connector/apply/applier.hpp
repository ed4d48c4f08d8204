#pragma once
#include <chrono>
#include <cstddef>
#include <map>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "apply/apply_transaction.hpp"
#include "apply/beside.hpp"
#include "apply/bookkeeping.hpp"
#include "apply/crm_table.hpp"
#include "apply/inbox_record.hpp"
#include "apply/lane_line.hpp"
#include "apply/round.hpp"
#include "apply/turn.hpp"
#include "config/settings.hpp"
#include "postgres/connection.hpp"
#include "store/parked.hpp"

namespace tandem {

/// Applies records of the inbox: the CRM's row, identity, agreed image, the outbox's own records of the object and the
/// settlement of a record are in one transaction, which many records share. They are taken in rounds: what is read and
/// what is kept of a whole round is a fixed number of statements, and only the CRM's rows are written one by one, where
/// it could tell the difference. Where a record fails, the transaction is taken back and its records are applied in
/// halves, until the one that fails stands alone. What becomes of a record is decided in apply/decision.hpp.
class Applier {
 public:
  /// `settings` must outlive this.
  Applier(const Settings& settings, store::Fence fence);

  /// Looks the watched tables up; once for each session, which must have the database's own search_path.
  [[nodiscard]] Status prepare(postgres::Connection& session);
  /// The tables may have been altered: now and then.
  [[nodiscard]] Status learn_tables(postgres::Connection& session);
  /// The session has been asked so many different things that a new one is cheaper.
  [[nodiscard]] bool wants_new_session() const;

  /// Records of one source, by counter. `line`: what stands behind a parked record is passed over. Fails only where
  /// nothing can be said about a record: the session is lost, or another connector has taken over. At a stop it ends
  /// behind the transaction that is open: where each record waits for a lock, all of them can take minutes.
  [[nodiscard]] Status apply(postgres::Connection& session, std::span<const InboxRecord> records, LaneLine& line,
                             const std::stop_token& stop);

  /// How far a transaction has come that is to be committed.
  struct Ready {
    std::size_t taken = 0;  ///< of the records
    std::chrono::milliseconds took{0};
    RowMarks rows{};
  };
  /// The same while other transactions are open, `before` of which will commit first: all but the commit, in the one
  /// transaction. Fails where anything is met that they might have to do with.
  [[nodiscard]] Result<Ready> apply_beside(postgres::Connection& session, ApplyTransaction& transaction,
                                           std::span<const InboxRecord> records, const ToldBefore& before);

 private:
  /// Null: no other transaction is open.
  using Before = const ToldBefore*;
  [[nodiscard]] Result<std::size_t> attempt(postgres::Connection& session, std::span<const InboxRecord> records,
                                            LaneLine& line);
  [[nodiscard]] Result<Ready> work(postgres::Connection& session, ApplyTransaction& transaction,
                                   std::span<const InboxRecord> records, LaneLine& line, Before before);
  [[nodiscard]] Status apply_alone(postgres::Connection& session, const InboxRecord& record, LaneLine& line);
  [[nodiscard]] Status run(postgres::Connection& session, const ApplyTransaction& transaction,
                           const std::string& target, Round& round, Before before);
  [[nodiscard]] static Status write_all(postgres::Connection& session, const ApplyTransaction& transaction,
                                        Round& round);
  [[nodiscard]] std::vector<ApplyRoute>::iterator route_of(const InboxRecord& record);
  void route_all(std::span<Turn> turns);
  [[nodiscard]] Status keep(postgres::Connection& session, const std::string& target, std::span<const Turn> turns);

  const Settings& settings_;
  const store::Fence fence_;
  std::vector<ApplyRoute> routes_;
  std::map<std::string, CrmTable, std::less<>> tables_;  ///< by watch
  RoundSize size_;
  KeysUsed keys_used_ = KeysUsed::once;  ///< until it has turned out otherwise
};

}  // namespace tandem
