#pragma once
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace tandem {

/// What the caller of a failed function can do about it. (How a record's attempt failed is `ErrorClass`.)
enum class ErrorKind {
  usage,        ///< the command line is wrong: show the help
  config,       ///< the configuration is wrong: name line and key
  unavailable,  ///< the other end cannot be reached or went away: try again later
  refused,      ///< the other end answered no (privilege, constraint, unknown object): trying again changes nothing
  timeout,      ///< no answer in time: the effect is unknown
  protocol,     ///< bytes that we do not understand: both sides are named in the message
  fenced,       ///< another connector with our name has taken over: stop
  internal,     ///< a bug
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;   ///< lower case, no full stop: what failed and on what; never a secret
  std::string hint;      ///< what a person can do, or empty
  std::string sqlstate;  ///< five characters where PostgreSQL refused, else empty
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = tl::expected<void, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorKind kind, std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error{kind, std::move(message), std::move(hint), {}});
}

}  // namespace tandem
