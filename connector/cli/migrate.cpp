#include "cli/commands.hpp"
#include "cli/confirm.hpp"
#include "cli/installation.hpp"

namespace tandem::cli {
namespace {

ExitCode answer(Context& context, int version, int changed, bool dry_run) {
  Output& output = context.output();
  if (output.json()) {
    json::Writer w;
    w.open_object()
        .key("schema_version")
        .number(version)
        .key("migrations")
        .number(changed)
        .key("dry_run")
        .boolean(dry_run)
        .close_object();
    output.answer(w);
  } else if (dry_run) {
    output.answer(changed == 0 ? "nothing to do: schema version " + std::to_string(version)
                               : counted(static_cast<std::size_t>(changed), "migration") +
                                     " would be applied; functions, views and privileges would be renewed");
  } else {
    output.answer("tandem is installed: schema version " + std::to_string(version));
  }
  return ExitCode::ok;
}

ExitCode down(Context& context, postgres::Connection& session, const Ledger& ledger, const MigrateOptions& options) {
  Output& output = context.output();
  const int target = *options.down_to;
  if (target >= ledger.version()) {
    output.answer("nothing to take back: schema version " + std::to_string(ledger.version()));
    return ExitCode::ok;
  }
  const std::string what = target == 0
                               ? "This removes tandem from the database, with every record, identity and trigger."
                               : "This takes migrations above " + std::to_string(target) + " back.";
  if (options.dry_run) {
    output.answer(what);
    return ExitCode::ok;
  }
  if (!options.confirmed && !confirm(what))
    return output.failed(Error{ErrorKind::usage, "not confirmed; nothing was changed", "add --yes", {}});
  auto done = migrate_down(session, target, [&](const std::string& sentence) { output.progress(sentence); });
  if (!done) return output.failed(done.error());
  if (output.json()) {
    json::Writer w;
    w.open_object().key("schema_version").number(target).key("migrations").number(*done).close_object();
    output.answer(w);
  } else {
    output.answer(target == 0 ? "tandem has been removed from the database"
                              : "schema version " + std::to_string(target));
  }
  return ExitCode::ok;
}

}  // namespace

ExitCode migrate(Context& context, const MigrateOptions& options) {
  Output& output = context.output();
  if (const auto problems = context.database_problems(); !problems.empty()) return output.failed(problems);
  auto session = context.connect(Session::admin, "migrate");
  if (!session) return output.failed(session.error());
  auto ledger = read_ledger(*session);
  if (!ledger) return output.failed(ledger.error());
  if (options.down_to) return down(context, *session, *ledger, options);
  const int newest = migrations().back().version;
  if (options.dry_run) return answer(context, ledger->version(), std::max(0, newest - ledger->version()), true);
  auto applied = migrate_up(*session, context.loaded().settings.capture.publication,
                            [&](const std::string& sentence) { output.progress(sentence); });
  if (!applied) return output.failed(applied.error());
  return answer(context, newest, *applied, false);
}

}  // namespace tandem::cli
