#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.hpp"

/// One function for each command; each has its own source file.
namespace tandem::cli {

ExitCode plan(Context& context);
ExitCode apply(Context& context);

struct MigrateOptions {
  std::optional<int> down_to;
  bool confirmed = false;
  bool dry_run = false;
};
ExitCode migrate(Context& context, const MigrateOptions& options);

struct RunOptions {
  bool migrate = false;  ///< first do what `migrate` and `apply` do
};
ExitCode run(Context& context, const RunOptions& options);

ExitCode status(Context& context);

/// Which records a command is about. All that is given must hold.
struct Selection {
  std::vector<std::int64_t> counters;
  std::string target, source, request_type, object_id, state, outcome, error_code;
  std::string queue = "outbox";  ///< a source's records are in the inbox, whatever stands here
  [[nodiscard]] bool of_inbox() const { return queue == "inbox" || !source.empty(); }
  [[nodiscard]] bool empty() const {
    return counters.empty() && target.empty() && source.empty() && request_type.empty() && object_id.empty() &&
           outcome.empty() && error_code.empty();
  }
};
struct ListOptions {
  Selection selection;
  int limit = 50;
  std::optional<std::int64_t> before;  ///< counters below this: the next page
};
ExitCode list(Context& context, const ListOptions& options);

struct TraceOptions {
  std::string subject;  ///< counter, record_id, or object_id
  std::string request_type, target;
};
ExitCode trace(Context& context, const TraceOptions& options);

struct DecideOptions {
  Selection selection;
  bool all = false, dry_run = false, confirmed = false;
  std::string reason;
};
ExitCode retry(Context& context, const DecideOptions& options);
ExitCode discard(Context& context, const DecideOptions& options);

struct PauseOptions {
  std::string target, request_type, reason;
};
ExitCode pause(Context& context, const PauseOptions& options);
ExitCode resume(Context& context, const PauseOptions& options);

ExitCode doctor(Context& context);
ExitCode version(Context& context);

}  // namespace tandem::cli
