#pragma once
#include "model/record.hpp"
#include "postgres/rows.hpp"
#include "store/route_table.hpp"

namespace tandem::store {

/// Where a query has the columns of a record.
struct RecordColumns {
  int counter, xid, target, record_id, request_type, object_id, operation, state, error_code, attempts, date_time,
      has_body, description, trace_context;
  int body = -1;  ///< -1: bodies are not read
};
/// The record of one row. Words that this version does not know become Operation::update and ErrorClass::internal with
/// a description.
[[nodiscard]] Record record_of(const postgres::Rows& rows, int row, const RecordColumns& at, const RouteTable& table,
                               TargetIndex target);

}  // namespace tandem::store
