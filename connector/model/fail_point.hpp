#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tandem {

/// Places where losing the process at that very moment is worth a test (the crash points of docs/protocol.md).
enum class FailPoint : std::uint8_t {
  after_window,          ///< a window has answered; nothing of it is queued yet
  after_take_up,         ///< parked rows are loaded; the loop does not have them yet
  before_attempt,        ///< the body is at hand, nothing is sent
  after_send,            ///< a request is with curl; no answer yet
  after_answer,          ///< answered; nothing is written about it
  before_flush,          ///< settlements are collected; the statement is not sent
  after_flush,           ///< the flush has committed; the loop does not know
  after_identity,        ///< `pending` has committed; the create is not sent
  after_park,            ///< parked rows have committed; memory still holds the records
  after_floor,           ///< a floor has committed
  before_stream_commit,  ///< a batch of the log is ready; nothing of it is sent
  after_stream_commit,   ///< a batch of the log has committed; its position is not confirmed
  after_compare,         ///< a stretch of a comparison has committed
  after_poll_step,       ///< a page or stretch of a polled table has committed
};
constexpr std::size_t fail_point_count = 14;

[[nodiscard]] std::string_view word(FailPoint point);
[[nodiscard]] std::optional<FailPoint> parse_fail_point(std::string_view text);

/// Ends the process as SIGKILL does when TANDEM_FAIL_POINT names this point, at its n-th passage: `after_window:3`.
/// Without the variable it is one comparison. An unknown name ends the process with a message at the first passage of
/// any point.
void pass(FailPoint point);

}  // namespace tandem
