#include "cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>

#include "cli/commands.hpp"

namespace tandem::cli {
namespace {

using Action = std::function<ExitCode(Context&)>;

/// The command line as a whole; options are read into it, and the chosen command leaves its action.
class CommandLine {
 public:
  CommandLine() : app_("tandem keeps a CRM's PostgreSQL database and other systems saying the same thing.", "tandem") {
    app_.footer(
        "First steps:\n"
        "  tandem migrate        install the tables and functions into the database\n"
        "  tandem plan           show what the configuration would change\n"
        "  tandem apply          make it so\n"
        "  tandem run            deliver\n"
        "  tandem status         has everything arrived, and if not, why not\n\n"
        "Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 works but somebody should look.");
    app_.require_subcommand(1);
    app_.fallthrough();
    auto* config = app_.add_option("-c,--config", common_.config, "configuration file")
                       ->envname("TANDEM_CONFIG")
                       ->capture_default_str();
    config->type_name("FILE");
    config_ = config;
    app_.add_option(
            "--database", common_.database,
            "PostgreSQL URL instead of the configured one; without password (use PGPASSWORD or a password file)")
        ->envname("TANDEM_DATABASE")
        ->type_name("URL");
    app_.add_flag("--json", json_, "one JSON document on standard output instead of text");
    installation();
    running();
    reading();
    deciding();
    command("version", "show the version of tandem and of what it was built with",
            [](Context& c) { return version(c); });
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
      if (e.get_exit_code() == 0) return app_.exit(e);  // --help
      const auto chosen = app_.get_subcommands();
      std::cerr << "tandem: " << (chosen.empty() ? without_command(e.what()) : e.what()) << "\n";
      std::cerr << "  `tandem " << (chosen.empty() ? "" : chosen.front()->get_name() + " ")
                << "--help` shows how it is used\n";
      return static_cast<int>(ExitCode::usage);
    }
    common_.config_named = config_->count() > 0;
    common_.form = json_ ? Form::json : Form::text;
    Context context(common_, Output(common_.form, std::cout, std::cerr));
    if (holds_password(common_.database))
      return static_cast<int>(
          context.output().failed(Error{ErrorKind::usage,
                                        "--database holds a password, which every user of this machine could see",
                                        "use PGPASSWORD, ~/.pgpass or database.url_file",
                                        {}}));
    try {
      return static_cast<int>(action_(context));
    } catch (const std::exception& e) {
      return static_cast<int>(context.output().failed(
          Error{ErrorKind::internal, std::string("unexpected: ") + e.what(), "this is a bug: please report it", {}}));
    }
  }

 private:
  /// What is wrong where no command was found; the library only says that there must be one.
  [[nodiscard]] std::string without_command(const std::string& said) const {
    const auto unknown = app_.remaining();
    if (unknown.empty()) return said;
    return "there is no " + std::string(unknown.front().starts_with('-') ? "option " : "command ") + unknown.front();
  }

  CLI::App* command(const std::string& name, const std::string& help, Action action) {
    CLI::App* added = app_.add_subcommand(name, help)->footer("");  // else it inherits the first steps
    added->callback([this, action = std::move(action)] { action_ = action; });
    return added;
  }

  void installation() {
    command("plan", "show what `apply` would change, and every problem of the configuration; changes nothing",
            [](Context& c) { return plan(c); })
        ->footer(
            "Ends with 0 when the database already is what the file says, with 3 when `apply` would change something.");
    command("apply", "bring targets, watches and routes into the database and (re)generate capture triggers",
            [](Context& c) { return apply(c); })
        ->footer(
            "Needs a role that owns the watched tables (database.admin_url). Waits at most two seconds for a busy "
            "table, then tries again;\n"
            "one transaction per watch. When anything in the file is wrong, nothing is changed.");
    auto* migrate_command =
        command("migrate", "install or upgrade tandem's own tables, functions, views and roles (schema tandem)",
                [this](Context& c) { return migrate(c, migrate_); });
    migrate_command
        ->add_option("--down-to", migrate_.down_to,
                     "take migrations above this version back; 0 removes tandem and all its records")
        ->type_name("VERSION")
        ->check(CLI::NonNegativeNumber);
    migrate_command->add_flag("--yes", migrate_.confirmed, "do not ask before taking back");
    migrate_command->add_flag("--dry-run", migrate_.dry_run, "only say what would be done");
    migrate_command->footer(
        "May be repeated at any time: what is there already is left alone. The same SQL can be applied with psql "
        "(sql/README.md).");
  }

