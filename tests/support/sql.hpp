#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct pg_conn;

namespace tandem::test_support {

/// A plain session for arranging and checking, apart from the code under test. Throws std::runtime_error with the
/// server's words.
class Sql {
 public:
  explicit Sql(const std::string& url);

  using Row = std::vector<std::optional<std::string>>;
  /// One or several statements; the rows of the last.
  std::vector<Row> rows(const std::string& statements);
  void run(const std::string& statements) { rows(statements); }
  /// One statement with parameters as text.
  std::vector<Row> rows(const std::string& statement, const std::vector<std::optional<std::string>>& parameters);
  /// The first column of the first row; "" for null or no row.
  std::string text(const std::string& statement);
  long long number(const std::string& statement);
  /// The server's refusal, or "" where the statement passes.
  std::string error_of(const std::string& statement);
  /// `copy … from stdin` with this text.
  void copy_in(const std::string& statement, const std::string& data);
  [[nodiscard]] pg_conn* raw() const { return connection_.get(); }

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  std::unique_ptr<pg_conn, Finish> connection_;
};

}  // namespace tandem::test_support
