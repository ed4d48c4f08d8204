#include "store/poll.hpp"

#include <array>

#include "store/queries.hpp"
#include "store/stream.hpp"

namespace tandem::store {

using postgres::Param;

Result<std::vector<PollWatch>> read_poll_watches(postgres::Connection& session, const std::string& connector) {
  const std::array params{Param(connector)};
  auto rows = session.run(queries::poll_watches, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  std::vector<PollWatch> watches;
  for (int i = 0; i < rows->size(); ++i) {
    PollWatch& watch = watches.emplace_back();
    watch.watch = rows->text(i, 0);
    watch.fresh = rows->flag(i, 1);
    if (!rows->null(i, 2)) watch.age_seconds = rows->number(i, 2);
  }
  return watches;
}

Result<PollStep> poll_step(postgres::Connection& session, const std::string& connector, Epoch epoch,
                           const std::string& watch) {
  const std::array<postgres::Statement, 2> statements{
      hold_fence(connector, epoch), postgres::Statement{queries::poll_step, {Param(watch)}, postgres::Format::text}};
  auto rows = session.run(std::span<const postgres::Statement>(statements));
  if (!rows) return tl::unexpected(std::move(rows.error()));
  const postgres::Rows& row = rows->at(1);
  PollStep step;
  step.gone = row.null(0, 0);
  if (step.gone) return step;
  step.fresh = row.text(0, 0) == "new";
  step.wait_ms = row.number(0, 1);
  step.written = row.number(0, 2);
  if (!row.null(0, 3)) step.compared = row.number(0, 3);
  return step;
}

}  // namespace tandem::store
