#include "model/fail_point.hpp"

#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace tandem {
namespace {

constexpr std::array<std::string_view, fail_point_count> words = {
    "after_window",         "after_take_up",       "before_attempt", "after_send",     "after_answer",
    "before_flush",         "after_flush",         "after_identity", "after_park",     "after_floor",
    "before_stream_commit", "after_stream_commit", "after_compare",  "after_poll_step"};

struct Armed {
  std::optional<FailPoint> point;
  std::atomic<int> passages_left{1};

  Armed() {
    const char* asked = std::getenv("TANDEM_FAIL_POINT");
    if (asked == nullptr || *asked == 0) return;
    const std::string_view text = asked;
    const auto colon = text.find(':');
    point = parse_fail_point(text.substr(0, colon));
    int passages = 1;
    if (colon != std::string_view::npos) std::from_chars(text.data() + colon + 1, text.data() + text.size(), passages);
    passages_left = passages;
    if (!point) {
      std::fprintf(stderr, "TANDEM_FAIL_POINT names no fail point: %s\n", asked);
      std::_Exit(2);
    }
  }
};

}  // namespace

std::string_view word(FailPoint point) {
  return words[static_cast<std::size_t>(point)];
}

std::optional<FailPoint> parse_fail_point(std::string_view text) {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == text) return static_cast<FailPoint>(i);
  return std::nullopt;
}

void pass(FailPoint point) {
  static Armed armed;
  if (armed.point != point) [[likely]]
    return;
  if (--armed.passages_left == 0) std::raise(SIGKILL);
}

}  // namespace tandem
