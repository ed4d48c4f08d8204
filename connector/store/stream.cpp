#include "store/stream.hpp"

#include <array>
#include <span>

#include "store/queries.hpp"

namespace tandem::store {
namespace {

using postgres::Param;

Lsn lsn(const postgres::Rows& rows, int row, int column) {
  return parse_lsn(rows.text(row, column)).value_or(Lsn{});
}

}  // namespace

Result<StreamPlan> read_stream(postgres::Connection& session, const std::string& connector) {
  const std::array params{Param(connector)};
  auto stream = session.run(queries::stream, params);
  if (!stream) return tl::unexpected(std::move(stream.error()));
  StreamPlan plan;
  if (stream->size() == 0) return plan;
  plan.slot = stream->text(0, 0);
  plan.plugin = stream->text(0, 1);
  plan.system_id = stream->text(0, 2);
  plan.position = {lsn(*stream, 0, 3), lsn(*stream, 0, 4), lsn(*stream, 0, 5), static_cast<int>(stream->number(0, 6))};
  plan.old = stream->flag(0, 7);
  plan.mark = stream->text(0, 8);
  auto rows = session.run(queries::stream_watches, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  for (int i = 0; i < rows->size(); ++i) {
    StreamWatch watch;
    watch.watch = rows->text(i, 0);
    watch.schema = rows->text(i, 1);
    watch.table = rows->text(i, 2);
    watch.columns = rows->texts(i, 3);
    watch.key = rows->texts(i, 4);
    watch.partitioned = rows->flag(i, 5);
    watch.since = lsn(*rows, i, 6);
    watch.comparing = rows->text(i, 7) == "comparing";
    watch.pending = rows->text(i, 7) != "current";
    watch.latest_through = lsn(*rows, i, 8);
    watch.function = rows->text(i, 9);
    plan.watches.push_back(std::move(watch));
  }
  return plan;
}

Result<StreamSlot> read_stream_slot(postgres::Connection& session, const std::string& slot,
                                    const std::string& application) {
  const std::array params{Param(slot), Param(application)};
  auto rows = session.run(queries::stream_slot, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  StreamSlot found;
  if (rows->size() == 0) return found;
  found.exists = true;
  found.plugin = rows->text(0, 0);
  found.foreign = rows->flag(0, 1);
  found.active = rows->flag(0, 2);
  found.ours = rows->flag(0, 3);
  found.lost = rows->flag(0, 4);
  found.confirmed = lsn(*rows, 0, 5);
  found.retained = static_cast<std::uint64_t>(std::max<std::int64_t>(rows->number(0, 6), 0));
  return found;
}

postgres::Statement hold_fence(const std::string& connector, Epoch epoch) {
  return {queries::hold_fence, {Param(connector), Param(epoch)}, postgres::Format::text};
}

postgres::Statement wait_until_visible(const std::vector<std::int64_t>& transactions) {
  return {{"stream visible", "select tandem.wait_until_visible($1::bigint[])"},
          {Param::array(std::span<const std::int64_t>(transactions))},
          postgres::Format::text};
}

postgres::Statement stand_in_stream(const std::string& connector, std::int64_t number) {
  return {{"stream place", "select tandem.stand_in_stream($1, $2::bigint)"},
          {Param(connector), Param(number)},
          postgres::Format::text};
}

postgres::Statement write_position(const std::string& connector, std::optional<std::int64_t> behind,
                                   const StreamPosition& was, const StreamPosition& becomes) {
  postgres::Statement statement{
      queries::stream_position, {Param(connector), behind ? Param(*behind) : Param()}, postgres::Format::text};
  for (const StreamPosition& at : {was, becomes})
    for (Param& param : std::array{Param(to_string(at.through)), Param(to_string(at.commit)),
                                   Param(to_string(at.change)), Param(at.ordinal)})
      statement.params.push_back(std::move(param));
  return statement;
}

}  // namespace tandem::store
