#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/identifiers.hpp"

namespace tandem {

/// What capture is doing. Only in `streaming` does the doorbell ring; in every other phase windows must poll.
enum class CapturePhase : std::uint8_t { off, connecting, creating_slot, streaming, polling, stopped };

[[nodiscard]] std::string_view word(CapturePhase phase);
[[nodiscard]] std::string_view sentence(CapturePhase phase);

/// Which server this is: another system id or timeline means another history, and counters may be drawn twice.
struct ServerIdentity {
  std::string system_id;
  std::int32_t timeline = 0;
  bool operator==(const ServerIdentity&) const = default;
};

/// For readyz, doctor and metrics.
struct CaptureStanding {
  CapturePhase phase = CapturePhase::off;
  std::string reason, hint;                       ///< why it is not streaming, and what a person can do
  std::chrono::system_clock::time_point since{};  ///< of this phase
  std::string plugin;                             ///< that the slot was made with, and why
  Lsn received;                                   ///< everything up to here has been received and confirmed
  std::uint64_t retained_wal_bytes = 0;           ///< kept by our slot, at the last look
  ServerIdentity server;
};

}  // namespace tandem
