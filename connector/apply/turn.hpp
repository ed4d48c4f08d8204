#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "apply/crm_table.hpp"
#include "apply/decision.hpp"
#include "apply/inbox_record.hpp"
#include "config/settings.hpp"
#include "mapping/mapping.hpp"

namespace tandem {

/// A route that applies, with its mapping prepared.
struct ApplyRoute {
  const RouteSettings* settings;
  Mapping mapping;
};

/// A body of theirs, read backwards.
struct Told {
  Columns columns{};                          ///< values as the database prints them for our columns
  Columns asked{};                            ///< those that only the database can tell
  std::vector<Inverse::Column> references{};  ///< still to be looked up
  std::string fault{};                        ///< why the mapping cannot read it
};

/// Everything about one record while its transaction is open. The fields are filled in this order.
struct Turn {
  const InboxRecord* record = nullptr;
  std::size_t position = 0;           ///< among the records that the round was given
  const ApplyRoute* route = nullptr;  ///< null: no route takes it
  CrmTable* table = nullptr;          ///< null: the route's watch is not known
  Told told{};
  bool pending = false;  ///< false: a person has settled it meanwhile
  PairFacts pair{};
  std::string object_id{}, remote_id{};
  int partners = -1;  ///< free rows that the natural key has found; -1: it was not asked
  Columns theirs{};
  CrmTable::Version version{};  ///< of the row that is locked
  Columns row{};                ///< empty where it is gone
  LaneFacts lane{};
  std::vector<std::int64_t> waiting{};  ///< counters of our records that were never sent
  std::string snapshot{};               ///< in which the lane was read
  Columns agreed{};
  bool theirs_newer = false;
  bool fresh = false;  ///< the row has been inserted, under a key that nobody had named
  Step step{};

  [[nodiscard]] bool undecided() const { return step.then == Step::Then::go_on; }
  [[nodiscard]] bool deletes() const { return record->operation == "delete"; }
};

}  // namespace tandem
