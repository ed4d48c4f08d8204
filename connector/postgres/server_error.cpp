#include "postgres/server_error.hpp"

#include <libpq-fe.h>

namespace tandem::postgres {
namespace {

std::string_view field(const pg_result* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string_view{} : std::string_view(text);
}

bool is_sqlstate(std::string_view text) {
  return text.size() == 5 && text.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string_view::npos;
}

}  // namespace

ErrorKind kind_of(std::string_view sqlstate) {
  if (sqlstate.empty()) return ErrorKind::unavailable;  // libpq made it up: the connection is gone
  const std::string_view error_class = sqlstate.substr(0, 2);
  if (sqlstate == "57014") return ErrorKind::timeout;
  if (error_class == "08" || error_class == "53" || error_class == "58") return ErrorKind::unavailable;
  if (sqlstate == "57P01" || sqlstate == "57P02" || sqlstate == "57P03" || sqlstate == "57P05" || sqlstate == "25P03" ||
      sqlstate == "25P04")
    return ErrorKind::unavailable;
  if (sqlstate == "55P03" || sqlstate == "40P01" || sqlstate == "40001")
    return ErrorKind::unavailable;                         // others were in the way
  if (sqlstate == "26000") return ErrorKind::unavailable;  // a pooler took our prepared statements: connect again
  return ErrorKind::refused;
}

std::string one_line(std::string_view message) {
  std::string out;
  for (const char c : message) {
    if (c == '\n' || c == '\r' || c == '\t')
      out += out.empty() || out.back() == ' ' ? "" : " ";
    else
      out += c;
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == '.')) out.pop_back();
  return out;
}

Error server_error(const pg_result* result, std::string_view doing) {
  Error error;
  error.sqlstate = field(result, PG_DIAG_SQLSTATE);
  error.kind = kind_of(error.sqlstate);
  std::string_view primary = field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (primary.empty() && result != nullptr) primary = PQresultErrorMessage(result);
  error.message = std::string(doing) + ": " + one_line(primary);
  error.hint = one_line(field(result, PG_DIAG_MESSAGE_HINT));
  return error;
}

Error connect_error(std::string_view message) {
  Error error;
  message = message.substr(0, message.find("\nLOCATION:"));
  // connection to server at "host", port 5432 failed: FATAL:  28P01: password authentication failed for user "x"
  std::string text(message);
  for (auto at = text.find(":  "); at != std::string::npos; at = text.find(":  ", at + 1)) {
    if (at + 9 >= text.size() || text[at + 8] != ':' || !is_sqlstate(std::string_view(text).substr(at + 3, 5)))
      continue;
    error.sqlstate = text.substr(at + 3, 5);
    text.erase(at + 1, 8);
    break;
  }
  error.kind = kind_of(error.sqlstate);
  error.message = one_line(text);
  return error;
}

}  // namespace tandem::postgres
