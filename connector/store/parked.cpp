#include "store/parked.hpp"

#include <array>

#include "store/queries.hpp"
#include "store/record_row.hpp"

namespace tandem::store {
namespace {

constexpr RecordColumns columns{.counter = 1,
                                .xid = 2,
                                .target = 0,
                                .record_id = 3,
                                .request_type = 4,
                                .object_id = 5,
                                .operation = 6,
                                .state = 7,
                                .error_code = 8,
                                .attempts = 9,
                                .date_time = 10,
                                .has_body = 11,
                                .description = 12,
                                .trace_context = 19};
constexpr int retried = 13, reason = 14, waited_ms = 15, overtaken = 16, early_ms = 17, attempted = 18;

constexpr std::int64_t parked_page = 20'000;

NamedLane lane_in(const postgres::Rows& rows, int row, const RouteTable& table) {
  const auto target = static_cast<TargetIndex>(rows.number(row, 0));
  return {target, lane_hash(table.targets()[target], rows.text(row, 1), rows.text(row, 2))};
}

Result<std::vector<NamedLane>> lanes_of(postgres::Connection& session, const RouteTable& table,
                                        const postgres::Query& query) {
  const std::array targets{postgres::Param::array(std::span(table.targets()))};
  auto rows = session.run(query, targets);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  std::vector<NamedLane> lanes;
  lanes.reserve(static_cast<std::size_t>(rows->size()));
  for (int row = 0; row < rows->size(); ++row) lanes.push_back(lane_in(*rows, row, table));
  return lanes;
}

}  // namespace

Result<std::vector<NamedLane>> release_parked(postgres::Connection& session, const RouteTable& table,
                                              const Fence& fence) {
  using postgres::Param;
  const std::array owner{Param(fence.name), Param(fence.epoch)};
  if (auto released = session.run(queries::release_parked, owner); !released)
    return tl::unexpected(std::move(released.error()));
  std::vector<NamedLane> lanes;
  for (std::int64_t after = 0;;) {
    const std::array page{Param::array(std::span(table.targets())), Param(after), Param(parked_page)};
    auto rows = session.run(queries::parked_lanes, page, postgres::Format::binary);
    if (!rows) return tl::unexpected(std::move(rows.error()));
    for (int row = 0; row < rows->size(); ++row) lanes.push_back(lane_in(*rows, row, table));
    if (rows->size() < parked_page) return lanes;
    after = rows->number(rows->size() - 1, 3);
  }
}

Result<std::size_t> wake_resumed(postgres::Connection& session, const RouteTable& table, const Fence& fence,
                                 std::size_t most) {
  using postgres::Param;
  const std::array params{Param(fence.name), Param(fence.epoch), Param::array(std::span(table.targets())),
                          Param(static_cast<std::int64_t>(most))};
  auto rows = session.run(queries::wake_resumed, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  return static_cast<std::size_t>(rows->number(0, 0));
}

Result<std::size_t> wake_confirmed(postgres::Connection& session, const RouteTable& table, const Fence& fence) {
  using postgres::Param;
  const std::array params{Param(fence.name), Param(fence.epoch), Param::array(std::span(table.targets()))};
  auto rows = session.run(queries::wake_confirmed, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  return static_cast<std::size_t>(rows->number(0, 0));
}

Status release_orphans(postgres::Connection& session, const RouteTable& table, const Fence& fence) {
  using postgres::Param;
  const std::array params{Param(fence.name), Param(fence.epoch), Param::array(std::span(table.targets()))};
  if (auto released = session.run(queries::release_orphans, params); !released)
    return tl::unexpected(std::move(released.error()));
  return {};
}

Result<std::vector<NamedLane>> failed_lanes(postgres::Connection& session, const RouteTable& table) {
  return lanes_of(session, table, queries::failed_lanes);
}

Result<std::vector<TakenLane>> take_up(postgres::Connection& session, const RouteTable& table, const Fence& fence,
                                       const std::vector<bool>& wanted) {
  std::vector<std::optional<std::string>> names(table.targets().size());
  for (std::size_t target = 0; target < names.size(); ++target)
    if (wanted[target]) names[target] = table.targets()[target];
  using postgres::Param;
  const std::array params{Param(fence.name), Param(fence.epoch), Param::nullable_array(names)};
  auto rows = session.run(queries::take_up, params, postgres::Format::binary);
  if (!rows) return tl::unexpected(std::move(rows.error()));

  std::vector<TakenLane> lanes;
  for (int row = 0; row < rows->size(); ++row) {
    const auto target = static_cast<TargetIndex>(rows->number(row, columns.target));
    ParkedRecord parked{record_of(*rows, row, columns, table, target),
                        rows->flag(row, retried),
                        rows->flag(row, attempted),
                        rows->flag(row, overtaken),
                        std::string(rows->text(row, reason)),
                        std::chrono::milliseconds{rows->number(row, waited_ms)},
                        std::chrono::milliseconds{rows->number(row, early_ms)}};
    if (lanes.empty() || lanes.back().target != target || lanes.back().lane != parked.record.lane)
      lanes.push_back({target, parked.record.lane, {}});
    lanes.back().records.push_back(std::move(parked));
  }
  return lanes;
}

Result<std::size_t> recover(postgres::Connection& session, const Fence& fence, const std::string& target,
                            std::chrono::seconds age, std::size_t most) {
  using postgres::Param;
  const std::array params{Param(fence.name), Param(fence.epoch), Param(target),
                          Param(static_cast<std::int64_t>(age.count())), Param(static_cast<std::int64_t>(most))};
  auto rows = session.run(queries::recover, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  return static_cast<std::size_t>(rows->number(0, 0));
}

}  // namespace tandem::store
