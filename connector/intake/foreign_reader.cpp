#include "intake/foreign_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "intake/digest.hpp"
#include "json/text.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using postgres::Param;
using std::chrono::milliseconds;

constexpr std::size_t most_seen = 100'000;

/// How the database itself writes the names, and which types the columns have. $1 table as configured, $2 columns.
constexpr std::string_view names_query = R"(
select $1::text::regclass::text, quote_ident(a.attname), format_type(a.atttypid, null)
from unnest($2::text[]) with ordinality as wanted (name, place)
join pg_catalog.pg_attribute a on a.attrelid = $1::text::regclass and a.attname = wanted.name and not a.attisdropped and a.attnum > 0
order by wanted.place)";

/// Text that names an object by its key: as tandem writes composite keys of its own.
std::string key_text(const std::vector<std::string>& values) {
  if (values.size() == 1) return values.front();
  std::string out = "[";
  for (const std::string& value : values) out += (out.size() > 1 ? ", " : "") + json::quote(value);
  return out + "]";
}

}  // namespace

ForeignReader::ForeignReader(const Settings& settings, const SourceSettings& source)
    : settings_(settings), source_(source), foreign_(*source.foreign), notification_(settings, source) {
  for (const auto& table : foreign_.tables) tables_.push_back({&table, {}, {}, {}});
}

ForeignReader::~ForeignReader() = default;

Status ForeignReader::start(const std::string& position) {
  auto parsed = parse_tables(position);
  if (!parsed) return tl::unexpected(std::move(parsed.error()));
  positions_ = std::move(*parsed);
  session_.reset();
  fresh_.clear();
  for (Table& table : tables_) table.seen.clear();
  table_ = 0;
  round_begun_ = Clock::now();
  return open();
}

Status ForeignReader::open() {
  postgres::Connection::Options options;
  options.application_name = "tandem " + settings_.connector + " source " + source_.name;
  options.settings = {{"default_transaction_read_only", "on"}, {"statement_timeout", "30s"}, {"row_security", "off"}};
  auto session = postgres::Connection::open(foreign_.url.reveal(), options);
  if (!session) return tl::unexpected(std::move(session.error()));
  session_.emplace(std::move(*session));
  for (Table& table : tables_)
    if (auto described = describe(table); !described) return described;
  return {};
}

Status ForeignReader::describe(Table& table) {
  std::vector<std::string> columns{table.settings->updated};
  columns.insert(columns.end(), table.settings->key.begin(), table.settings->key.end());
  const std::array params{Param(table.settings->table), Param::array(std::span<const std::string>(columns))};
  auto rows = session_->run(names_query, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->size() != static_cast<int>(columns.size()))
    return fail(ErrorKind::config, "the foreign table " + table.settings->table + " lacks a column that is configured");
  table.names = {};
  for (int row = 0; row < rows->size(); ++row) {
    const auto text = [&](int column) { return std::string(rows->text(row, column)); };
    table.names.relation = text(0);
    if (row == 0) {
      table.names.updated = text(1);
      table.names.updated_type = text(2);
    } else {
      table.names.key.push_back(text(1));
      table.names.key_types.push_back(text(2));
    }
  }
  return {};
}

Status ForeignReader::begin_round(Table& table, TablePosition& position) {
  const std::array params{Param(static_cast<std::int64_t>(foreign_.lag.count()))};
  auto rows =
      session_->run("select (clock_timestamp() - $1::bigint * interval '1 millisecond')::" + table.names.updated_type +
                        "::text, txid_snapshot_xmin(s), txid_snapshot_xmax(s) from txid_current_snapshot() as s",
                    params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  table.safe.mark(std::string(rows->text(0, 0)), rows->number(0, 1), rows->number(0, 2));
  position.safe = table.safe.over();
  position.newest.clear();
  return {};
}

Status ForeignReader::end_round(Table& table, TablePosition& position) {
  const std::string newest = std::exchange(position.newest, {}), safe = std::exchange(position.safe, {});
  position.at.clear();
  position.key.clear();
  if (newest.empty() || safe.empty()) return {};
  const std::string type = "::" + table.names.updated_type;
  const std::array params{Param(newest), Param(safe), position.through.empty() ? Param() : Param(position.through)};
  auto rows = session_->run("select greatest($3" + type + ", least($1" + type + ", $2" + type + "))::text", params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  const std::string through(rows->text(0, 0));
  // Rows up to here are not read again; those behind it soon are, and remembered anew.
  if (through != position.through) table.seen.clear();
  position.through = through;
  return {};
}

Result<Haul> ForeignReader::read(const std::stop_token&) {
  Table& table = tables_[table_];
  TablePosition& position = positions_[table.settings->request_type];
  if (position.at.empty())
    if (auto begun = begin_round(table, position); !begun) return tl::unexpected(std::move(begun.error()));
  std::vector<Param> params;
  if (!position.at.empty()) {
    params.emplace_back(position.at);
    for (const std::string& value : position.key) params.emplace_back(value);
  } else if (!position.through.empty()) {
    params.emplace_back(position.through);
  }
  auto rows = session_->run(page_query(table.names, position), params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  Haul haul;
  read_from_ = table_;
  fresh_.clear();
  for (int row = 0; row < rows->size(); ++row) take(table, *rows, row, haul);
  if (rows->size() > 0) {
    const int last = rows->size() - 1;
    position.newest = position.at = rows->text(last, 1);
    position.key.clear();
    for (int column = 3; column < rows->columns(); ++column) position.key.emplace_back(rows->text(last, column));
  }
  if (rows->size() < rows_of_a_page) {
    if (auto ended = end_round(table, position); !ended) return tl::unexpected(std::move(ended.error()));
    haul.rest = next_table();
  }
  haul.position = text_of(positions_);
  return haul;
}

void ForeignReader::take(Table& table, const postgres::Rows& rows, int row, Haul& haul) {
  std::vector<std::string> values;
  for (int column = 3; column < rows.columns(); ++column) values.emplace_back(rows.text(row, column));
  const std::string key = key_text(values);
  const auto body = rows.text(row, 0);
  std::string id = digest({table.settings->request_type, key, rows.text(row, 1), rows.text(row, 2), body});
  if (table.seen.contains(id)) return;
  auto record = notification_.read({body, key, {}, table.settings->request_type, {}});
  const std::string place = table.settings->table + " " + key;
  if (!record) {
    haul.refused.push_back({place, std::move(record.error())});
    return;
  }
  record->source_record_id = id;
  record->place = place;
  haul.records.push_back(std::move(*record));
  fresh_.push_back(std::move(id));
}

void ForeignReader::stored(const std::string&) {
  auto& seen = tables_[read_from_].seen;
  if (seen.size() > most_seen) seen.clear();  // the inbox passes over what comes again, too
  seen.insert(fresh_.begin(), fresh_.end());
  fresh_.clear();
}

milliseconds ForeignReader::next_table() {
  table_ = (table_ + 1) % tables_.size();
  if (table_ != 0) return 0ms;
  const auto due = round_begun_ + foreign_.interval;
  const auto now = Clock::now();
  round_begun_ = std::max(due, now);
  return std::max(std::chrono::ceil<milliseconds>(due - now), 0ms);
}

}  // namespace tandem
