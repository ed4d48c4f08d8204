#pragma once
#include <string>
#include <vector>

#include "cli/context.hpp"

/// What `doctor` looks at. Each look adds what it found, the good things too, and how to mend the others.
namespace tandem::cli {

enum class Severity { ok, warning, error };

struct Finding {
  std::string area;
  Severity severity = Severity::ok;
  std::string message, remedy;
};
using Findings = std::vector<Finding>;

void look_at_configuration(Context& context, Findings& findings);
/// Version and settings of the server, output plugins, clocks, old transactions; of an everyday session its role, too.
void look_at_server(postgres::Connection& session, Session whose, const Settings& settings, Findings& findings);
/// output_plugin_libraries, as somebody who may see it.
void look_at_output_plugins(postgres::Connection& admin, const Settings& settings, Findings& findings);
/// tandem's schema, what the file says of tables, drift of capture.
void look_at_installation(postgres::Connection& session, const Loaded& loaded, Findings& findings);
/// Slot, publication, who runs, sequence.
void look_at_connector(postgres::Connection& session, const Settings& settings, Findings& findings);
/// Each target by name, TCP, TLS and HTTP, as delivery would reach it.
void look_at_targets(const Settings& settings, Findings& findings);
/// Each cluster that is read, and whether its topics are there.
void look_at_sources(const Settings& settings, Findings& findings);

}  // namespace tandem::cli
