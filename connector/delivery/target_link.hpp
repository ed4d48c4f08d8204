#pragma once
#include <memory>

#include "delivery/messages.hpp"
#include "delivery/room.hpp"
#include "model/bounded_queue.hpp"

namespace tandem {

/// How the feed and the settle thread reach one target's loop. Targets of one loop share its inbox.
struct TargetLink {
  std::shared_ptr<BoundedQueue<ToDelivery>> inbox;
  std::shared_ptr<Room> room;
};

}  // namespace tandem
