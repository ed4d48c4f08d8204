#pragma once
#include <functional>
#include <string>
#include <vector>

#include "cli/sql_file.hpp"
#include "postgres/connection.hpp"

/// The SQL that this binary carries, and the ledger tandem.schema_version of what a database has (sql/README.md).
namespace tandem::cli {

struct Migration {
  int version = 0;
  std::string name;  ///< schema, of 0001_schema
  std::string_view up, down;
};
/// In order of their versions, without holes.
[[nodiscard]] std::vector<Migration> migrations();
/// Functions, views, privileges: applied again after every migration, in this order.
[[nodiscard]] std::vector<SqlFile> repeatable_files();

/// What a database has.
struct Ledger {
  bool installed = false;
  struct Entry {
    int version = 0;
    std::string name, checksum;  ///< checksum empty: applied by psql
  };
  std::vector<Entry> entries;
  [[nodiscard]] int version() const { return entries.empty() ? 0 : entries.back().version; }
};
[[nodiscard]] Result<Ledger> read_ledger(postgres::Connection& session);

/// Pure: what is wrong with a ledger for this binary. `checksums` are those of migrations(), by position.
[[nodiscard]] Status check_ledger(const Ledger& ledger, const std::vector<std::string>& checksums);

using Progress = std::function<void(const std::string& sentence)>;

/// Applies what is missing, under an advisory lock, each migration in its own transaction with a lock_timeout and
/// retries. Returns the number of migrations applied.
[[nodiscard]] Result<int> migrate_up(postgres::Connection& session, const std::string& publication,
                                     const Progress& progress);
/// Takes back every migration above `version`.
[[nodiscard]] Result<int> migrate_down(postgres::Connection& session, int version, const Progress& progress);

/// Fails, with a hint, unless the database has exactly what this binary carries.
[[nodiscard]] Status require_installation(postgres::Connection& session);

}  // namespace tandem::cli
