#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "target/http_client.hpp"
#include "target/rest_plan.hpp"
#include "target/target.hpp"

/// What an HTTP answer means. Pure.
namespace tandem {

/// The class of a status that is not a success.
[[nodiscard]] ErrorClass class_of_status(int status);

/// RFC 9110, 10.2.3: seconds or a date, the latter against the answer's own `Date` where it has one. Malformed = none.
[[nodiscard]] std::optional<std::chrono::milliseconds> retry_after(std::string_view value, std::string_view date,
                                                                   WallTime now);

/// What the request did there.
enum class Effect : std::uint8_t {
  done,     ///< they say so
  none,     ///< they say no, or never saw it
  denied,   ///< they say that they failed on it (500, 503): believed, unless there is a way to look
  unknown,  ///< nobody told: cut, timed out, a gateway's 502 or 504, a success that cannot be read
};

struct Verdict {
  ErrorClass error = ErrorClass::none;
  Effect effect = Effect::done;
  int status = 0;
  std::string remote_id, version;                        ///< where the call names a place for them
  std::string description;                               ///< not scrubbed yet, any length
  std::optional<std::chrono::milliseconds> retry_after;  ///< not capped yet
};

/// Judges the answer to a whole call. A success whose body must be read (for an id, for a hidden error) and cannot is
/// `unavailable` with an unknown effect. `remote_id` may stay empty in a success: whether that matters is the caller's
/// to know.
[[nodiscard]] Verdict judge(const CallPlan& call, const HttpAnswer& answer, WallTime now);

/// A value out of an answer as text; empty where there is none. A header that holds an address (Location) gives its
/// last segment.
[[nodiscard]] std::string value_at(const AnswerPlace& place, const HttpAnswer& answer);

/// Whether a token means that there is an error: present and not null, false or empty.
[[nodiscard]] bool means_error(std::optional<std::string_view> token);
/// Words for people out of an error's JSON, or the text itself.
[[nodiscard]] std::string error_words(std::string_view body);

}  // namespace tandem
