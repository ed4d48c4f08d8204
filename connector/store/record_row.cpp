#include "store/record_row.hpp"

namespace tandem::store {

Record record_of(const postgres::Rows& rows, int row, const RecordColumns& at, const RouteTable& table,
                 TargetIndex target) {
  const auto request_type = rows.text(row, at.request_type);
  const auto object_id = rows.text(row, at.object_id);
  Record record;
  record.counter = Counter{rows.number(row, at.counter)};
  record.xid = Xid{rows.number(row, at.xid)};
  record.record_id = rows.uuid(row, at.record_id);
  record.lane = lane_hash(table.targets()[target], request_type, object_id);
  record.route = table.route(target, request_type);
  record.state = rows.number(row, at.state) == 2 ? State::received : State::created;
  record.attempts = static_cast<std::int32_t>(rows.number(row, at.attempts));
  record.created = rows.time(row, at.date_time);
  record.object_id = object_id;
  if (at.body >= 0) record.body = rows.text(row, at.body);
  record.trace_context = rows.text(row, at.trace_context);
  record.body_left_out = rows.flag(row, at.has_body) && record.body.empty();

  // Capture leaves the body out where it could not be made, and no write about a pending record takes that error away.
  // Any other is what an earlier attempt met, and no reason against the next one.
  if (!rows.flag(row, at.has_body) && rows.text(row, at.error_code) == word(ErrorClass::mapping)) {
    record.capture_error = ErrorClass::mapping;
    record.description = rows.text(row, at.description);
  }
  if (const auto operation = parse_operation(rows.text(row, at.operation))) {
    record.operation = *operation;
  } else {
    record.capture_error = ErrorClass::internal;
    record.description = "operation " + std::string(rows.text(row, at.operation)) + " is not known to this version";
  }
  return record;
}

}  // namespace tandem::store
