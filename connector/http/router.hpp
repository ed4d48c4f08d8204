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

/// Which path means what, and who may ask. Pure: a request in, a response out. HEAD is answered as GET.
class Router {
 public:
  explicit Router(Access access) : access_(std::move(access)) {}

  /// `pattern` is a path whose segments may be {named}; a named segment matches one segment, not empty.
  void add(std::string method, const std::string& pattern, Role role, Answer answer);

  [[nodiscard]] Response respond(Request request) const;

 private:
  struct Entry {
    std::string method;
    std::vector<std::string> segments;
    Role role;
    Answer answer;
  };
  Access access_;
  std::vector<Entry> entries_;
};

}  // namespace tandem::http
