#pragma once
#include <chrono>
#include <deque>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/error.hpp"
#include "postgres/param.hpp"
#include "postgres/rows.hpp"

struct pg_conn;

/// RAII over libpq, the only folder that includes it. Errors of the server are translated in postgres/server_error.hpp:
/// `refused` with sqlstate, `unavailable` when the connection is gone (or the server says so), `timeout` for a
/// cancelled statement.
namespace tandem::postgres {

/// A query of store/queries: its name is the prepared statement, log field and metric label.
struct Query {
  std::string_view name, text;
};

enum class Format : std::uint8_t { text, binary };

/// A query with what it is run on. `query` must outlive the statement.
struct Statement {
  Query query;
  std::vector<Param> params;
  Format format = Format::text;
};

/// One session. Not thread-safe. Every call blocks at most until its deadline; when that passes without a word from the
/// server the connection is closed and the effect is unknown. A server that can still answer ends the statement itself
/// (statement_timeout), and one that notices our closing stops working for us (client_connection_check_interval), so
/// nothing is ever cancelled from here: PQcancel would block on a network that is cut.
///
/// Sessions are alike whatever the database or the role sets: UTF-8, UTC, ISO dates, shortest exact floats; TCP
/// keepalives notice a cut network within 20 s. No error holds a password or a row's values.
class Connection {
 public:
  struct Options {
    std::string application_name = "tandem";
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds deadline{30'000};  ///< for each statement; 0 = none
    std::vector<std::pair<std::string, std::string>>
        settings;              ///< at connect: plan_cache_mode, enable_seqscan, row_security…
    bool replication = false;  ///< walsender of this database: only script() and replication_stream.hpp
  };
  [[nodiscard]] static Result<Connection> open(const std::string& conninfo, const Options& options);

  /// One statement with parameters.
  [[nodiscard]] Result<Rows> run(std::string_view sql, std::span<const Param> params = {},
                                 Format format = Format::text);
  /// The same, prepared under its name at first use.
  [[nodiscard]] Result<Rows> run(const Query& query, std::span<const Param> params = {}, Format format = Format::text);
  /// Several statements in one round trip and one transaction: all or nothing. The error names the statement that
  /// failed.
  [[nodiscard]] Result<std::vector<Rows>> run(std::span<const Statement> statements);
  /// Several statements in one simple query (migrations), one transaction unless they say otherwise; the rows of the
  /// last one.
  [[nodiscard]] Result<Rows> script(std::string_view sql);
  /// A replication command that turns the session into a stream both ways (START_REPLICATION); from here
  /// replication_stream.hpp.
  [[nodiscard]] Status start_copy_both(std::string_view command);

  /// Asynchronous: `send` returns at once; the rows are fetched by `finish` (waits) or when `ready` after the socket
  /// became readable. Nothing else may be run in between. After several statements, `finish_all`.
  [[nodiscard]] Status send(const Query& query, std::span<const Param> params = {}, Format format = Format::text);
  [[nodiscard]] Status send(std::span<const Statement> statements);
  /// Another transaction behind what was sent and has not been finished, so that the server need not wait for it. Each
  /// is finished by a `finish_all` of its own, in order, and fails alone.
  [[nodiscard]] Status send_behind(std::span<const Statement> statements);
  [[nodiscard]] Status send_script(std::string_view sql);
  [[nodiscard]] Result<bool> ready();  ///< true: finish will not wait
  [[nodiscard]] Result<bool> wait_until_ready(std::chrono::milliseconds longest);
  [[nodiscard]] Result<Rows> finish();
  [[nodiscard]] Result<std::vector<Rows>> finish_all();
  [[nodiscard]] bool in_flight() const { return flight_ != Flight::none; }

  [[nodiscard]] int socket() const;          ///< -1 when closed
  [[nodiscard]] int server_version() const;  ///< 150020 for 15.20
  [[nodiscard]] int backend_pid() const;
  [[nodiscard]] bool usable() const;
  [[nodiscard]] std::string quoted_identifier(std::string_view name) const;
  [[nodiscard]] std::string quoted_literal(std::string_view text) const;
  /// For replication_stream.cpp alone.
  [[nodiscard]] pg_conn* raw() const { return connection_.get(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  enum class Flight : std::uint8_t { none, pipeline, script };
  enum class Step : std::uint8_t { parse, execute, sync };
  /// One result to come.
  struct Expected {
    Step step;
    std::string query;  ///< its name, or the beginning of its text, or what a sync does
  };

  [[nodiscard]] Status connect(const std::string& conninfo);
  [[nodiscard]] Status configure();
  [[nodiscard]] Status may_send() const;
  [[nodiscard]] Status begin_pipeline();
  [[nodiscard]] Status queue_parse(const Query& query, std::span<const Param> params);
  [[nodiscard]] Status queue_execute(const Query& query, std::span<const Param> params, Format format);
  [[nodiscard]] Status queue_unnamed(std::string_view sql, std::span<const Param> params, Format format);
  [[nodiscard]] Status launch();
  [[nodiscard]] Result<Rows> finish_script();
  [[nodiscard]] Status flush(std::string_view doing);
  [[nodiscard]] Status wait_for_result(std::string_view doing);
  [[nodiscard]] Status wait_for_socket(short events, std::string_view doing);
  [[nodiscard]] Error lost(std::string_view doing);
  void restart_deadline();

  std::unique_ptr<pg_conn, Finish> connection_;
  Options options_;
  std::string password_;  ///< to be kept out of errors
  std::set<std::string, std::less<>> prepared_;
  std::deque<Expected> expected_;
  Flight flight_ = Flight::none;
  std::string script_;  ///< the one in flight, for its errors
  Clock::time_point deadline_{};
};

}  // namespace tandem::postgres
