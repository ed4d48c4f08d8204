#pragma once
#include <string>
#include <string_view>

#include "model/error.hpp"

struct pg_result;

namespace tandem::postgres {

/// What the caller of a failed statement can do, by SQLSTATE.
[[nodiscard]] ErrorKind kind_of(std::string_view sqlstate);

/// The error of a failed result: "doing: primary message", the server's hint, the sqlstate. The server's detail is left
/// out: it quotes rows.
[[nodiscard]] Error server_error(const pg_result* result, std::string_view doing);

/// The error of a connection that could not be made, from libpq's verbose message (the only place where it gives the
/// sqlstate).
[[nodiscard]] Error connect_error(std::string_view message);

/// libpq's own words for a connection that failed: one line, no full stop.
[[nodiscard]] std::string one_line(std::string_view message);

}  // namespace tandem::postgres
