#pragma once

namespace tandem::cli {

/// The program: reads the command line, runs one command, answers its exit code.
[[nodiscard]] int run_command_line(int argc, char** argv);

}  // namespace tandem::cli
