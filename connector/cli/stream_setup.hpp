#pragma once
#include "cli/installation.hpp"
#include "config/settings.hpp"
#include "postgres/connection.hpp"

namespace tandem::cli {

/// Makes what the first watch of mode `wal` needs before it can leave its triggers: the publication (with pgoutput) by
/// the admin's session, the slot by the connector's role, and the stream's row in tandem.stream. Does nothing where the
/// stream is there, or no watch wants one. Nothing is captured from before the slot was made.
[[nodiscard]] Status prepare_stream(postgres::Connection& admin, const Settings& settings, const Progress& progress);

}  // namespace tandem::cli
