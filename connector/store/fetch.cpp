#include "store/fetch.hpp"

#include <array>

#include "store/queries.hpp"

namespace tandem::store {
namespace {

using postgres::Param;

Status held(const Result<postgres::Rows>& rows) {
  if (!rows) return tl::unexpected(rows.error());
  if (rows->number(0, 0) == 0) return fail(ErrorKind::fenced, "another connector of our name has taken over");
  return {};
}

}  // namespace

Result<std::vector<FetchDue>> fetches_due(postgres::Connection& session, std::span<const std::string> sources,
                                          std::int64_t most) {
  const std::array params{Param::array(sources), Param(most)};
  auto rows = session.run(queries::fetch_due, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  std::vector<FetchDue> all;
  for (int row = 0; row < rows->size(); ++row) {
    const auto text = [&](int column) { return std::string(rows->text(row, column)); };
    all.push_back({text(0), text(1), text(2), text(3), rows->numbers(row, 4), rows->texts(row, 5),
                   static_cast<int>(rows->number(row, 6)), std::chrono::milliseconds(rows->number(row, 7))});
  }
  return all;
}

Status fetched(postgres::Connection& session, const Fence& fence, const FetchDue& object, const FetchedObject& what) {
  const std::array params{Param(fence.name),
                          Param(fence.epoch),
                          Param::array(std::span<const std::int64_t>(object.counters)),
                          Param::array(std::span<const std::string>(object.record_ids)),
                          Param(what.body),
                          what.version.empty() ? Param() : Param(what.version),
                          Param(what.status)};
  return held(session.run(queries::fetched, params));
}

Status fetch_missed(postgres::Connection& session, const Fence& fence, const FetchDue& object, const Missed& missed) {
  const std::array params{Param(fence.name),
                          Param(fence.epoch),
                          Param::array(std::span<const std::int64_t>(object.counters)),
                          Param::array(std::span<const std::string>(object.record_ids)),
                          missed.again ? Param(static_cast<std::int64_t>(missed.again->count())) : Param(),
                          missed.outcome.empty() ? Param() : Param(missed.outcome),
                          Param(missed.error_code),
                          Param(missed.description),
                          Param(missed.attempts)};
  return held(session.run(queries::fetch_missed, params));
}

}  // namespace tandem::store
