#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/child_process.hpp"
#include "support/files.hpp"
#include "support/port.hpp"
#include "support/sql.hpp"

namespace tandem::test_support {

/// A PostgreSQL server of this test alone: own folder, port and socket, wal_level logical, everybody trusted, database
/// `crm`. It is a copy of a cluster that initdb made once per server version, so it starts in a fraction of a second.
/// It runs as user postgres where we are root, and ends with the thread that started it (so make it in the test's own
/// thread). When the test has failed its log is kept and the end of it printed. Throws std::runtime_error with the
/// log's end.
class PrivatePostgres {
 public:
  enum class Durability { fast, real };  ///< fast: fsync off, enough for every crash but the machine's
  struct Options {
    std::vector<std::pair<std::string, std::string>> settings = {};  ///< lines of postgresql.conf
    Durability durability = Durability::fast;
    bool output_plugin = false;  ///< pg_plugin is installed for this server alone, and allowed
  };
  enum class Shutdown { fast, immediate };

  PrivatePostgres() : PrivatePostgres(Options{}) {}
  explicit PrivatePostgres(const Options& options);
  ~PrivatePostgres();
  PrivatePostgres(const PrivatePostgres&) = delete;
  PrivatePostgres& operator=(const PrivatePostgres&) = delete;

  [[nodiscard]] std::string url(const std::string& user = "postgres", const std::string& database = "crm") const;
  [[nodiscard]] Sql connect(const std::string& user = "postgres") const { return Sql(url(user)); }
  [[nodiscard]] int port() const { return port_.number(); }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
  [[nodiscard]] pid_t pid() const { return server_->pid(); }

  /// Runs a file through psql, stopping at the first error.
  void run_file(const std::filesystem::path& file, const std::string& user = "postgres");
  /// Applies sql/install.sql of this source tree with psql.
  void install_tandem();

  void start();
  void stop(Shutdown how = Shutdown::fast);
  void restart(Shutdown how = Shutdown::fast);
  /// SIGSTOP to the server and all its processes: connected, but mute.
  void freeze() const;
  void thaw() const;
  [[nodiscard]] std::string log() const;

 private:
  void signal_all(int number) const;
  void allow_output_plugin();

  TemporaryFolder folder_;
  Port port_;
  std::optional<ChildProcess> server_;
};

/// Folder of the server's programs: TANDEM_TEST_PG_BIN, or what pg_config says, or the newest of /usr/lib/postgresql.
[[nodiscard]] std::filesystem::path postgres_programs();

}  // namespace tandem::test_support
