#pragma once
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace tandem::test_support {

/// A file of the inputs that users would bring: below TANDEM_TEST_DATA, or beside the checkout. Throws where it is
/// missing, so that a test of it fails instead of passing over it.
[[nodiscard]] inline std::filesystem::path user_data(const std::string& name) {
  const char* asked = std::getenv("TANDEM_TEST_DATA");
  const auto folder = asked != nullptr ? std::filesystem::path(asked)
                                       : std::filesystem::path(TANDEM_SOURCE_DIR) / ".." / "shared" / "data";
  auto file = folder / name;
  if (!std::filesystem::exists(file))
    throw std::runtime_error(file.string() +
                             " is missing: set TANDEM_TEST_DATA to the folder that holds crm-sales/ and northwind/");
  return file;
}

}  // namespace tandem::test_support
