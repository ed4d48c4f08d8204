#include "support/child_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "support/files.hpp"
#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace {

/// Between fork and exec: only what is safe there. Ends the process on any failure.
struct Launch {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::string output, errors;
  uid_t uid = 0;
  gid_t gid = 0;
  bool change_user = false;
  int death_signal = 9;
  pid_t parent = 0;

  [[noreturn]] void become() const {
    const int out = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    const int err = errors.empty() ? out : ::open(errors.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    const int in = ::open("/dev/null", O_RDONLY);
    if (out < 0 || err < 0 || in < 0) ::_exit(126);
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(err, 2);
    ::close_range(3, ~0U, 0);  // a fake's listening socket must not live on in here
    if (change_user && (::setgroups(1, &gid) != 0 || ::setgid(gid) != 0 || ::setuid(uid) != 0)) ::_exit(126);
    ::prctl(PR_SET_PDEATHSIG, death_signal);  // after the change of user, which clears it
    if (::getppid() != parent) ::_exit(126);  // it died before
    ::execvpe(arguments.front(), arguments.data(), environment.data());
    ::_exit(127);
  }
};

std::vector<std::string> merged_environment(const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> merged;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    const auto overridden = [&](const auto& pair) { return text.starts_with(pair.first + "="); };
    bool keep = true;
    for (const auto& pair : added) keep = keep && !overridden(pair);
    if (keep) merged.push_back(text);
  }
  for (const auto& [name, value] : added) merged.push_back(name + "=" + value);
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

int exit_code(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

ChildProcess::ChildProcess(const Options& options) {
  auto arguments = options.arguments;
  auto environment = merged_environment(options.environment);
  Launch launch;
  launch.arguments = pointers(arguments);
  launch.environment = pointers(environment);
  launch.output = options.output.string();
  launch.errors = options.errors.string();
  launch.death_signal = options.signal_at_parents_death;
  launch.parent = ::getpid();
  if (!options.user.empty() && ::geteuid() == 0) {
    const passwd* entry = ::getpwnam(options.user.c_str());
    if (entry == nullptr) throw std::runtime_error("there is no user " + options.user);
    launch.uid = entry->pw_uid;
    launch.gid = entry->pw_gid;
    launch.change_user = true;
  }
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error(std::string("cannot fork: ") + std::strerror(errno));
  if (pid_ == 0) launch.become();
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), status_(std::exchange(other.status_, std::nullopt)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    kill();
    pid_ = std::exchange(other.pid_, -1);
    status_ = std::exchange(other.status_, std::nullopt);
  }
  return *this;
}

ChildProcess::~ChildProcess() {
  kill();
}

bool ChildProcess::running() {
  return !wait(std::chrono::milliseconds(0)).has_value();
}

void ChildProcess::signal(int number) const {
  if (pid_ > 0 && !status_) ::kill(pid_, number);
}

std::optional<int> ChildProcess::wait(std::chrono::milliseconds bound) {
  if (pid_ <= 0) return 0;
  static_cast<void>(wait_for(
      [this] {
        if (status_) return true;
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) status_ = exit_code(status);
        return status_.has_value();
      },
      bound));
  return status_;
}

void ChildProcess::kill() {
  if (pid_ <= 0 || status_) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  status_ = exit_code(status);
}

Finished run_program(ChildProcess::Options options, std::chrono::milliseconds bound) {
  const TemporaryFile output;
  options.output = output.path();
  ChildProcess process(options);
  const auto status = process.wait(bound);
  if (!status) process.kill();
  Finished finished{status.value_or(-1), read_file(output.path())};
  if (!status) finished.output += "\n(still running after " + std::to_string(bound.count()) + " ms: killed)";
  return finished;
}

}  // namespace tandem::test_support
