#include "store/receive.hpp"

#include <array>
#include <vector>

#include "store/queries.hpp"

namespace tandem::store {

Result<std::size_t> receive(postgres::Connection& session, const std::string& source, std::span<const Incoming> records,
                            const std::optional<std::string>& position) {
  using postgres::Param;
  std::array<std::vector<std::string>, 8> columns;
  for (auto& column : columns) column.reserve(records.size());
  for (const Incoming& record : records) {
    columns[0].push_back(record.request_type);
    columns[1].push_back(record.operation);
    columns[2].push_back(record.remote_id);
    columns[3].push_back(record.object_id);
    columns[4].push_back(record.body);
    columns[5].push_back(record.version);
    columns[6].push_back(record.source_record_id);
    columns[7].push_back(record.trace_context);
  }
  std::vector<Param> params{Param(source)};
  for (const auto& column : columns) params.push_back(Param::nullable_array(std::span<const std::string>(column)));
  params.push_back(position ? Param(*position) : Param());
  auto rows = session.run(queries::receive, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  return static_cast<std::size_t>(rows->number(0, 0));
}

}  // namespace tandem::store
