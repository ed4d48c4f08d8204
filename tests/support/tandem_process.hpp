#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/child_process.hpp"
#include "support/files.hpp"
#include "support/port.hpp"

namespace tandem::test_support {

/// The real binary with one configuration: its commands, and `run` as a process that can be killed at any moment.
class TandemProcess {
 public:
  using Environment = std::vector<std::pair<std::string, std::string>>;

  /// `configuration` is the YAML file's text; `{http_port}` in it is replaced by a free port.
  explicit TandemProcess(const std::string& configuration, Environment environment = {});
  ~TandemProcess();
  TandemProcess(const TandemProcess&) = delete;
  TandemProcess& operator=(const TandemProcess&) = delete;

  /// `tandem COMMAND… --config FILE`, to its end.
  Finished command(const std::vector<std::string>& arguments) const;
  /// The same, which must end with status 0; its output.
  std::string must(const std::vector<std::string>& arguments) const;

  void write_configuration(const std::string& configuration);
  [[nodiscard]] const std::filesystem::path& configuration_file() const { return file_; }
  [[nodiscard]] std::uint16_t http_port() const { return port_.number(); }

  /// `tandem run`; returns at once. Environment set here holds for this start only.
  void start(const Environment& environment = {});
  /// Starts and waits until /readyz answers 200; throws with the log's end where it does not within `bound`.
  void start_ready(std::chrono::milliseconds bound = std::chrono::seconds(20));
  [[nodiscard]] bool ready() const;
  [[nodiscard]] bool running();
  /// SIGTERM; the exit status. Throws where it does not end within `bound`.
  int stop(std::chrono::milliseconds bound = std::chrono::seconds(20));
  /// SIGKILL.
  void kill();
  void signal(int number) const;
  /// Exit status of `run` when it ends by itself within `bound`.
  std::optional<int> wait(std::chrono::milliseconds bound);
  [[nodiscard]] pid_t pid() const { return process_ ? process_->pid() : -1; }

  /// Everything that all runs have logged.
  [[nodiscard]] std::string log() const;
  [[nodiscard]] bool logged(std::string_view text) const { return log().find(text) != std::string::npos; }

 private:
  TemporaryFolder folder_;
  Port port_;
  std::filesystem::path file_, log_;
  Environment environment_;
  std::optional<ChildProcess> process_;
};

}  // namespace tandem::test_support
