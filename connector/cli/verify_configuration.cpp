#include "cli/verify_configuration.hpp"

#include "cli/check_database.hpp"
#include "cli/installation.hpp"
#include "intake/source_kinds.hpp"
#include "target/registry.hpp"

namespace tandem::cli {

std::optional<postgres::Connection> verified_session(Context& context, Session session, std::string_view purpose,
                                                     Problems* misfits) {
  const Loaded& loaded = context.loaded();
  Problems problems = loaded.problems;
  const std::string& file = loaded.settings.file;
  if (loaded.ok()) {  // whatever the loader has not seen of the requests
    for (const TargetSettings& target : loaded.settings.targets)
      for (TargetProblem& problem : check_target(loaded.settings, target))
        problems.push_back(
            {file, problem.line, "targets." + target.name, std::move(problem.message), std::move(problem.hint)});
    for (const SourceSettings& source : loaded.settings.sources)
      for (SourceProblem& problem : check_source(source))
        problems.push_back(
            {file, problem.line, "sources." + source.name, std::move(problem.message), std::move(problem.hint)});
  }
  std::optional<postgres::Connection> connection;
  if (!loaded.settings.database.url.empty()) {
    auto opened = context.connect(session, purpose);
    if (opened) {
      if (auto installed = require_installation(*opened); !installed)
        problems.push_back(
            {file, loaded.line_of("database"), "database", installed.error().message, installed.error().hint});
      check_database(*opened, loaded, misfits != nullptr ? *misfits : problems);
      connection = std::move(*opened);
    } else {
      const std::string key = session == Session::admin && !loaded.settings.database.admin_url.empty()
                                  ? "database.admin_url"
                                  : "database.url";
      problems.push_back({file, loaded.line_of(key), key, opened.error().message, opened.error().hint});
    }
  }
  if (problems.empty()) return connection;
  if (misfits != nullptr) problems.insert(problems.end(), misfits->begin(), misfits->end());
  sort_by_line(problems);
  context.output().failed(problems);
  return std::nullopt;
}

}  // namespace tandem::cli
