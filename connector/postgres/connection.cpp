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

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using ConninfoPtr = std::unique_ptr<PQconninfoOption, FreeOptions>;

struct FreeMemory {
  void operator()(char* text) const { PQfreemem(text); }
};

std::string replaced(std::string text, const std::string& secret) {
  if (secret.empty()) return text;
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3))
    text.replace(at, secret.size(), "***");
  return text;
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
