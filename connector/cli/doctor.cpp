#include "cli/commands.hpp"
#include "cli/findings.hpp"

namespace tandem::cli {
namespace {

std::string_view mark(Severity severity) {
  switch (severity) {
    case Severity::ok:
      return "ok   ";
    case Severity::warning:
      return "WARN ";
    case Severity::error:
      return "ERROR";
  }
  return "";
}

std::string_view word(Severity severity) {
  switch (severity) {
    case Severity::ok:
      return "ok";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "";
}

void tell(Output& output, const std::vector<Finding>& findings) {
  if (output.json()) {
    json::Writer w;
    w.open_object().key("findings").open_array();
    for (const Finding& finding : findings) {
      w.open_object()
          .key("area")
          .string(finding.area)
          .key("severity")
          .string(word(finding.severity))
          .key("finding")
          .string(finding.message);
      if (!finding.remedy.empty()) w.key("remedy").string(finding.remedy);
      w.close_object();
    }
    w.close_array().close_object();
    return output.answer(w);
  }
  std::string text;
  for (const Finding& finding : findings) {
    text.append(mark(finding.severity))
        .append("  ")
        .append(finding.area)
        .append(": ")
        .append(printable(finding.message))
        .append("\n");
    if (!finding.remedy.empty()) text.append("         ").append(printable(finding.remedy)).append("\n");
  }
  output.answer(text);
}

}  // namespace

ExitCode doctor(Context& context) {
  std::vector<Finding> findings;
  look_at_configuration(context, findings);
  if (auto session = context.connect(Session::everyday, "doctor")) {
    look_at_server(*session, Session::everyday, context.loaded().settings, findings);
    if (context.loaded().settings.capture.stream && !context.loaded().settings.database.admin_url.empty())
      if (auto admin = context.connect(Session::admin, "doctor"))
        look_at_output_plugins(*admin, context.loaded().settings, findings);
    look_at_installation(*session, context.loaded(), findings);
    look_at_connector(*session, context.loaded().settings, findings);
  } else {
    findings.push_back({"database", Severity::error, session.error().message, session.error().hint});
    // Before `migrate` there is no role of the connector; what the server lacks can be told all the same.
    if (!context.loaded().settings.database.admin_url.empty())
      if (auto admin = context.connect(Session::admin, "doctor"))
        look_at_server(*admin, Session::admin, context.loaded().settings, findings);
  }
  look_at_targets(context.loaded().settings, findings);
  look_at_sources(context.loaded().settings, findings);
  tell(context.output(), findings);
  Severity worst = Severity::ok;
  for (const Finding& finding : findings) worst = std::max(worst, finding.severity);
  return worst == Severity::error ? ExitCode::failed : worst == Severity::warning ? ExitCode::degraded : ExitCode::ok;
}

}  // namespace tandem::cli
