#pragma once
#include <span>

#include "apply/turn.hpp"
#include "postgres/connection.hpp"

namespace tandem {

/// Under which settings statements are planned for the rest of the transaction: tandem's own tables are read by their
/// indexes whatever their size was when a plan was made; what the CRM's triggers do is planned as the database says.
enum class Plans { ours, the_databases };
[[nodiscard]] std::vector<postgres::Statement> planned_as(Plans plans);

/// Writes the CRM's rows, where that is what has been decided, in the order of the records; then reads them again as
/// the CRM's triggers have left them. Where it has none, nor anything else on the table that could tell, rows of one
/// kind share a statement. Every turn is settled or parked afterwards. Of a round of several, a row that an
/// earlier record's write has changed is a collision: what was decided about it came too early.
[[nodiscard]] Status write_rows(postgres::Connection& session, std::span<Turn> turns);

}  // namespace tandem
