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

/// The table's own name, without its schema, as it is written in SQL.
std::string_view bare_name(std::string_view relation) {
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < relation.size(); ++at) {
    if (relation[at] == '"') quoted = !quoted;
    if (relation[at] == '.' && !quoted) begin = at + 1;
  }
  return relation.substr(begin);
}

/// The column names of the expressions belong to the innermost query, so no name of ours can capture them. A query
/// within an expression may call the row by its table's name.
std::string statement(std::span<const std::string_view> expressions, const std::string& relation) {
  std::string columns;
  for (const auto expression : expressions) {
    if (!columns.empty()) columns += ", ";
    columns += "pg_catalog.to_jsonb((" + std::string(expression) + "\n))::text";
  }
  return "select computed.* from unnest($1::text[]) with ordinality as given (image, place) cross join lateral "
         "(select " +
         columns + " from pg_catalog.jsonb_populate_record(null::" + relation + ", given.image::jsonb) as " +
         std::string(bare_name(relation)) + ") as computed order by given.place";
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
  std::vector<std::string_view> expressions;
  for (const auto field : fields) expressions.emplace_back(settings_.routes[route].fields[field].sql);
  auto rows = run_undone(expressions, relation, images);
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

Result<std::vector<SqlFields::Fulfilled>> SqlFields::fulfil(RouteIndex route, const std::string& relation,
                                                            std::span<const std::string> images) {
  if (auto opened = open(); !opened) return tl::unexpected(std::move(opened.error()));
  const std::array<std::string_view, 1> condition{settings_.routes[route].when};
  auto rows = run_undone(condition, relation, images);
  if (!rows && !of_the_image(rows.error())) return tl::unexpected(std::move(rows.error()));
  std::vector<Fulfilled> out;
  if (rows) {
    for (int row = 0; row < rows->size(); ++row) out.push_back({rows->text(row, 0) == "true", {}});
    return out;
  }
  if (images.size() == 1) return std::vector{Fulfilled{false, "when: " + rows.error().message}};
  for (const auto half : {images.first(images.size() / 2), images.subspan(images.size() / 2)}) {
    auto some = fulfil(route, relation, half);
    if (!some) return some;
    for (auto& one : *some) out.push_back(std::move(one));
  }
  return out;
}

Result<postgres::Rows> SqlFields::run_undone(std::span<const std::string_view> expressions, const std::string& relation,
                                             std::span<const std::string> images) {
  if (auto begun = session_->script("begin read only"); !begun) return begun;
  const std::array params{postgres::Param(statement(expressions, relation)), postgres::Param::array(images)};
  auto rows = session_->run(evaluation(expressions.size()), params);
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
