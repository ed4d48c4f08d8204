#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "model/error.hpp"

namespace tandem::kafka {

/// What a cluster tells of itself.
struct Reach {
  int brokers = 0;
  std::vector<std::string> topics;
};
/// Asks the cluster, as delivery would reach it. Waits up to `longest`; a failure says why, without secrets.
[[nodiscard]] Result<Reach> reach(const KafkaConnection& cluster, std::chrono::milliseconds longest);

}  // namespace tandem::kafka
