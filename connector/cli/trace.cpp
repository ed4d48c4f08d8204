#include <algorithm>

#include "cli/commands.hpp"
#include "cli/read_session.hpp"
#include "config/quantity.hpp"

namespace tandem::cli {
namespace {

using postgres::Connection;
using postgres::Param;
using enum CellKind;

bool is_uuid(const std::string& text) {
  return parse_record_id(text).has_value();
}

/// The records that the subject names: one by id, or the newest of an object, newest first.
Result<postgres::Rows> find(Connection& session, const TraceOptions& options) {
  const Param filter[] = {options.subject, options.request_type, options.target};
  const std::string columns =
      "select o.counter, o.record_id, o.target, o.request_type, o.object_id from tandem.outbox o where ";
  const std::string narrowed = " and ($2 = '' or o.request_type = $2) and ($3 = '' or o.target = $3) ";
  if (is_uuid(options.subject)) {
    auto rows =
        session.run(columns + "o.counter = tandem.counter_of($1::uuid) and o.record_id = $1::uuid" + narrowed, filter);
    if (!rows || rows->size() > 0) return rows;
  } else if (const auto counter = parse_integer(options.subject); counter && options.request_type.empty()) {
    auto rows = session.run(columns + "o.counter = $1::bigint" + narrowed, filter);
    if (!rows || rows->size() > 0) return rows;
  }
  return session.run(columns +
                         "hashtextextended(o.object_id, 0) = hashtextextended($1::text, 0) and o.object_id = $1::text" +
                         narrowed + "order by o.counter desc limit 20",
                     filter);
}

Result<Table> steps(Connection& session, std::string_view record_id) {
  const Param params[] = {record_id};
  auto rows = session.run(
      "select to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), step, detail::text from "
      "tandem.trace($1::uuid)",
      params);
  if (!rows) return tl::unexpected(rows.error());
  return Table::of(*rows, {{"at", text}, {"step", text}, {"detail", json, 120}});
}

Result<Table> standing(Connection& session, std::string_view request_type, std::string_view object_id) {
  const Param params[] = {request_type, object_id};
  auto rows = session.run(
      "select target, in_sync, (array['created', 'received', 'done', 'failed'])[request_state], outcome, error_code, "
      "description, counter, "
      "remote_id, paused from tandem.object_status($1, $2)",
      params);
  if (!rows) return tl::unexpected(rows.error());
  return Table::of(*rows, {{"target", text},
                           {"in_sync", flag},
                           {"state", text},
                           {"outcome", text},
                           {"error_code", text},
                           {"description", text},
                           {"counter", number},
                           {"remote_id", text},
                           {"paused", flag}});
}

}  // namespace

ExitCode trace(Context& context, const TraceOptions& options) {
  auto session = installed_session(context, "trace");
  if (!session) return ExitCode::failed;
  Output& output = context.output();
  auto found = find(*session, options);
  if (!found) return output.failed(found.error());
  if (found->size() == 0)
    return output.failed(Error{ErrorKind::refused,
                               "there is no record or object " + options.subject,
                               "retention may have removed it; `tandem list` shows what there is",
                               {}});

  json::Writer w;
  std::string shown;
  w.open_object().key("records").open_array();
  for (int i = 0; i < found->size(); ++i) {
    auto record = steps(*session, found->text(i, 1));
    if (!record) return output.failed(record.error());
    w.open_object()
        .key("counter")
        .number(found->number(i, 0))
        .key("record_id")
        .string(found->text(i, 1))
        .key("target")
        .string(found->text(i, 2));
    w.key("request_type").string(found->text(i, 3)).key("object_id").string(found->text(i, 4)).key("steps");
    record->write(w);
    w.close_object();
    shown += "record " + std::string(found->text(i, 0)) + " (" + std::string(found->text(i, 1)) + "), " +
             printable(found->text(i, 3)) + " " + printable(found->text(i, 4)) + " to " + printable(found->text(i, 2)) +
             "\n" + record->text() + "\n";
  }
  w.close_array();
  auto object = standing(*session, found->text(0, 3), found->text(0, 4));
  if (!object) return output.failed(object.error());
  w.key("object");
  object->write(w);
  w.close_object();
  if (output.json())
    output.answer(w);
  else
    output.answer(shown + "the object now\n" + object->text());
  return ExitCode::ok;
}

}  // namespace tandem::cli
