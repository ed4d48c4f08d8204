#pragma once
#include "config/load.hpp"
#include "postgres/connection.hpp"

namespace tandem::cli {

/// What the file says about tables, held against the database: tables, keys, columns, `when` and `sql` expressions.
/// Adds a problem for everything that does not fit; changes nothing. Works before `tandem migrate`, too.
void check_database(postgres::Connection& session, const Loaded& loaded, Problems& problems);

}  // namespace tandem::cli
