#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "apply/applier.hpp"
#include "config/settings.hpp"
#include "model/bounded_queue.hpp"
#include "postgres/connection.hpp"
#include "store/parked.hpp"

namespace tandem {

/// The thread `apply`: reads the inbox by counter, in windows above its floor, and applies what they bring. What a
/// window has read is settled or parked before the next one is looked at. While there is a backlog the next one is read
/// beside the last batch, without what that batch holds; where a record of the turn has been parked, it is read again,
/// since what stands behind the record must wait with it.
/// It owns two SQL sessions, since the CRM's own triggers must run under the database's own settings.
class ApplyThread {
 public:
  /// `settings` must outlive this. `fenced`: another connector has our name.
  ApplyThread(const Settings& settings, store::Fence fence, std::function<void()> fenced);

  /// Rows have been added to the inbox. From any thread.
  void ring() { doorbell_.try_push(true); }
  /// Until stopped. Never throws.
  void run(const std::stop_token& stop);

 private:
  using Clock = std::chrono::steady_clock;
  struct Window {
    std::vector<InboxRecord> records;
    std::int64_t xmin = 0, newest = 0;
    std::optional<std::int64_t> lowest;
    std::vector<std::string> awake;  ///< sources that are not paused
  };

  [[nodiscard]] Status turn(const std::stop_token& stop, bool& more);
  [[nodiscard]] Status open();
  [[nodiscard]] Result<Window> read_window();
  [[nodiscard]] Status ask_ahead(std::span<const InboxRecord> in_work);
  [[nodiscard]] std::vector<postgres::Param> asked(std::span<const InboxRecord> in_work) const;
  [[nodiscard]] Window window_of(const postgres::Rows& rows) const;
  [[nodiscard]] Status keep_floor(const Window& window);
  [[nodiscard]] Status park_what_is_behind();
  void forget_floor();

  const Settings& settings_;
  const store::Fence fence_;
  const std::function<void()> fenced_;
  Applier applier_;
  std::vector<std::string> sources_;
  std::vector<std::string> awake_;  ///< whose floor is kept
  BoundedQueue<bool> doorbell_{1};
  std::optional<postgres::Connection> session_, crm_;
  std::optional<Window> next_;  ///< read ahead
  // The floor, as docs/protocol.md says: a position is safe once a snapshot's xmin is above an id drawn after it was
  // noted.
  std::int64_t safe_ = 0, floor_ = 0, noted_ = 0, drawn_ = 0;
  std::int64_t known_ = 0;  ///< the floor as it could be written now
  Clock::time_point next_floor_{}, next_look_{};
};

}  // namespace tandem
