#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::test_support {

struct HttpReply {
  int status = 0;  ///< 0: nobody answered
  std::string head, body;
};

/// One HTTP/1.1 call to 127.0.0.1 on a connection of its own; waits at most 10 s.
[[nodiscard]] HttpReply http_call(std::uint16_t port, std::string_view method, std::string_view path,
                                  std::string_view body = {},
                                  const std::vector<std::pair<std::string, std::string>>& headers = {});

}  // namespace tandem::test_support
