#include "store/receive.hpp"

#include <array>
#include <vector>

#include "store/printable.hpp"
#include "store/queries.hpp"

namespace tandem::store {
namespace {

using postgres::Param;

// Of a record that has come before, or, where those are passed over, of a sequence that somebody has set back.
constexpr std::string_view unique_violation = "23505";
constexpr std::size_t longest_reason = 500, longest_words = 1'000;

Param json_or_null(const std::string& text) {
  return text.empty() ? Param() : Param(text);
}

std::string without_conflicts(std::string text) {
  const auto begin = text.find("  on conflict on constraint inbox_source_record_arrives_once");
  return text.erase(begin, text.find('\n', begin) - begin);
}

/// The query's words for counters that have been drawn stand in comments.
std::string with_drawn_counters(std::string text) {
  constexpr std::string_view open = "/*drawn: ", close = "*/";
  for (auto at = text.find(open, text.find("\nwith")); at != std::string::npos; at = text.find(open, at)) {
    text.erase(at, open.size());
    text.erase(text.find(close, at), close.size());
  }
  return text;
}

postgres::Query query_for(Repeats repeats, bool drawn) {
  static const std::string all(queries::receive.text),
      fresh = without_conflicts(all), all_drawn = with_drawn_counters(all), fresh_drawn = with_drawn_counters(fresh);
  if (repeats == Repeats::passed_over) return drawn ? postgres::Query{"receive_drawn", all_drawn} : queries::receive;
  return drawn ? postgres::Query{"receive_new_drawn", fresh_drawn} : postgres::Query{"receive_new", fresh};
}

postgres::Statement confirm_statement(const std::string& source, std::span<const Incoming* const> given,
                                      const std::optional<Move>& move) {
  std::array<std::vector<std::string>, 5> columns;
  std::vector<bool> failed;
  for (const Incoming* one : given) {
    columns[0].push_back(one->confirms);
    failed.push_back(one->failed);
    columns[1].push_back(printable(one->error.substr(0, longest_words)));
    columns[2].push_back(one->remote_id);
    columns[3].push_back(one->source_record_id);
    columns[4].push_back(one->trace_context);
  }
  std::vector<Param> params{Param(source), Param::nullable_array(std::span<const std::string>(columns[0])),
                            Param::array(failed)};
  for (std::size_t column = 1; column < columns.size(); ++column)
    params.push_back(Param::nullable_array(std::span<const std::string>(columns[column])));
  params.push_back(move ? Param(move->to) : Param());
  return {queries::confirm, std::move(params)};
}

/// Stores what can be stored, within an open transaction; finds what cannot by halves.
Status store_part(postgres::Connection& session, const std::string& source, std::span<const Incoming> records,
                  std::vector<Refused>& refused, Received& sum) {
  if (records.empty()) return {};
  if (auto begun = session.script("savepoint part"); !begun) return tl::unexpected(std::move(begun.error()));
  auto count = receive(session, source, records);
  if (count) {
    sum.fresh += count->fresh;
    sum.confirmed += count->confirmed;
    sum.surplus += count->surplus;
    if (auto done = session.script("release savepoint part"); !done) return tl::unexpected(std::move(done.error()));
    return {};
  }
  if (!of_the_records(count.error())) return tl::unexpected(std::move(count.error()));
  if (auto undone = session.script("rollback to savepoint part"); !undone)
    return tl::unexpected(std::move(undone.error()));
  if (records.size() == 1) {
    const Incoming& one = records.front();
    refused.push_back({one.place.empty() ? one.source_record_id : one.place, count.error().message});
    return {};
  }
  const auto half = records.size() / 2;
  if (auto first = store_part(session, source, records.first(half), refused, sum); !first) return first;
  return store_part(session, source, records.subspan(half), refused, sum);
}

Result<Received> store_all_that_fits(postgres::Connection& session, const std::string& source,
                                     std::span<const Incoming> records, std::span<const Refused> refused,
                                     const Move& move) {
  std::vector<Refused> all(refused.begin(), refused.end());
  auto received = receive(session, source, {}, {}, move);
  if (!received || !received->moved) return received;
  if (auto stored = store_part(session, source, records, all, *received); !stored)
    return tl::unexpected(std::move(stored.error()));
  auto noted = receive(session, source, {}, all);
  if (!noted) return tl::unexpected(std::move(noted.error()));
  return received;
}

}  // namespace

bool is_repeat(const Error& error) {
  return error.kind == ErrorKind::refused && error.sqlstate == unique_violation;
}

bool of_the_records(const Error& error) {
  const std::string_view state = error.sqlstate;
  return error.kind == ErrorKind::refused && state != unique_violation &&
         (state.starts_with("22") || state.starts_with("23") || state.starts_with("54"));
}

std::vector<postgres::Statement> receiving(const std::string& source, std::span<const Incoming> records,
                                           std::span<const Refused> refused, const std::optional<Move>& move,
                                           Repeats repeats) {
  std::array<std::vector<std::string_view>, 8> columns;
  for (auto& column : columns) column.reserve(records.size());
  std::vector<std::int64_t> counters;
  std::vector<const Incoming*> confirmations;
  for (const Incoming& record : records) {
    if (!record.confirms.empty()) {
      confirmations.push_back(&record);
      continue;
    }
    columns[0].emplace_back(record.request_type);
    columns[1].emplace_back(record.operation);
    columns[2].emplace_back(record.remote_id);
    columns[3].emplace_back(record.object_id);
    columns[4].emplace_back(record.body);
    columns[5].emplace_back(record.version);
    columns[6].emplace_back(record.source_record_id);
    columns[7].emplace_back(record.trace_context);
    if (record.counter.value > 0) counters.push_back(record.counter.value);
  }
  std::vector<std::string> places, reasons;
  for (const Refused& one : refused) {
    places.push_back(printable(one.place.substr(0, longest_reason)));
    reasons.push_back(printable(one.reason.substr(0, longest_reason)));
  }
  std::vector<Param> params{Param(source)};
  for (const auto& column : columns) params.push_back(Param::nullable_array(std::span<const std::string_view>(column)));
  params.push_back(move ? Param(move->to) : Param());
  params.push_back(move ? json_or_null(move->from) : Param());
  params.push_back(Param::array(std::span<const std::string>(places)));
  params.push_back(Param::array(std::span<const std::string>(reasons)));
  const bool drawn = !counters.empty();
  if (drawn) params.push_back(Param::array(counters));
  std::vector<postgres::Statement> statements{{query_for(repeats, drawn), std::move(params)}};
  if (!confirmations.empty()) statements.push_back(confirm_statement(source, confirmations, move));
  return statements;
}

std::vector<postgres::Statement> drawing(std::size_t counters, bool waits) {
  static constexpr postgres::Query begin{"begin", "begin"},
      patience{"wait_for_the_one_before", "set local idle_in_transaction_session_timeout = '30s'"};
  std::vector<postgres::Statement> statements{{begin, {}}};
  if (waits) statements.push_back({patience, {}});
  statements.push_back({queries::draw_xid, {}});
  statements.push_back(
      {queries::draw_counters, {Param(static_cast<std::int64_t>(counters))}, postgres::Format::binary});
  return statements;
}

Result<std::vector<std::int64_t>> finish_drawing(postgres::Connection& session, std::size_t counters) {
  auto answers = session.finish_all();
  if (!answers) return tl::unexpected(std::move(answers.error()));
  auto drawn = answers->back().numbers(0, 0);
  if (drawn.size() != counters) return fail(ErrorKind::internal, "the server has drawn another number of counters");
  return drawn;
}

Result<Received> finish_received(postgres::Connection& session, bool moves) {
  auto answers = session.finish_all();
  if (!answers) return tl::unexpected(std::move(answers.error()));
  const auto number = [&](std::size_t answer, int column) {
    return static_cast<std::size_t>((*answers)[answer].number(0, column));
  };
  Received received{number(0, 0), 0, 0, !moves || number(0, 1) > 0};
  if (answers->size() > 1) {
    received.confirmed = number(1, 0);
    received.surplus = number(1, 1);
  }
  return received;
}

Result<Received> receive(postgres::Connection& session, const std::string& source, std::span<const Incoming> records,
                         std::span<const Refused> refused, const std::optional<Move>& move) {
  const auto statements = receiving(source, records, refused, move, Repeats::passed_over);
  if (auto sent = session.send(std::span<const postgres::Statement>(statements)); !sent)
    return tl::unexpected(std::move(sent.error()));
  return finish_received(session, move.has_value());
}

Result<Received> receive_what_fits(postgres::Connection& session, const std::string& source,
                                   std::span<const Incoming> records, std::span<const Refused> refused,
                                   const Move& move) {
  if (auto begun = session.script("begin"); !begun) return tl::unexpected(std::move(begun.error()));
  auto received = store_all_that_fits(session, source, records, refused, move);
  auto ended = session.script(received && received->moved ? "commit" : "rollback");
  if (received && !ended) return tl::unexpected(std::move(ended.error()));
  return received;
}

Result<Missing> missing_of(postgres::Connection& session, const std::string& target, const std::string& request_type,
                           std::span<const std::string> listed, std::chrono::seconds took) {
  const std::array params{Param(target), Param(request_type), Param::array(listed),
                          Param(static_cast<std::int64_t>(took.count()))};
  auto rows = session.run(queries::source_missing, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  return Missing{rows->texts(0, 0), static_cast<std::size_t>(rows->number(0, 1))};
}

Result<SourceStanding> standing_of(postgres::Connection& session, const std::string& source) {
  const std::array params{Param(source)};
  auto rows = session.run(queries::source_standing, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->size() == 0)
    return fail(ErrorKind::refused, "the database knows no source " + source, "run `tandem apply`");
  return SourceStanding{std::string(rows->text(0, 0)), rows->flag(0, 1)};
}

}  // namespace tandem::store
