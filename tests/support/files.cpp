#include "support/files.hpp"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace tandem::test_support {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t longest_scratch_path = 50;  // a socket's whole path may have 107 bytes

fs::path next_path(const char* kind) {
  static std::atomic<int> serial{0};
  return scratch_folder() / (std::to_string(::getpid()) + "-" + kind + std::to_string(++serial));
}

/// What a dead process left behind, except folders that were kept on purpose.
void sweep() {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(scratch_folder(), ignored)) {
    const auto name = entry.path().filename().string();
    const auto pid = static_cast<pid_t>(std::strtol(name.c_str(), nullptr, 10));
    if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH && !fs::exists(entry.path() / "kept"))
      fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const fs::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

fs::path scratch_folder() {
  const char* asked = ::getenv("TMPDIR");
  fs::path base = asked != nullptr && *asked != 0 ? fs::path(asked) : fs::path("/tmp");
  if (base.string().size() > longest_scratch_path) base = "/tmp";
  const auto folder = base / ("tandem-test-" + std::to_string(::getuid()));
  fs::create_directories(folder);
  return folder;
}

TemporaryFolder::TemporaryFolder() {
  sweep();
  path_ = next_path("d");
  fs::create_directories(path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (kept_)
    std::ofstream(path_ / "kept").put('\n');
  else
    fs::remove_all(path_, ignored);
}

TemporaryFile::TemporaryFile() : path_(next_path("f")) {
  write_file(path_, "");
}

TemporaryFile::~TemporaryFile() {
  std::error_code ignored;
  fs::remove(path_, ignored);
}

}  // namespace tandem::test_support
