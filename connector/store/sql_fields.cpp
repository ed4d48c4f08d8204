#include "store/sql_fields.hpp"

#include <array>

namespace tandem::store {
namespace {

std::vector<std::size_t> sql_fields_of(const RouteSettings& route) {
  std::vector<std::size_t> fields;
  for (std::size_t field = 0; field < route.fields.size(); ++field)
    if (route.fields[field].kind == FieldKind::sql) fields.push_back(field);
  return fields;
}

/// Runs a statement with the rights of tandem_mapping, and of nobody else: inside of a function with its owner's rights
/// PostgreSQL refuses to change the role, whatever the expression calls. It lives and dies with the session.
constexpr std::string_view evaluator =
    "set role tandem_mapping;"
    "create function pg_temp.tandem_evaluate(statement text, images text[]) returns setof record "
    "language plpgsql volatile security definer as "
    "$$ begin return query execute statement using images; end $$;"
    "reset role";

/// The column names of the expressions belong to the innermost query, so no name of ours can capture them.
std::string statement(const RouteSettings& route, std::span<const std::size_t> fields, const std::string& relation) {
  std::string expressions;
  for (std::size_t place = 0; place < fields.size(); ++place) {
    if (place > 0) expressions += ", ";
    expressions += "pg_catalog.to_jsonb((" + route.fields[fields[place]].sql + "\n))::text";
  }
  return "select computed.* from unnest($1::text[]) with ordinality as given (image, place) cross join lateral "
         "(select " +
         expressions + " from pg_catalog.jsonb_populate_record(null::" + relation +
         ", given.image::jsonb) as image_row) as computed order by given.place";
}

std::string evaluation(std::size_t fields) {
  std::string columns;
  for (std::size_t place = 0; place < fields; ++place)
    columns += (place > 0 ? ", value_" : "value_") + std::to_string(place) + " text";
  return "select * from pg_temp.tandem_evaluate($1::text, $2::text[]) as computed (" + columns + ")";
}

bool of_the_image(const Error& error) {
  return error.kind == ErrorKind::refused;
}

}  // namespace

Status SqlFields::open() {
  if (session_ && session_->usable()) return {};
  postgres::Connection::Options options;
  options.application_name = "tandem " + settings_.connector + " mapping";
  options.deadline = std::chrono::seconds{1};
  options.settings = {{"row_security", "off"}, {"jit", "off"}};
  auto session = postgres::Connection::open(settings_.database.url.reveal(), options);
  if (!session) return tl::unexpected(std::move(session.error()));
  if (auto made = session->script(evaluator); !made) return tl::unexpected(std::move(made.error()));
  session_.emplace(std::move(*session));
  return {};
}

Result<std::vector<SqlFields::Values>> SqlFields::evaluate(RouteIndex route, const std::string& relation,
                                                           std::span<const std::string> images) {
  auto answer = run(sql_fields_of(settings_.routes[route]), route, relation, images);
  if (answer || !of_the_image(answer.error())) return answer;
  return isolate(route, relation, images, answer.error());
}

Result<std::vector<SqlFields::Values>> SqlFields::run(std::span<const std::size_t> fields, RouteIndex route,
                                                      const std::string& relation,
                                                      std::span<const std::string> images) {
  if (auto opened = open(); !opened) return tl::unexpected(std::move(opened.error()));
  auto rows = run_undone(settings_.routes[route], fields, relation, images);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  std::vector<Values> out(images.size());
  for (int row = 0; row < rows->size(); ++row)
    for (std::size_t place = 0; place < fields.size(); ++place) {
      const auto column = static_cast<int>(place);
      const auto json = rows->null(row, column) ? std::string("null") : std::string(rows->text(row, column));
      out[static_cast<std::size_t>(row)].values.push_back({fields[place], true, json});
    }
  return out;
}

Result<postgres::Rows> SqlFields::run_undone(const RouteSettings& route, std::span<const std::size_t> fields,
                                             const std::string& relation, std::span<const std::string> images) {
  if (auto begun = session_->script("begin read only"); !begun) return begun;
  const std::array params{postgres::Param(statement(route, fields, relation)), postgres::Param::array(images)};
  auto rows = session_->run(evaluation(fields.size()), params);
  if (!session_->usable()) return rows;
  if (auto undone = session_->script("rollback; select pg_catalog.pg_advisory_unlock_all()"); !undone) {
    session_.reset();
    return undone;
  }
  return rows;
}

Result<std::vector<SqlFields::Values>> SqlFields::isolate(RouteIndex route, const std::string& relation,
                                                          std::span<const std::string> images, const Error& error) {
  if (images.size() > 1) {
    auto out = evaluate(route, relation, images.first(images.size() / 2));
    if (!out) return out;
    auto rest = evaluate(route, relation, images.subspan(images.size() / 2));
    if (!rest) return rest;
    for (auto& values : *rest) out->push_back(std::move(values));
    return out;
  }
  Values values;
  for (const auto field : sql_fields_of(settings_.routes[route])) {
    auto alone = run(std::array{field}, route, relation, images);
    if (alone) continue;
    if (!of_the_image(alone.error())) return alone;
    values.error = "field " + settings_.routes[route].fields[field].to + ": " + alone.error().message;
    break;
  }
  if (values.error.empty()) values.error = error.message;
  return std::vector{std::move(values)};
}

}  // namespace tandem::store
