#pragma once
#include <string>
#include <vector>

#include "apply/decision.hpp"
#include "apply/inbox_record.hpp"
#include "config/settings.hpp"
#include "postgres/connection.hpp"
#include "store/parked.hpp"

/// What apply writes into tandem's own tables, as statements that are sent together.
namespace tandem {

/// Whom it is about.
struct ApplyPair {
  const RouteSettings& route;
  const std::string& object_id;
  const std::string& remote_id;
  const std::string& version;  ///< of the record
};

[[nodiscard]] postgres::Param or_null(const std::string& text);

/// Conflict, pair, agreed image, superseded records and the record that goes back, as the step says. `waiting`:
/// counters of our records that were never sent, as bigint[] text.
[[nodiscard]] std::vector<postgres::Statement> statements_of(const ApplyPair& pair, const Step& step,
                                                             const std::string& waiting);
/// Both answer in their first column whether the fence still stands.
[[nodiscard]] postgres::Statement settlement(const store::Fence& fence, const InboxRecord& record, const Step& step,
                                             const std::string& object_id);
[[nodiscard]] postgres::Statement parking(const store::Fence& fence, const InboxRecord& record, const Step& step);

}  // namespace tandem
