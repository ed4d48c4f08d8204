#include "store/window.hpp"

#include <limits>

#include "store/queries.hpp"
#include "store/record_row.hpp"

namespace tandem::store {
namespace {

constexpr RecordColumns columns{.counter = 0,
                                .xid = 1,
                                .target = 2,
                                .record_id = 3,
                                .request_type = 4,
                                .object_id = 5,
                                .operation = 6,
                                .state = 7,
                                .error_code = 8,
                                .attempts = 9,
                                .date_time = 10,
                                .has_body = 11,
                                .description = 13,
                                .trace_context = 14,
                                .body = 12};

}  // namespace

Result<WindowAnswer> read_window(postgres::Connection& session, const RouteTable& table,
                                 const WindowQuestion& question) {
  std::vector<std::optional<std::string>> wanted(table.targets().size());
  for (std::size_t target = 0; target < wanted.size(); ++target)
    if (question.wanted[target]) wanted[target] = table.targets()[target];
  std::vector<std::int64_t> first, last;
  first.reserve(question.gaps.size());
  last.reserve(question.gaps.size());
  for (const auto& gap : question.gaps) {
    first.push_back(gap.first.value);
    last.push_back(gap.last.value);
  }
  const auto through = question.through ? question.through->value : std::numeric_limits<std::int64_t>::max();

  using postgres::Param;
  const std::array params{Param::nullable_array(wanted),
                          Param(question.after),
                          Param(static_cast<std::int64_t>(question.rows)),
                          Param::array(first),
                          Param::array(last),
                          Param(through),
                          Param(static_cast<std::int64_t>(question.body_bytes)),
                          question.alone ? Param(table.targets()[*question.alone]) : Param()};
  auto rows = session.run(queries::window, params, postgres::Format::binary);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->size() == 0 || !rows->null(0, columns.counter))
    return fail(ErrorKind::internal, "a window came without its header row");

  WindowAnswer answer;
  answer.xmin = Xid{rows->number(0, columns.xid)};
  answer.seen.reserve(static_cast<std::size_t>(rows->size()) - 1);
  answer.records.resize(table.targets().size());
  for (int row = 1; row < rows->size(); ++row) {
    answer.seen.push_back(Counter{rows->number(row, columns.counter)});
    if (rows->null(row, columns.target)) continue;
    const auto target = static_cast<TargetIndex>(rows->number(row, columns.target));
    answer.records[target].push_back(record_of(*rows, row, columns, table, target));
  }
  return answer;
}

}  // namespace tandem::store
