#pragma once

namespace tandem::cli {

/// What a command's end says to scripts and monitors.
enum class ExitCode : int {
  ok = 0,
  failed = 1,    ///< it could not do what it was asked
  usage = 2,     ///< it was asked wrongly
  degraded = 3,  ///< it works, and somebody should look: status, doctor
};

}  // namespace tandem::cli
