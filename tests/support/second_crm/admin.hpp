#pragma once
#include <functional>

#include "support/second_crm/api.hpp"

namespace second_crm {

/// The admin port's requests, as listed in server.hpp. Switching the CRM off and on is the server's.
struct Switch {
  std::function<void()> go_down, come_up;
};
/// `waiting`: notices that its subscriber has not taken yet.
[[nodiscard]] Reply administrate(Api& api, const Switch& onoff, std::size_t waiting, const Request& request);

}  // namespace second_crm
