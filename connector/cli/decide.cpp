#include <span>

#include "cli/commands.hpp"
#include "cli/confirm.hpp"
#include "cli/read_session.hpp"
#include "cli/selection.hpp"

namespace tandem::cli {
namespace {

using postgres::Connection;
using postgres::Param;

/// retry and discard differ in these words alone.
struct Decision {
  std::string_view verb, done;
  std::string_view states;     ///< that it applies to
  std::string_view statement;  ///< $1 counters, $2 reason, $3 queue → how many
};
constexpr Decision retrying{"retry", "sent back", "o.request_state = 4",
                            "select tandem.retry_records($1::bigint[], $3, $2)"};
constexpr Decision discarding{"discard", "discarded", "o.request_state in (1, 2, 4)",
                              "select tandem.discard_records($1::bigint[], $2, $3)"};

Result<std::vector<std::int64_t>> counters(Connection& session, const Decision& decision, Selection selection) {
  if (selection.counters.empty())
    selection.state = "failed";  // groups are of failed records; single ones may be pending
  const Condition condition = condition_of(selection);
  auto rows = session.run("select o.counter from " + std::string(queue_of(selection).table) + " o where " +
                              std::string(decision.states) + condition.sql + " order by o.counter",
                          condition.params);
  if (!rows) return tl::unexpected(rows.error());
  std::vector<std::int64_t> found;
  for (int i = 0; i < rows->size(); ++i) found.push_back(rows->number(i, 0));
  return found;
}

ExitCode answer(Output& output, const Decision& decision, std::size_t chosen, std::int64_t done, bool dry_run) {
  if (output.json()) {
    json::Writer w;
    w.open_object()
        .key("action")
        .string(decision.verb)
        .key("records")
        .number(dry_run ? static_cast<std::int64_t>(chosen) : done)
        .key("dry_run")
        .boolean(dry_run)
        .close_object();
    output.answer(w);
  } else if (chosen == 0) {
    output.answer("no such records");
  } else if (dry_run) {
    output.answer("would " + std::string(decision.verb) + " " + std::to_string(chosen) + " records");
  } else {
    output.answer(std::to_string(done) + (done == 1 ? " record " : " records ") + std::string(decision.done));
  }
  return ExitCode::ok;
}

ExitCode decide(Context& context, const Decision& decision, const DecideOptions& options) {
  Output& output = context.output();
  if (options.selection.empty() && !options.all)
    return output.failed(Error{ErrorKind::usage,
                               "which records? nothing was named",
                               "give counters, --target, --source, --request-type, --object, --outcome or --error, or "
                               "--all for every failed one",
                               {}});
  auto session = installed_session(context, decision.verb);
  if (!session) return ExitCode::failed;
  auto chosen = counters(*session, decision, options.selection);
  if (!chosen) return output.failed(chosen.error());
  if (chosen->empty() && !options.selection.counters.empty()) {
    const Param named[] = {Param::array(std::span(options.selection.counters))};
    auto known = session->run("select exists (select from " + std::string(queue_of(options.selection).table) +
                                  " where counter = any ($1::bigint[]))",
                              named);
    if (!known) return output.failed(known.error());
    if (!known->flag(0, 0))
      return output.failed(
          Error{ErrorKind::usage, "there are no such records", "`tandem list` shows records and their counters", {}});
  }
  if (options.dry_run || chosen->empty()) return answer(output, decision, chosen->size(), 0, options.dry_run);
  const bool named_one_by_one = chosen->size() <= options.selection.counters.size();
  if (!options.confirmed && !named_one_by_one && chosen->size() > 1 &&
      !confirm("This will " + std::string(decision.verb) + " " + std::to_string(chosen->size()) + " records."))
    return output.failed(Error{ErrorKind::usage,
                               "not confirmed; nothing was changed",
                               "add --yes, or --dry-run to see how many records it would be",
                               {}});

  constexpr std::size_t at_once = 1000;  // row locks of one transaction
  std::int64_t done = 0;
  for (std::size_t first = 0; first < chosen->size(); first += at_once) {
    const auto part = std::span(*chosen).subspan(first, std::min(at_once, chosen->size() - first));
    const Param params[] = {Param::array(part), options.reason.empty() ? Param() : Param(options.reason),
                            queue_of(options.selection).queue};
    auto rows = session->run(decision.statement, params);
    if (!rows) return output.failed(rows.error());
    done += rows->number(0, 0);
  }
  return answer(output, decision, chosen->size(), done, false);
}

constexpr std::string_view undefined_object = "42704";

Error unknown_subject(Connection& session, const PauseOptions& options) {
  Error error{ErrorKind::usage, "there is no target " + options.target, {}, {}};
  auto known = session.run("select string_agg(target, ', ' order by target) from tandem.target");
  if (known && !known->null(0, 0)) error.hint = "known here: " + std::string(known->text(0, 0));
  if (options.request_type.empty()) return error;
  const Param params[] = {options.target};
  known = session.run("select string_agg(request_type, ', ' order by request_type) from tandem.route where target = $1",
                      params);
  if (!known || known->null(0, 0)) return error;
  error.message = "there is no route of " + options.request_type + " to " + options.target;
  error.hint = "known here: " + std::string(known->text(0, 0));
  return error;
}

ExitCode set_paused(Context& context, const PauseOptions& options, std::string_view verb) {
  auto session = installed_session(context, verb);
  if (!session) return ExitCode::failed;
  Output& output = context.output();
  const Param params[] = {options.target, options.request_type.empty() ? Param() : Param(options.request_type),
                          options.reason.empty() ? Param() : Param(options.reason)};
  auto rows =
      session->run(verb == "pause" ? "select tandem.pause($1, $2, $3)" : "select tandem.resume($1, $2, $3)", params);
  if (!rows) {
    if (rows.error().sqlstate == undefined_object) return output.failed(unknown_subject(*session, options));
    return output.failed(rows.error());
  }
  const std::string what = options.target + (options.request_type.empty() ? "" : "/" + options.request_type);
  const bool changed = rows->flag(0, 0);
  if (output.json()) {
    json::Writer w;
    w.open_object()
        .key("action")
        .string(verb)
        .key("subject")
        .string(what)
        .key("changed")
        .boolean(changed)
        .close_object();
    output.answer(w);
  } else {
    const std::string state = verb == "pause" ? "paused" : "running";
    output.answer(what + (changed ? " is " + state + " now" : " was " + state + " already"));
  }
  return ExitCode::ok;
}

}  // namespace

ExitCode retry(Context& context, const DecideOptions& options) {
  return decide(context, retrying, options);
}
ExitCode discard(Context& context, const DecideOptions& options) {
  return decide(context, discarding, options);
}
ExitCode pause(Context& context, const PauseOptions& options) {
  return set_paused(context, options, "pause");
}
ExitCode resume(Context& context, const PauseOptions& options) {
  return set_paused(context, options, "resume");
}

}  // namespace tandem::cli
