#include <algorithm>

#include "cli/changes.hpp"
#include "cli/commands.hpp"
#include "cli/verify_configuration.hpp"

namespace tandem::cli {
namespace {

char sign(Change::Action action) {
  switch (action) {
    case Change::Action::add:
      return '+';
    case Change::Action::remove:
      return '-';
    default:
      return '~';
  }
}

std::string first_line(const std::string& statement) {
  return statement.substr(0, statement.find('\n'));
}

enum class Statements { shown, counted };

std::string as_text(const std::vector<Change>& changes, Statements statements) {
  std::string text;
  for (const Change& change : changes) {
    text += sign(change.action);
    text += " " + change.kind + " " + change.name;
    if (!change.statements.empty()) text += ": " + std::to_string(change.statements.size()) + " statements";
    text += "\n";
    if (statements == Statements::counted) continue;
    for (const auto& statement : change.statements) text += "    " + printable(first_line(statement)) + "\n";
  }
  return text;
}

void answer(Output& output, const std::vector<Change>& changes, Statements statements) {
  if (!output.json())
    return output.answer(changes.empty() ? "nothing to do: the database is what the file says"
                                         : as_text(changes, statements));
  json::Writer w;
  w.open_object().key("changes").open_array();
  for (const Change& change : changes) {
    w.open_object()
        .key("action")
        .string(word(change.action))
        .key("kind")
        .string(change.kind)
        .key("name")
        .string(change.name);
    w.key("statements").open_array();
    for (const auto& statement : change.statements) w.string(statement);
    w.close_array().close_object();
  }
  w.close_array().close_object();
  output.answer(w);
}

/// Not allowed: almost always the connector's role where an administrator's is needed.
Error explained(Error error) {
  if (error.sqlstate == "42501" && error.hint.empty())
    error.hint = "set database.admin_url to a role that owns the watched tables and is a member of tandem_owner";
  return error;
}

}  // namespace

ExitCode plan(Context& context) {
  auto session = verified_session(context, Session::admin, "plan");
  if (!session) return ExitCode::failed;
  auto changes = plan_changes(*session, context.loaded().settings);
  if (!changes) return context.output().failed(explained(changes.error()));
  answer(context.output(), *changes, Statements::shown);
  return changes->empty() ? ExitCode::ok : ExitCode::degraded;
}

ExitCode apply(Context& context) {
  auto session = verified_session(context, Session::admin, "apply");
  if (!session) return ExitCode::failed;
  auto changes = apply_changes(*session, context.loaded().settings,
                               [&](const std::string& sentence) { context.output().progress(sentence); });
  if (!changes) return context.output().failed(explained(changes.error()));
  answer(context.output(), *changes, Statements::counted);
  return ExitCode::ok;
}

}  // namespace tandem::cli
