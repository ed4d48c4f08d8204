#include "cli/changes.hpp"
#include "cli/check_database.hpp"
#include "cli/findings.hpp"
#include "cli/installation.hpp"
#include "target/registry.hpp"

namespace tandem::cli {

void look_at_configuration(Context& context, Findings& findings) {
  const Loaded& loaded = context.loaded();
  for (const Problem& problem : loaded.problems) {
    Problem told = problem;
    told.remedy.clear();
    findings.push_back({"configuration", Severity::error, to_string(told), problem.remedy});
  }
  if (!loaded.ok()) return;
  for (const TargetSettings& target : loaded.settings.targets)
    for (const TargetProblem& problem : check_target(loaded.settings, target))
      findings.push_back(
          {"configuration", Severity::error, "target " + target.name + ": " + problem.message, problem.hint});
  findings.push_back({"configuration",
                      Severity::ok,
                      loaded.settings.file + ": " + counted(loaded.settings.targets.size(), "target") + ", " +
                          counted(loaded.settings.watches.size(), "watch", "watches") + ", " +
                          counted(loaded.settings.routes.size(), "route"),
                      {}});
}

void look_at_installation(postgres::Connection& session, const Loaded& loaded, Findings& findings) {
  if (auto installed = require_installation(session); !installed) {
    findings.push_back({"installation", Severity::error, installed.error().message, installed.error().hint});
    return;
  }
  findings.push_back(
      {"installation", Severity::ok, "schema version " + std::to_string(migrations().back().version), {}});
  Problems problems;
  check_database(session, loaded, problems);
  for (Problem& problem : problems) {
    const std::string remedy = std::exchange(problem.remedy, {});
    findings.push_back({"configuration", Severity::error, to_string(problem), remedy});
  }
  bool none = true;
  for (auto& drift : {definition_drift(session, loaded.settings), capture_drift(session)}) {
    if (!drift)
      findings.push_back({"capture", Severity::warning, "drift could not be looked for: " + drift.error().message,
                          drift.error().hint});
    for (const std::string& difference : drift.value_or(std::vector<std::string>{}))
      findings.push_back(
          {"capture", Severity::error, difference, "`tandem plan` shows the difference, `tandem apply` mends it"});
    none = none && drift && drift->empty();
  }
  if (none) findings.push_back({"capture", Severity::ok, "routes and triggers are what the file says", {}});
}

}  // namespace tandem::cli