  void running() {
    auto* run_command = command("run", "deliver: the connector itself, until SIGTERM or SIGINT",
                                [this](Context& c) { return cli::run(c, run_); });
    run_command->add_flag("--migrate", run_.migrate, "first do what `migrate` and `apply` do");
    run_command->footer(
        "Refuses to start on a wrong configuration, or when the database's triggers and routes are not what the file "
        "says\n"
        "(`tandem plan` shows the difference). A second signal ends it at once; nothing is lost by that.");
    command("doctor", "check server, privileges, slot, triggers, clocks and targets, and say how to mend each finding",
            [](Context& c) { return doctor(c); })
        ->footer(
            "Ends with 0 when all is well, 3 with warnings, 1 when something must be mended before tandem can work.");
  }

  void reading() {
    command("status", "are both sides in sync: per target what waits, what failed, and since when", [](Context& c) {
      return status(c);
    })->footer("Ends with 3 when records have failed, a target is paused or no connector runs.");
    auto* list_command = command("list", "list records, newest first", [this](Context& c) { return list(c, list_); });
    selection(*list_command, list_.selection);
    list_command
        ->add_option("--state", list_.selection.state, "created, received, done, failed, or pending for the first two")
        ->check(CLI::IsMember({"created", "received", "done", "failed", "pending"}));
    list_command->add_option("-n,--limit", list_.limit, "at most so many")
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
    list_command->add_option("--before", list_.before, "only counters below this one: the next page")
        ->type_name("COUNTER");
    auto* trace_command =
        command("trace", "everything that is known of one record or object: attempts, identity, what it waits for",
                [this](Context& c) { return trace(c, trace_); });
    trace_command->add_option("subject", trace_.subject, "a record's counter or record_id, or an object's object_id")
        ->required();
    trace_command->add_option("--request-type", trace_.request_type, "of the object");
    trace_command->add_option("--target", trace_.target, "only this target");
  }

  void deciding() {
    auto* retry_command =
        command("retry", "send failed records again", [this](Context& c) { return retry(c, retry_); });
    auto* discard_command =
        command("discard", "settle records without sending them: the other system will not get this change",
                [this](Context& c) { return discard(c, discard_); });
    for (auto& [added, options] : {std::pair{retry_command, &retry_}, std::pair{discard_command, &discard_}}) {
      selection(*added, options->selection);
      added->add_flag("--all", options->all, "every failed record");
      added->add_flag("--dry-run", options->dry_run, "only say how many records it would be");
      added->add_flag("--yes", options->confirmed, "do not ask when it is more than one record");
      added->add_option("--reason", options->reason, "why; kept in tandem.audit");
    }
    retry_command->footer(
        "A record that a newer one has overtaken is never sent again: the newest state of its object is sent instead.");
    auto* pause_command =
        command("pause", "stop sending to a target, or of one route; changes are still captured and wait",
                [this](Context& c) { return pause(c, pause_); });
    auto* resume_command = command("resume", "send again, in order, what has waited since `pause`",
                                   [this](Context& c) { return resume(c, pause_); });
    for (auto* added : {pause_command, resume_command}) {
      added->add_option("target", pause_.target, "the target")->required();
      added->add_option("--request-type", pause_.request_type, "only this route of it");
      added->add_option("--reason", pause_.reason, "why; shown by status");
    }
  }

  static void selection(CLI::App& added, Selection& selection) {
    added.add_option("counters", selection.counters, "records by counter")->check(CLI::NonNegativeNumber);
    auto* target = added.add_option("--target", selection.target, "of this target");
    auto* source = added.add_option("--source", selection.source, "of this source: of the inbox");
    added.add_option("--queue", selection.queue, "where neither is named: outbox, or inbox")
        ->check(CLI::IsMember({"outbox", "inbox"}))
        ->excludes(target)
        ->excludes(source);
    source->excludes(target);
    added.add_option("--request-type", selection.request_type, "of this request_type");
    added.add_option("--object", selection.object_id, "of this object_id");
    added.add_option("--outcome", selection.outcome, "with this outcome, e.g. rejected, exhausted");
    added.add_option("--error", selection.error_code, "with this error_code, e.g. mapping, timeout");
  }

  CLI::App app_;
  CLI::Option* config_ = nullptr;
  Common common_;
  bool json_ = false;
  MigrateOptions migrate_;
  RunOptions run_;
  ListOptions list_;
  TraceOptions trace_;
  DecideOptions retry_, discard_;
  PauseOptions pause_;
  Action action_;
};

}  // namespace

int run_command_line(int argc, char** argv) {
  return CommandLine().run(argc, argv);
}

}  // namespace tandem::cli
