#pragma once
#include <optional>

#include "cli/context.hpp"

namespace tandem::cli {

/// A session for commands that read or decide: the file's database section must be right and tandem installed. Nothing
/// = it has been told why.
[[nodiscard]] std::optional<postgres::Connection> installed_session(Context& context, std::string_view purpose);

}  // namespace tandem::cli
