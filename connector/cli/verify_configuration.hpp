#pragma once
#include <optional>

#include "cli/context.hpp"

namespace tandem::cli {

/// Reads the file, reaches the database, holds one against the other: every problem of both at once. A session for what
/// follows, or nothing and everything has been told. Used by plan, apply and run alike, so that they refuse the same
/// things; with `misfits`, what the watched tables lack is no reason to refuse and goes there.
[[nodiscard]] std::optional<postgres::Connection> verified_session(Context& context, Session session,
                                                                   std::string_view purpose,
                                                                   Problems* misfits = nullptr);

}  // namespace tandem::cli
