#include "cli/read_session.hpp"

#include "cli/installation.hpp"

namespace tandem::cli {

std::optional<postgres::Connection> installed_session(Context& context, std::string_view purpose) {
  if (const auto problems = context.database_problems(); !problems.empty()) {
    context.output().failed(problems);
    return std::nullopt;
  }
  auto session = context.connect(Session::everyday, purpose);
  if (!session) {
    context.output().failed(session.error());
    return std::nullopt;
  }
  if (auto installed = require_installation(*session); !installed) {
    context.output().failed(installed.error());
    return std::nullopt;
  }
  return std::move(*session);
}

}  // namespace tandem::cli
