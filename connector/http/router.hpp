#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "http/access.hpp"
#include "http/message.hpp"

namespace tandem::http {

/// Runs in the server's thread; must not block for long.
using Answer = std::function<Response(const Request&)>;
/// Answers one request; to be called once, from any thread, while the server lives.
using Respond = std::function<void(Response)>;
/// Runs in the server's thread, and answers now or later.
using AnswerLater = std::function<void(Request, Respond)>;

/// Which path means what, and who may ask. Pure: a request in, a response out, now or later. HEAD is answered as GET.
class Router {
 public:
  explicit Router(Access access) : access_(std::move(access)) {}

  /// `pattern` is a path whose segments may be {named}; a named segment matches one segment, not empty.
  void add(std::string method, const std::string& pattern, Role role, Answer answer);

  void add_later(std::string method, const std::string& pattern, Role role, AnswerLater answer);

  /// Every path below `pattern`, whatever the method. Nothing else may lie there.
  void add_below(const std::string& pattern, Role role, AnswerLater answer);

  void respond(Request request, Respond respond) const;
  /// The same where the answer comes at once.
  [[nodiscard]] Response respond(Request request) const;

 private:
  struct Entry {
    std::string method;  ///< empty = any
    std::vector<std::string> segments;
    Role role;
    AnswerLater answer;
    bool below = false;  ///< further segments follow
  };
  Access access_;
  std::vector<Entry> entries_;
};

}  // namespace tandem::http
