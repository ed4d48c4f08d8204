#include "store/bodies.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "config/addressing.hpp"
#include "store/queries.hpp"

namespace tandem::store {
namespace {

// Columns of bodies.sql.
constexpr int found = 0, attempts = 1, body = 2, live_row_gone = 3, overtaken = 4, image_pending = 5, remote_id = 6,
              identity_pending = 7, agreed_image = 8, agreed_unsettled = 9, live_error = 10, behind_failed = 11,
              unanswered = 12, turn = 13, old_object_id = 14, old_remote_id = 15, old_key_is_free = 16, latest = 17,
              confirmation = 18, first_ref = 19;

void replace(std::string& text, std::string_view marker, const std::string& by) {
  text.replace(text.find(marker), marker.size(), by);
}

/// Undefined, forbidden or out of resources: nothing that one record could be blamed for.
bool of_the_record(const Error& error) {
  if (error.kind != ErrorKind::refused || error.sqlstate.size() < 2) return false;
  const auto state = std::string_view(error.sqlstate).substr(0, 2);
  return state != "42" && state != "40" && state != "53" && state != "55" && state != "57" && state != "58" &&
         state != "XX";
}

/// `+` and the remote id, or `-` and the reason.
void read_confirmation(std::string_view text, FoundBody& out) {
  const bool succeeded = text.starts_with('+');
  out.confirmation = succeeded ? FoundBody::Confirmation::succeeded : FoundBody::Confirmation::failed;
  (succeeded ? out.confirmed_remote_id : out.confirmed_with) = text.substr(1);
}

FoundBody found_in(const postgres::Rows& rows, int row, const WantedBody& wanted, std::span<const std::size_t> refs) {
  FoundBody out;
  out.counter = wanted.counter;
  out.found = static_cast<FoundBody::Found>(rows.number(row, found));
  out.attempts = static_cast<std::int32_t>(rows.number(row, attempts));
  out.body = rows.text(row, body);
  out.live_row_gone = rows.flag(row, live_row_gone);
  out.overtaken = rows.flag(row, overtaken);
  out.image_pending = rows.flag(row, image_pending);
  out.remote_id = rows.text(row, remote_id);
  out.identity_pending = rows.flag(row, identity_pending);
  out.agreed_image = rows.text(row, agreed_image);
  out.agreed_unsettled = rows.flag(row, agreed_unsettled);
  out.behind_failed = rows.flag(row, behind_failed);
  out.unanswered = static_cast<std::int32_t>(rows.number(row, unanswered));
  out.sql_error = rows.text(row, live_error);
  out.old_object_id = rows.text(row, old_object_id);
  out.old_remote_id = rows.text(row, old_remote_id);
  out.old_key_is_free = rows.flag(row, old_key_is_free);
  out.latest = rows.flag(row, latest);
  if (!rows.null(row, confirmation)) read_confirmation(rows.text(row, confirmation), out);
  out.key_is_taken = rows.text(row, turn) == "conflict";
  for (std::size_t place = 0; place < refs.size(); ++place) {
    const auto column = first_ref + static_cast<int>(place);
    out.lookups.values.push_back({refs[place], !rows.null(row, column), std::string(rows.text(row, column))});
  }
  return out;
}

}  // namespace

Status BodyReader::prepare(postgres::Connection& session) {
  auto rows = session.run(queries::watches);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  std::map<std::string, int, std::less<>> watches;
  for (int row = 0; row < rows->size(); ++row) watches.emplace(rows->text(row, 0), row);

  queries_.clear();
  for (std::size_t index = 0; index <= settings_.routes.size(); ++index) {
    RouteQuery query{"bodies_" + std::to_string(index), std::string(queries::bodies.text), {}, {}, false};
    std::string live = "(select null::boolean as found, null::jsonb as image, null::text as error)", refs,
                gone = "true";
    if (index < settings_.routes.size()) {
      const auto& route = settings_.routes[index];
      if (const auto watch = watches.find(route.watch); watch != watches.end()) {
        query.relation = rows->text(watch->second, 1);
        if (!rows->null(watch->second, 2)) {
          gone = "(select not l.found from " + std::string(rows->text(watch->second, 2)) + "(o.old_object_id) as l)";
          live = "(select l.found, l.image, l.error from " + std::string(rows->text(watch->second, 2)) +
                 "(o.object_id) as l where o.body is null and o.request_state in (1, 2) offset 0)";  // asked only then
        }
      }
      for (std::size_t field = 0; field < route.fields.size(); ++field) {
        const auto& settings = route.fields[field];
        if (settings.ref.empty()) continue;
        const auto key = "image.body ->> " + session.quoted_literal(settings.column);
        refs +=
            ",\n       (select to_jsonb(r.remote_id)::text from tandem.identity r where r.target = o.target and "
            "r.request_type = " +
            session.quoted_literal(settings.ref) + " and hashtextextended(r.object_id, 0) = hashtextextended(" + key +
            ", 0) and r.object_id = " + key + " and r.state <> 'deleted' and r.state = 'paired')";
        query.refs.push_back(field);
      }
    }
    const bool confirmed = index < settings_.routes.size() && settings_.routes[index].settle_on == SettleOn::confirmed;
    replace(query.text, "{confirmation} as",
            confirmed ? "(select case when n.failed then '-' || coalesce(n.description, '') else '+' || "
                        "coalesce(n.remote_id, '') end from tandem.confirmation n where n.counter = o.counter and "
                        "n.record_id = o.record_id) as"
                      : "null::text as");
    replace(query.text, "{refs}\nfrom", refs + "\nfrom");
    replace(query.text, "and {gone} and", "and " + gone + " and");
    replace(query.text, "lateral {live} as", "lateral " + live + " as");
    query.by_key = index < settings_.routes.size() && addresses_by_key(settings_.routes[index]);
    queries_.push_back(std::move(query));
  }
  return {};
}

Result<std::vector<FoundBody>> BodyReader::read(postgres::Connection& session, const Fence& fence, TargetIndex target,
                                                std::span<const WantedBody> wanted, std::size_t most_bytes) {
  const auto count = fitting(session, wanted, most_bytes);
  if (!count) return tl::unexpected(count.error());
  wanted = wanted.first(*count);
  std::map<RouteIndex, std::vector<std::size_t>> places;
  for (std::size_t place = 0; place < wanted.size(); ++place) places[wanted[place].route].push_back(place);
  std::vector<FoundBody> out(wanted.size());
  for (const auto& [route, mine] : places) {
    std::vector<WantedBody> some;
    for (const auto place : mine) some.push_back(wanted[place]);
    auto bodies = read_route(session, fence, target, route, some);
    if (!bodies) return bodies;
    for (std::size_t at = 0; at < mine.size(); ++at) out[mine[at]] = std::move((*bodies)[at]);
  }
  for (std::size_t place = 0; place < out.size(); ++place)
    if (wanted[place].bytes == 0 && !out[place].body.empty())
      live_bytes_ = std::max(out[place].body.size(), (live_bytes_ * 15 + out[place].body.size()) / 16);
  return out;
}

/// Whether reading it brings more than the body that a window has brought already.
bool BodyReader::reads_more_than(const WantedBody& wanted) const {
  return wanted.bytes == 0 || wanted.route == no_route || settings_.routes[wanted.route].needs_agreed;
}

Result<std::size_t> BodyReader::fitting(postgres::Connection& session, std::span<const WantedBody> wanted,
                                        std::size_t most_bytes) {
  std::vector<std::size_t> bytes(wanted.size());
  if (std::ranges::any_of(wanted, [this](const WantedBody& one) { return reads_more_than(one); })) {
    std::vector<Counter> counters;
    for (const auto& one : wanted) counters.push_back(one.counter);
    const std::array params{postgres::Param::array(std::span<const Counter>(counters))};
    auto rows = session.run(queries::body_sizes, params, postgres::Format::binary);
    if (!rows) return tl::unexpected(std::move(rows.error()));
    for (std::size_t place = 0; place < wanted.size(); ++place) {
      const int row = static_cast<int>(place);
      bytes[place] = rows->null(row, 0) ? live_bytes_ : static_cast<std::size_t>(rows->number(row, 0));
      bytes[place] += static_cast<std::size_t>(rows->number(row, 1));
    }
  } else {
    std::ranges::transform(wanted, bytes.begin(), &WantedBody::bytes);
  }
  std::size_t count = 0, sum = 0;
  while (count < wanted.size() && (count == 0 || sum + bytes[count] <= most_bytes)) sum += bytes[count++];
  return count;
}

Result<postgres::Rows> BodyReader::rows_of(postgres::Connection& session, const Fence& fence, TargetIndex target,
                                           const RouteQuery& query, std::span<const WantedBody> wanted) {
  using postgres::Param;
  std::vector<Counter> counters;
  std::vector<RecordId> ids;
  std::vector<std::int64_t> xids;
  for (const auto& one : wanted) {
    counters.push_back(one.counter);
    ids.push_back(one.record_id);
    xids.push_back(one.xid.value);
  }
  const std::array params{Param::array(std::span<const Counter>(counters)),
                          Param::array(std::span<const RecordId>(ids)), Param::array(xids),
                          Param(settings_.targets[target].name), Param(query.by_key)};
  const postgres::Query named{query.name, query.text};
  // A key that one object has left is free for the next: shifted keys move one after the other, each by one more turn.
  for (std::size_t turns = 0;; ++turns) {
    auto rows = session.run(named, params, postgres::Format::binary);
    if (!rows) return rows;
    std::vector<Counter> moving;
    for (int row = 0; row < rows->size(); ++row)
      if (rows->text(row, turn) == "move" && rows->number(row, found) == 0)
        moving.push_back(counters[static_cast<std::size_t>(row)]);
    if (moving.empty()) return rows;
    if (turns > wanted.size()) return fail(ErrorKind::internal, "the identities of changed keys do not come to rest");
    const std::array owner{Param(fence.name), Param(fence.epoch), Param::array(std::span<const Counter>(moving))};
    if (auto moved = session.run(queries::move_identity, owner); !moved)
      return tl::unexpected(std::move(moved.error()));
  }
}

Result<std::vector<FoundBody>> BodyReader::read_route(postgres::Connection& session, const Fence& fence,
                                                      TargetIndex target, RouteIndex route,
                                                      std::span<const WantedBody> wanted) {
  const auto& query = queries_[std::min<std::size_t>(route, settings_.routes.size())];
  auto rows = rows_of(session, fence, target, query, wanted);
  if (rows) {
    std::vector<FoundBody> out;
    for (std::size_t row = 0; row < wanted.size(); ++row)
      out.push_back(found_in(*rows, static_cast<int>(row), wanted[row], query.refs));
    if (route != no_route && settings_.routes[route].needs_sql && !query.relation.empty())
      if (auto added = add_sql_fields(route, out); !added) return tl::unexpected(std::move(added.error()));
    if (route != no_route && settings_.routes[route].touched && !settings_.routes[route].when.empty())
      if (auto asked = ask_whether_outside(route, out); !asked) return tl::unexpected(std::move(asked.error()));
    return out;
  }
  if (!of_the_record(rows.error())) return tl::unexpected(std::move(rows.error()));
  if (wanted.size() == 1) {
    FoundBody alone;
    alone.counter = wanted[0].counter;
    alone.sql_error = rows.error().message;
    return std::vector{std::move(alone)};
  }
  auto out = read_route(session, fence, target, route, wanted.first(wanted.size() / 2));
  if (!out) return out;
  auto rest = read_route(session, fence, target, route, wanted.subspan(wanted.size() / 2));
  if (!rest) return rest;
  for (auto& one : *rest) out->push_back(std::move(one));
  return out;
}

/// A record that only says that something about the object has changed does not know whether the object is in the
/// route: the row that is read for it decides.
Status BodyReader::ask_whether_outside(RouteIndex route, std::span<FoundBody> bodies) {
  std::vector<std::size_t> places;
  std::vector<std::string> images;
  for (std::size_t place = 0; place < bodies.size(); ++place) {
    if (bodies[place].found != FoundBody::Found::pending || !bodies[place].latest || bodies[place].body.empty())
      continue;
    places.push_back(place);
    images.push_back(bodies[place].body);
  }
  if (images.empty() || queries_[route].relation.empty()) return {};
  auto fulfilled = sql_fields_.fulfil(route, queries_[route].relation, images);
  if (!fulfilled) return tl::unexpected(std::move(fulfilled.error()));
  for (std::size_t at = 0; at < places.size(); ++at) {
    auto& one = bodies[places[at]];
    const auto& answer = (*fulfilled)[at];
    if (one.sql_error.empty()) one.sql_error = answer.error;
    one.outside = answer.error.empty() && !answer.holds;
  }
  return {};
}

Status BodyReader::add_sql_fields(RouteIndex route, std::span<FoundBody> bodies) {
  std::vector<std::size_t> places;
  std::vector<std::string> images;
  for (std::size_t place = 0; place < bodies.size(); ++place) {
    if (bodies[place].found != FoundBody::Found::pending || bodies[place].body.empty()) continue;
    places.push_back(place);
    images.push_back(bodies[place].body);
  }
  if (images.empty()) return {};
  auto computed = sql_fields_.evaluate(route, queries_[route].relation, images);
  if (!computed) return tl::unexpected(std::move(computed.error()));
  for (std::size_t at = 0; at < places.size(); ++at) {
    auto& one = bodies[places[at]];
    auto& values = (*computed)[at];
    if (one.sql_error.empty()) one.sql_error = std::move(values.error);
    for (auto& value : values.values) one.lookups.values.push_back(std::move(value));
  }
  return {};
}

}  // namespace tandem::store
