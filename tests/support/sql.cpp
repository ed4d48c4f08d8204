#include "support/sql.hpp"

#include <libpq-fe.h>

#include <stdexcept>

namespace tandem::test_support {
namespace {

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPointer = std::unique_ptr<PGresult, Clear>;

std::vector<Sql::Row> rows_of(const ResultPointer& result, const std::string& statement) {
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY)
    throw std::runtime_error(std::string(PQresultErrorMessage(result.get())) + "in: " + statement.substr(0, 500));
  std::vector<Sql::Row> rows(static_cast<std::size_t>(PQntuples(result.get())));
  for (int row = 0; row < PQntuples(result.get()); ++row)
    for (int column = 0; column < PQnfields(result.get()); ++column)
      rows[static_cast<std::size_t>(row)].push_back(
          PQgetisnull(result.get(), row, column) != 0
              ? std::nullopt
              : std::optional<std::string>(std::in_place, PQgetvalue(result.get(), row, column),
                                           static_cast<std::size_t>(PQgetlength(result.get(), row, column))));
  return rows;
}

}  // namespace

void Sql::Finish::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

Sql::Sql(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
}

std::vector<Sql::Row> Sql::rows(const std::string& statements) {
  return rows_of(ResultPointer(PQexec(connection_.get(), statements.c_str())), statements);
}

std::vector<Sql::Row> Sql::rows(const std::string& statement,
                                const std::vector<std::optional<std::string>>& parameters) {
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const auto& parameter : parameters) values.push_back(parameter ? parameter->c_str() : nullptr);
  return rows_of(ResultPointer(PQexecParams(connection_.get(), statement.c_str(), static_cast<int>(values.size()),
                                            nullptr, values.data(), nullptr, nullptr, 0)),
                 statement);
}

std::string Sql::text(const std::string& statement) {
  const auto found = rows(statement);
  return found.empty() || found.front().empty() ? std::string() : found.front().front().value_or("");
}

long long Sql::number(const std::string& statement) {
  const auto value = text(statement);
  return value.empty() ? 0 : std::stoll(value);
}

std::string Sql::error_of(const std::string& statement) {
  try {
    run(statement);
    return {};
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

void Sql::copy_in(const std::string& statement, const std::string& data) {
  const ResultPointer started(PQexec(connection_.get(), statement.c_str()));
  if (PQresultStatus(started.get()) != PGRES_COPY_IN) throw std::runtime_error(PQresultErrorMessage(started.get()));
  PQputCopyData(connection_.get(), data.data(), static_cast<int>(data.size()));
  PQputCopyEnd(connection_.get(), nullptr);
  const ResultPointer ended(PQgetResult(connection_.get()));
  rows_of(ended, statement);
  while (ResultPointer(PQgetResult(connection_.get()))) {
  }
}

}  // namespace tandem::test_support
