#pragma once
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "config/settings.hpp"
#include "model/identifiers.hpp"

namespace tandem {

/// For readyz: whether watches are captured from the log, and what is in the way.
struct WalStanding {
  bool wanted = false;     ///< there are such watches
  bool streaming = false;  ///< and their changes arrive
  std::string reason, hint;
};

/// The thread `wal`: captures the watches of mode `wal`. Owns a persistent slot, its replication session and an SQL
/// session; turns decoded changes into records in batches, each in one transaction with the stream's position
/// (docs/operations-wal.md). Where the slot is missing, lost or further than the position, changes may have been lost:
/// a new slot is made, and the watched tables are compared with what was captured of them. Which watches there are says
/// the database, so that `tandem apply` changes them while this runs.
class WalThread {
 public:
  WalThread(const Settings& settings, Epoch epoch, std::function<void()> fenced);
  ~WalThread();

  /// Until stopped. Never throws; answers a stop within a second, or when the statement in flight has ended.
  void run(const std::stop_token& stop);

  /// From any thread.
  [[nodiscard]] WalStanding standing() const;

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace tandem
