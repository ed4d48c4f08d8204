#include "cli/commands.hpp"
#include "cli/installation.hpp"

namespace tandem::cli {

ExitCode version(Context& context) {
  const int schema = migrations().back().version;
  if (context.output().json()) {
    json::Writer w;
    w.open_object()
        .key("version")
        .string(TANDEM_VERSION)
        .key("schema_version")
        .number(schema)
        .key("compiler")
        .string(__VERSION__)
        .close_object();
    context.output().answer(w);
  } else {
    context.output().answer("tandem " TANDEM_VERSION ", schema version " + std::to_string(schema));
  }
  return ExitCode::ok;
}

}  // namespace tandem::cli
