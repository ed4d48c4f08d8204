#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "postgres/connection.hpp"
#include "postgres/server_error.hpp"

/// How a Connection sends statements and takes their results; connection.cpp opens it and waits.
namespace tandem::postgres {
namespace {

using std::chrono::milliseconds;

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

std::string excerpt(std::string_view sql) {
  const auto begin = sql.find_first_not_of(" \n\t");
  if (begin == std::string_view::npos) return "statement";
  sql.remove_prefix(begin);
  return "\"" + one_line(sql.substr(0, std::min<std::size_t>(sql.find('\n'), 60))) + "\"";
}

bool succeeded(ExecStatusType status) {
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
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

}  // namespace

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
  if (Status queued = queue_parse(query, params); !queued) return queued;
  if (Status queued = queue_execute(query, params, format); !queued) return queued;
  return launch();
}

Status Connection::send(std::span<const Statement> statements) {
  if (Status free = may_send(); !free) return free;
  return send_behind(statements);
}

Status Connection::send_behind(std::span<const Statement> statements) {
  for (const Statement& statement : statements)
    if (Status sound = sendable(statement.params, statement.query.name); !sound) return sound;
  if (flight_ != Flight::pipeline)
    if (Status begun = begin_pipeline(); !begun) return begun;
  // First all that is to be parsed: what fails in front of it would leave a transaction behind this one without it.
  for (const Statement& statement : statements)
    if (Status queued = queue_parse(statement.query, statement.params); !queued) return queued;
  for (const Statement& statement : statements)
    if (Status queued = queue_execute(statement.query, statement.params, statement.format); !queued) return queued;
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

Status Connection::queue_parse(const Query& query, std::span<const Param> params) {
  const std::string name(query.name);
  const bool parsing = std::any_of(expected_.begin(), expected_.end(), [&](const Expected& expected) {
    return expected.step == Step::parse && expected.query == name;
  });
  if (parsing || prepared_.contains(name)) return {};
  const ParamArrays arrays(params);
  const std::string text(query.text);
  if (PQsendPrepare(connection_.get(), name.c_str(), text.c_str(), arrays.count(), arrays.types.data()) != 1)
    return tl::unexpected<Error>(lost("prepare " + name));
  expected_.push_back({Step::parse, name});
  return {};
}

Status Connection::queue_execute(const Query& query, std::span<const Param> params, Format format) {
  const ParamArrays arrays(params);
  const std::string name(query.name);
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
  expected_.push_back({Step::sync, "end the transaction"});
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
    const Expected& next = expected_.front();
    const std::string doing = next.query;
    if (Status waited = wait_for_result(doing); !waited) return tl::unexpected<Error>(std::move(waited.error()));
    ResultPtr result(PQgetResult(connection_.get()));
    if (!result) {  // between two statements
      if (PQstatus(connection_.get()) == CONNECTION_BAD)
        return tl::unexpected<Error>(failed ? std::move(*failed) : lost(doing));
      continue;
    }
    restart_deadline();
    const ExecStatusType status = PQresultStatus(result.get());
    const bool at_sync = next.step == Step::sync;
    if (status == PGRES_PIPELINE_SYNC || (at_sync && status != PGRES_FATAL_ERROR)) {
      if (status != PGRES_PIPELINE_SYNC || !at_sync) return tl::unexpected<Error>(lost("read an unexpected answer"));
      expected_.pop_front();
      break;
    }
    if (succeeded(status)) {
      if (next.step == Step::parse)
        prepared_.insert(next.query);
      else
        rows.emplace_back(result.release());
    } else if (!failed && status != PGRES_PIPELINE_ABORTED) {
      failed = server_error(result.get(), doing);  // at the sync: a deferred constraint, say
    }
    if (!at_sync) expected_.pop_front();
    if (PQstatus(connection_.get()) == CONNECTION_BAD) {
      Error error = failed ? std::move(*failed) : lost(doing);
      (void)lost(doing);
      return tl::unexpected<Error>(std::move(error));
    }
  }
  if (expected_.empty()) {
    flight_ = Flight::none;
    if (PQexitPipelineMode(connection_.get()) != 1) return tl::unexpected<Error>(lost("end a statement"));
  }
  if (!failed) return rows;
  // The session's statements are no longer what we prepared (a pooler, a changed table): only a new session mends that.
  const bool stale = failed->sqlstate == "26000" ||
                     (failed->sqlstate == "0A000" && failed->message.find("cached plan") != std::string::npos);
  if (stale) {
    failed->kind = ErrorKind::unavailable;
    connection_.reset();
    flight_ = Flight::none;
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

}  // namespace tandem::postgres
