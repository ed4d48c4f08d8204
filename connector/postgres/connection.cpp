#include "postgres/connection.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "postgres/server_error.hpp"

namespace tandem::postgres {
namespace {

using std::chrono::milliseconds;

// How long a server that can still talk has to report its own statement_timeout before the connection is given up.
constexpr milliseconds grace{2'000};

// Before the caller's own conninfo, which may say otherwise.
constexpr std::array<std::pair<const char*, const char*>, 5> link_defaults{{{"keepalives", "1"},
                                                                            {"keepalives_idle", "10"},
                                                                            {"keepalives_interval", "3"},
                                                                            {"keepalives_count", "3"},
                                                                            {"tcp_user_timeout", "20000"}}};

// What a value looks like as text must not depend on the database, the role or the machine; and a session of ours that
// hangs must hold neither a snapshot nor a lock.
constexpr std::array<std::pair<const char*, const char*>, 9> session_defaults{
    {{"DateStyle", "ISO, MDY"},
     {"IntervalStyle", "postgres"},
     {"TimeZone", "UTC"},
     {"bytea_output", "hex"},
     {"extra_float_digits", "1"},
     {"xmlbinary", "base64"},
     {"lc_monetary", "C"},
     {"standard_conforming_strings", "on"},
     {"idle_in_transaction_session_timeout", "5s"}}};

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using ConninfoPtr = std::unique_ptr<PQconninfoOption, FreeOptions>;

struct FreeMemory {
  void operator()(char* text) const { PQfreemem(text); }
};

std::string excerpt(std::string_view sql) {
  const auto begin = sql.find_first_not_of(" \n\t");
  if (begin == std::string_view::npos) return "statement";
  sql.remove_prefix(begin);
  return "\"" + one_line(sql.substr(0, std::min<std::size_t>(sql.find('\n'), 60))) + "\"";
}

bool succeeded(ExecStatusType status) {
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

std::string replaced(std::string text, const std::string& secret) {
  if (secret.empty()) return text;
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3))
    text.replace(at, secret.size(), "***");
  return text;
}

// Line of a statement's position in a script, for the error of a migration.
std::string at_line(const PGresult* result, std::string_view sql) {
  const char* position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
  if (position == nullptr) return {};
  auto characters = std::max(std::atol(position) - 1, 0L);
  std::size_t line = 1;
  for (std::size_t i = 0; i < sql.size() && characters > 0; ++i) {
    if ((static_cast<unsigned char>(sql[i]) & 0xc0U) != 0x80U) --characters;
    if (sql[i] == '\n') ++line;
  }
  return " at line " + std::to_string(line);
}

// The libpq form of a list of parameters; points into it.
struct ParamArrays {
  explicit ParamArrays(std::span<const Param> params) {
    for (const Param& param : params) {
      types.push_back(param.oid);
      values.push_back(param.null ? nullptr : param.bytes.c_str());
      lengths.push_back(static_cast<int>(param.bytes.size()));
      formats.push_back(param.binary ? 1 : 0);
    }
  }
  int count() const { return static_cast<int>(values.size()); }
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
};

// libpq would cut a text at its first NUL without a word; PostgreSQL has no text with one.
Status sendable(std::span<const Param> params, std::string_view query) {
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (params[i].binary || params[i].bytes.find('\0') == std::string::npos) continue;
    Error error{ErrorKind::refused,
                std::string(query) + ": parameter " + std::to_string(i + 1) + " holds a NUL character",
                {},
                "22021"};
    return tl::unexpected<Error>(std::move(error));
  }
  return {};
}

// libpq's own message would quote the text, password included.
Error unreadable_conninfo() {
  return {ErrorKind::config,
          "the database's connection string cannot be read",
          "write it as postgresql://user@host:port/database or as key=value pairs; percent-encode special characters "
          "of the password: / is %2F, @ is %40, : is %3A",
          {}};
}

// An unencoded / or @ in a URL's password leaves a part of it in what libpq takes for host, port or database, and then
// in its messages.
bool misreads_password(const PQconninfoOption* options) {
  for (; options->keyword != nullptr; ++options) {
    const std::string_view keyword = options->keyword, value = options->val == nullptr ? "" : options->val;
    if ((keyword == "host" || keyword == "dbname") && value.find('@') != std::string_view::npos) return true;
    if (keyword == "port" && value.find_first_not_of("0123456789,") != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

void Connection::Finish::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

// --- opening
// -------------------------------------------------------------------------------------------------------------------

Result<Connection> Connection::open(const std::string& conninfo, const Options& options) {
  Connection connection;
  connection.options_ = options;
  if (Status connected = connection.connect(conninfo); !connected)
    return tl::unexpected<Error>(std::move(connected.error()));
  if (Status configured = connection.configure(); !configured)
    return tl::unexpected<Error>(std::move(configured.error()));
  return connection;
}

Status Connection::connect(const std::string& conninfo) {
  const ConninfoPtr parsed(PQconninfoParse(conninfo.c_str(), nullptr));
  if (!parsed) return tl::unexpected<Error>(unreadable_conninfo());
  const bool misread = misreads_password(parsed.get());
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option)
    if (std::strcmp(option->keyword, "password") == 0 && option->val != nullptr) password_ = option->val;

  std::vector<const char*> keywords, values;
  const auto set = [&](const char* keyword, const char* value) {
    keywords.push_back(keyword);
    values.push_back(value);
  };
  for (const auto& [keyword, value] : link_defaults) set(keyword, value);
  set("dbname", conninfo.c_str());
  set("application_name", options_.application_name.c_str());
  set("client_encoding", "UTF8");
  if (options_.replication) set("replication", "database");
  set(nullptr, nullptr);

  connection_.reset(PQconnectStartParams(keywords.data(), values.data(), 1));
  if (!connection_) throw std::bad_alloc();
  PQsetErrorVerbosity(connection_.get(), PQERRORS_VERBOSE);
  PQsetNoticeReceiver(
      connection_.get(), [](void*, const PGresult*) {}, nullptr);
  deadline_ = Clock::now() + options_.connect_timeout;
  for (auto polled = PGRES_POLLING_WRITING; polled != PGRES_POLLING_OK; polled = PQconnectPoll(connection_.get())) {
    if (PQstatus(connection_.get()) == CONNECTION_BAD || polled == PGRES_POLLING_FAILED) {
      Error error =
          misread ? unreadable_conninfo() : connect_error(replaced(PQerrorMessage(connection_.get()), password_));
      connection_.reset();
      return tl::unexpected<Error>(std::move(error));
    }
    const short events = polled == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (Status waited = wait_for_socket(events, "connect to the database"); !waited) {
      waited.error().kind = ErrorKind::unavailable;  // nothing was sent: nothing can have taken effect
      return waited;
    }
  }
  PQsetErrorVerbosity(connection_.get(), PQERRORS_DEFAULT);
  return PQsetnonblocking(connection_.get(), 1) == 0 ? Status{}
                                                     : tl::unexpected<Error>(lost("connect to the database"));
}

Status Connection::configure() {
  std::string sql;
  const auto set = [&](std::string_view name, std::string_view value) {
    sql += "set " + quoted_identifier(name) + " = " + quoted_literal(value) + ";";
  };
  for (const auto& [name, value] : session_defaults) set(name, value);
  if (server_version() >= 140000) set("client_connection_check_interval", "2s");
  if (!options_.replication) set("statement_timeout", std::to_string(options_.deadline.count()));
  for (const auto& [name, value] : options_.settings) set(name, value);
  const auto done = script(sql);
  return done ? Status{} : tl::unexpected<Error>(done.error());
}

// --- statements
// ----------------------------------------------------------------------------------------------------------------

Result<Rows> Connection::run(std::string_view sql, std::span<const Param> params, Format format) {
  if (Status sound = sendable(params, excerpt(sql)); !sound) return tl::unexpected<Error>(std::move(sound.error()));
  if (Status begun = begin_pipeline(); !begun) return tl::unexpected<Error>(std::move(begun.error()));
  if (Status queued = queue_unnamed(sql, params, format); !queued)
    return tl::unexpected<Error>(std::move(queued.error()));
  if (Status sent = launch(); !sent) return tl::unexpected<Error>(std::move(sent.error()));
  return finish();
}

Result<Rows> Connection::run(const Query& query, std::span<const Param> params, Format format) {
  if (Status sent = send(query, params, format); !sent) return tl::unexpected<Error>(std::move(sent.error()));
  return finish();
}

Result<std::vector<Rows>> Connection::run(std::span<const Statement> statements) {
  if (Status sent = send(statements); !sent) return tl::unexpected<Error>(std::move(sent.error()));
  return finish_all();
}

Status Connection::send(const Query& query, std::span<const Param> params, Format format) {
  if (Status sound = sendable(params, query.name); !sound) return sound;
  if (Status begun = begin_pipeline(); !begun) return begun;
  if (Status queued = queue(query, params, format); !queued) return queued;
  return launch();
}

Status Connection::send(std::span<const Statement> statements) {
  for (const Statement& statement : statements)
    if (Status sound = sendable(statement.params, statement.query.name); !sound) return sound;
  if (Status begun = begin_pipeline(); !begun) return begun;
  for (const Statement& statement : statements)
    if (Status queued = queue(statement.query, statement.params, statement.format); !queued) return queued;
  return launch();
}

// Every statement flies in libpq's pipeline mode: preparing and running take one round trip, and what flies together is
// one transaction, ended by the sync.
Status Connection::begin_pipeline() {
  if (Status free = may_send(); !free) return free;
  expected_.clear();
  if (PQenterPipelineMode(connection_.get()) != 1) return tl::unexpected<Error>(lost("begin a statement"));
  flight_ = Flight::pipeline;
  return {};
}

Status Connection::may_send() const {
  if (!usable()) return fail(ErrorKind::unavailable, "the database connection is closed");
  if (in_flight()) return fail(ErrorKind::internal, "a statement was sent before the previous one was finished");
  return {};
}

Status Connection::queue(const Query& query, std::span<const Param> params, Format format) {
  const ParamArrays arrays(params);
  const std::string name(query.name);
  const bool parsing = std::any_of(expected_.begin(), expected_.end(), [&](const Expected& expected) {
    return expected.step == Step::parse && expected.query == name;
  });
  if (!prepared_.contains(name) && !parsing) {
    const std::string text(query.text);
    if (PQsendPrepare(connection_.get(), name.c_str(), text.c_str(), arrays.count(), arrays.types.data()) != 1)
      return tl::unexpected<Error>(lost("prepare " + name));
    expected_.push_back({Step::parse, name});
  }
  if (PQsendQueryPrepared(connection_.get(), name.c_str(), arrays.count(), arrays.values.data(), arrays.lengths.data(),
                          arrays.formats.data(), format == Format::binary ? 1 : 0) != 1)
    return tl::unexpected<Error>(lost("send " + name));
  expected_.push_back({Step::execute, name});
  return {};
}

Status Connection::queue_unnamed(std::string_view sql, std::span<const Param> params, Format format) {
  const ParamArrays arrays(params);
  const std::string text(sql);
  if (PQsendQueryParams(connection_.get(), text.c_str(), arrays.count(), arrays.types.data(), arrays.values.data(),
                        arrays.lengths.data(), arrays.formats.data(), format == Format::binary ? 1 : 0) != 1)
    return tl::unexpected<Error>(lost("send " + excerpt(sql)));
  expected_.push_back({Step::execute, excerpt(sql)});
  return {};
}

Status Connection::launch() {
  if (PQpipelineSync(connection_.get()) != 1) return tl::unexpected<Error>(lost("send a statement"));
  restart_deadline();
  return flush("send a statement");
}

Result<bool> Connection::ready() {
  if (!usable()) return fail(ErrorKind::unavailable, "the database connection is closed");
  if (PQconsumeInput(connection_.get()) != 1) return tl::unexpected<Error>(lost("read an answer"));
  return PQisBusy(connection_.get()) == 0;
}

Result<bool> Connection::wait_until_ready(milliseconds longest) {
  const auto until = Clock::now() + longest;
  while (true) {
    Result<bool> done = ready();
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    if (!done || *done || left <= 0) return done;
    pollfd waited{PQsocket(connection_.get()), POLLIN, 0};
    if (::poll(&waited, 1, static_cast<int>(std::min<std::int64_t>(left, 3'600'000))) < 0 && errno != EINTR)
      return tl::unexpected<Error>(lost("wait for an answer"));
  }
}

Result<Rows> Connection::finish() {
  if (flight_ == Flight::script) return finish_script();
  auto all = finish_all();
  if (!all) return tl::unexpected<Error>(std::move(all.error()));
  if (all->empty()) return Rows{};
  return std::move(all->back());
}

Result<std::vector<Rows>> Connection::finish_all() {
  if (flight_ != Flight::pipeline) return fail(ErrorKind::internal, "no statement is in flight");
  std::vector<Rows> rows;
  std::optional<Error> failed;
  while (true) {
    const std::string doing = expected_.empty() ? "end the transaction" : expected_.front().query;
    if (Status waited = wait_for_result(doing); !waited) return tl::unexpected<Error>(std::move(waited.error()));
    ResultPtr result(PQgetResult(connection_.get()));
    if (!result) {  // between two statements
      if (PQstatus(connection_.get()) == CONNECTION_BAD)
        return tl::unexpected<Error>(failed ? std::move(*failed) : lost(doing));
      continue;
    }
    restart_deadline();
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_PIPELINE_SYNC) break;
    if (expected_.empty() && status != PGRES_FATAL_ERROR)
      return tl::unexpected<Error>(lost("read an unexpected answer"));
    if (succeeded(status)) {
      if (expected_.front().step == Step::parse)
        prepared_.insert(expected_.front().query);
      else
        rows.emplace_back(result.release());
    } else if (!failed && status != PGRES_PIPELINE_ABORTED) {
      failed = server_error(result.get(), doing);  // at the sync: a deferred constraint, say
    }
    if (!expected_.empty()) expected_.pop_front();
    if (PQstatus(connection_.get()) == CONNECTION_BAD) {
      Error error = failed ? std::move(*failed) : lost(doing);
      (void)lost(doing);
      return tl::unexpected<Error>(std::move(error));
    }
  }
  flight_ = Flight::none;
  if (PQexitPipelineMode(connection_.get()) != 1) return tl::unexpected<Error>(lost("end a statement"));
  if (!failed) return rows;
  // The session's statements are no longer what we prepared (a pooler, a changed table): only a new session mends that.
  const bool stale = failed->sqlstate == "26000" ||
                     (failed->sqlstate == "0A000" && failed->message.find("cached plan") != std::string::npos);
  if (stale) {
    failed->kind = ErrorKind::unavailable;
    connection_.reset();
  }
  return tl::unexpected<Error>(std::move(*failed));
}

Result<Rows> Connection::script(std::string_view sql) {
  if (Status sent = send_script(sql); !sent) return tl::unexpected<Error>(std::move(sent.error()));
  return finish_script();
}

Status Connection::send_script(std::string_view sql) {
  if (Status free = may_send(); !free) return free;
  script_ = sql;
  if (PQsendQuery(connection_.get(), script_.c_str()) != 1) return tl::unexpected<Error>(lost(excerpt(sql)));
  flight_ = Flight::script;
  restart_deadline();
  return flush(excerpt(sql));
}

Result<Rows> Connection::finish_script() {
  const std::string doing = excerpt(script_);
  Rows last;
  std::optional<Error> failed;
  while (true) {
    if (Status waited = wait_for_result(doing); !waited) return tl::unexpected<Error>(std::move(waited.error()));
    ResultPtr result(PQgetResult(connection_.get()));
    if (!result) break;
    restart_deadline();
    const ExecStatusType status = PQresultStatus(result.get());
    if (succeeded(status)) {
      last = Rows(result.release());
    } else if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      connection_.reset();
      return fail(ErrorKind::internal, doing + ": a script may not copy");
    } else if (!failed) {
      failed = server_error(result.get(), doing + at_line(result.get(), script_));
    }
  }
  flight_ = Flight::none;
  if (PQstatus(connection_.get()) == CONNECTION_BAD) {
    Error error = lost(doing);
    return tl::unexpected<Error>(failed ? std::move(*failed) : std::move(error));
  }
  if (failed) return tl::unexpected<Error>(std::move(*failed));
  return last;
}

Status Connection::start_copy_both(std::string_view command) {
  if (Status sent = send_script(command); !sent) return sent;
  const std::string doing = excerpt(command);
  if (Status waited = wait_for_result(doing); !waited) return waited;
  const ResultPtr result(PQgetResult(connection_.get()));
  flight_ = Flight::none;
  if (result && PQresultStatus(result.get()) == PGRES_COPY_BOTH) return {};
  Error error = result ? server_error(result.get(), doing) : lost(doing);
  connection_.reset();  // whatever the session is in now, it is not what was asked for
  return tl::unexpected<Error>(std::move(error));
}

// --- waiting
// -------------------------------------------------------------------------------------------------------------------

void Connection::restart_deadline() {
  deadline_ = options_.deadline.count() == 0 ? Clock::time_point::max() : Clock::now() + options_.deadline + grace;
}

// Everything goes to the kernel; what the server says meanwhile is taken in, or both sides could wait for the other to
// read.
Status Connection::flush(std::string_view doing) {
  while (true) {
    const int flushed = PQflush(connection_.get());
    if (flushed == 0) return {};
    if (flushed < 0) return tl::unexpected<Error>(lost(doing));
    if (Status waited = wait_for_socket(POLLIN | POLLOUT, doing); !waited) return waited;
    if (PQconsumeInput(connection_.get()) != 1) return tl::unexpected<Error>(lost(doing));
  }
}

Status Connection::wait_for_result(std::string_view doing) {
  while (PQisBusy(connection_.get()) != 0) {
    if (Status waited = wait_for_socket(POLLIN, doing); !waited) return waited;
    // A connection that broke still holds what the server said last: PQgetResult gives it, then the caller sees the
    // state.
    if (PQconsumeInput(connection_.get()) != 1 && PQisBusy(connection_.get()) != 0)
      return tl::unexpected<Error>(lost(doing));
  }
  return {};
}

Status Connection::wait_for_socket(short events, std::string_view doing) {
  while (true) {
    int wait = -1;
    if (deadline_ != Clock::time_point::max()) {
      const auto left = std::chrono::ceil<milliseconds>(deadline_ - Clock::now()).count();
      wait = static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
    }
    pollfd waited{PQsocket(connection_.get()), events, 0};
    const int count = ::poll(&waited, 1, wait);
    if (count > 0) return {};
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return tl::unexpected<Error>(lost(doing));
    if (Clock::now() < deadline_) continue;
    connection_.reset();
    flight_ = Flight::none;
    return fail(ErrorKind::timeout,
                std::string(doing) + ": no answer from the database in time; the connection is closed");
  }
}

Error Connection::lost(std::string_view doing) {
  Error error;
  error.kind = ErrorKind::unavailable;
  const char* words = connection_ ? PQerrorMessage(connection_.get()) : "";
  error.message = std::string(doing) + ": the database connection is lost";
  if (words != nullptr && *words != '\0') error.message += ": " + one_line(replaced(words, password_));
  connection_.reset();
  flight_ = Flight::none;
  return error;
}

// --- properties
// ----------------------------------------------------------------------------------------------------------------

int Connection::socket() const {
  return connection_ ? PQsocket(connection_.get()) : -1;
}
int Connection::server_version() const {
  return connection_ ? PQserverVersion(connection_.get()) : 0;
}
int Connection::backend_pid() const {
  return connection_ ? PQbackendPID(connection_.get()) : 0;
}
bool Connection::usable() const {
  return connection_ && PQstatus(connection_.get()) == CONNECTION_OK;
}

std::string Connection::quoted_identifier(std::string_view name) const {
  const std::unique_ptr<char, FreeMemory> quoted(PQescapeIdentifier(connection_.get(), name.data(), name.size()));
  return quoted ? quoted.get() : "";
}

std::string Connection::quoted_literal(std::string_view text) const {
  const std::unique_ptr<char, FreeMemory> quoted(PQescapeLiteral(connection_.get(), text.data(), text.size()));
  return quoted ? quoted.get() : "";
}

}  // namespace tandem::postgres
