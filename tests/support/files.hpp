#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace tandem::test_support {

[[nodiscard]] std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, std::string_view text);

/// Where tests keep their files: one folder per user below TMPDIR (or /tmp where its path is too long for a socket).
/// Other users may pass through it, for the server that runs as somebody else.
[[nodiscard]] std::filesystem::path scratch_folder();

/// An empty folder of this process, removed at the end. Folders of processes that died are swept away.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Leaves it for a person to look at.
  void keep() { kept_ = true; }

 private:
  std::filesystem::path path_;
  bool kept_ = false;
};

/// An empty file, removed at the end.
class TemporaryFile {
 public:
  TemporaryFile();
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace tandem::test_support
