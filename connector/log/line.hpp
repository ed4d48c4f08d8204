#pragma once
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "log/log.hpp"

namespace tandem::log {

/// One line of the log before it is written.
struct Line {
  std::chrono::system_clock::time_point time;
  Level level = Level::info;
  std::string_view thread, sentence;
  std::span<const Field> fields;
};

/// With its newline. A text never breaks the line: control characters are escaped.
[[nodiscard]] std::string as_json(const Line& line);
[[nodiscard]] std::string as_text(const Line& line);
/// A finished line that also says how often it was said.
[[nodiscard]] std::string with_count(std::string_view line, Format format, std::uint64_t count);

}  // namespace tandem::log
