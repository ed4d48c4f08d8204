#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "config/settings.hpp"
#include "model/identifiers.hpp"

namespace tandem {

/// A pending row of tandem.inbox.
struct InboxRecord {
  std::int64_t counter = 0;
  RecordId record_id{};
  std::string request_type, operation, remote_id, object_id, version, body;
  const SourceSettings* source = nullptr;
  int attempts = 0;
  bool parked = false;   ///< it has waited
  bool fetched = false;  ///< the body is the whole object, as their system had it when the record came
  std::chrono::milliseconds age{0};
};

}  // namespace tandem
