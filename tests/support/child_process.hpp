#pragma once
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tandem::test_support {

/// A program started by a test. It dies with the thread that started it, also when the test crashes; the destructor
/// kills it. Its output goes to a file. Throws std::runtime_error where starting fails.
class ChildProcess {
 public:
  struct Options {
    std::vector<std::string> arguments;                                 ///< the first is the program, found by PATH
    std::vector<std::pair<std::string, std::string>> environment = {};  ///< added to ours
    std::string user = {};                       ///< run as this user where we are root; empty = ourselves
    std::filesystem::path output = "/dev/null";  ///< standard output, appended
    std::filesystem::path errors = {};           ///< standard error; empty = the same file
    int signal_at_parents_death = 9;
  };
  explicit ChildProcess(const Options& options);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running();
  void signal(int number) const;
  /// Exit status (128 + signal where one ended it), or nothing when it still runs after `bound`.
  std::optional<int> wait(std::chrono::milliseconds bound);
  /// SIGKILL and wait.
  void kill();

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
};

/// Runs a program to its end: exit status and everything that it printed (both streams).
struct Finished {
  int status = 0;
  std::string output;
};
Finished run_program(ChildProcess::Options options, std::chrono::milliseconds bound = std::chrono::seconds(60));

}  // namespace tandem::test_support
