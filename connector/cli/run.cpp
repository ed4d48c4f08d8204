#include <malloc.h>

#include <utility>

#include "cli/changes.hpp"
#include "cli/commands.hpp"
#include "cli/verify_configuration.hpp"
#include "daemon/connector.hpp"
#include "log/log.hpp"
#include "metrics/names.hpp"

namespace tandem::cli {
namespace {

void configure_log(const LogSettings& settings) {
  log::Options options;
  options.format = settings.format == LogFormat::json   ? log::Format::json
                   : settings.format == LogFormat::text ? log::Format::text
                                                        : log::default_format();
  options.level = log::parse_level(settings.level).value_or(log::Level::info);
  log::configure(std::move(options));
}

/// What `migrate` and `apply` do, in that order.
ExitCode install(Context& context) {
  if (const ExitCode code = migrate(context, {}); code != ExitCode::ok) return code;
  return apply(context);
}

}  // namespace

ExitCode run(Context& context, const RunOptions& options) {
  Output& output = context.output();
  if (options.migrate)
    if (const ExitCode code = install(context); code != ExitCode::ok) return code;
  Problems misfits;
  {
    auto session = verified_session(context, Session::everyday, "run", &misfits);
    if (!session) return ExitCode::failed;
    auto drift = definition_drift(*session, context.loaded().settings);
    if (!drift) return output.failed(drift.error());
    if (!drift->empty()) {
      // Nobody has applied this file: what the tables lack is its mistake, and is told with line and remedy.
      if (!misfits.empty()) {
        sort_by_line(misfits);
        return output.failed(misfits);
      }
      std::string list;
      for (const std::string& difference : *drift) list += (list.empty() ? "" : "; ") + difference;
      return output.failed(Error{ErrorKind::config,
                                 "the database is not what " + context.loaded().settings.file + " says: " + list,
                                 "run `tandem plan` to see the difference and `tandem apply` to mend it",
                                 {}});
    }
  }
  // A large body goes back to the system as soon as it is done with, instead of being kept for the next one.
  ::mallopt(M_MMAP_THRESHOLD, 512 << 10);
  const Settings& settings = context.loaded().settings;
  if (settings.targets.empty())
    return output.failed(Error{ErrorKind::config,
                               "no targets are configured: there is nothing to deliver to",
                               "add targets and watches to " + settings.file,
                               {}});
  configure_log(settings.log);
  // A table that the CRM has changed is its watch's trouble, not everybody's: the others' records flow.
  for (Problem& problem : misfits) {
    const std::string remedy = std::exchange(problem.remedy, {});
    log::error("a watched table is not what the configuration says",
               {{field::reason, to_string(problem)}, {field::hint, remedy}});
  }
  metrics::registry().gauge(metrics::build_info, {TANDEM_VERSION}).set(1);
  if (auto ended = run_connector(settings); !ended) {
    log::error("the connector has ended", ended.error());
    log::flush();
    return ExitCode::failed;
  }
  return ExitCode::ok;
}

}  // namespace tandem::cli
