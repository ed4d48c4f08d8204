#pragma once
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "postgres/connection.hpp"
#include "store/found_body.hpp"
#include "store/parked.hpp"
#include "store/sql_fields.hpp"

namespace tandem::store {

/// Reads what attempts need beside the window: rows, live rows, identities, agreed images, references to other objects,
/// `sql` fields (docs/protocol.md, rules 7, 9 and 11). One statement for each route, so all of it but the `sql` fields
/// is of one snapshot.
class BodyReader {
 public:
  explicit BodyReader(const Settings& settings) : settings_(settings), sql_fields_(settings) {}

  /// Once for each session: looks up the watches' tables and functions.
  [[nodiscard]] Status prepare(postgres::Connection& session);
  /// Of the first ones of `wanted` that come to about `most_bytes`, but of one at least, in that order. A record whose
  /// own content fails the statement is told in its `sql_error`; an error is the database's.
  [[nodiscard]] Result<std::vector<FoundBody>> read(postgres::Connection& session, const Fence& fence,
                                                    TargetIndex target, std::span<const WantedBody> wanted,
                                                    std::size_t most_bytes);

 private:
  struct RouteQuery {
    std::string name, text, relation;
    std::vector<std::size_t> refs;  ///< fields of the route, in the order of the query's last columns
    bool by_key = false;
  };
  [[nodiscard]] Result<std::vector<FoundBody>> read_route(postgres::Connection& session, const Fence& fence,
                                                          TargetIndex target, RouteIndex route,
                                                          std::span<const WantedBody> wanted);
  [[nodiscard]] Result<postgres::Rows> rows_of(postgres::Connection& session, const Fence& fence, TargetIndex target,
                                               const RouteQuery& query, std::span<const WantedBody> wanted);
  [[nodiscard]] Result<std::size_t> fitting(postgres::Connection& session, std::span<const WantedBody> wanted,
                                            std::size_t most_bytes);
  [[nodiscard]] bool reads_more_than(const WantedBody& wanted) const;
  [[nodiscard]] Status add_sql_fields(RouteIndex route, std::span<FoundBody> found);
  [[nodiscard]] Status ask_whether_outside(RouteIndex route, std::span<FoundBody> found);

  const Settings& settings_;
  SqlFields sql_fields_;
  std::size_t live_bytes_ = 1 << 16;  ///< of a live row, as they were lately
  std::deque<RouteQuery> queries_;    ///< by route, then one for records of routes that are not configured
};

}  // namespace tandem::store
