#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "apply/apply_session.hpp"
#include "apply/beside.hpp"
#include "apply/open_batches.hpp"
#include "config/settings.hpp"
#include "model/bounded_queue.hpp"
#include "postgres/connection.hpp"
#include "store/parked.hpp"

namespace tandem {

/// The thread `apply`: reads the inbox by counter, in windows above its floor, and has what they bring applied by its
/// sessions, in the order that OpenBatches keeps. While there is a backlog the next window is read beside that, without
/// what has been read already; where a record has been parked meanwhile, it is read again, since what stands behind
/// the record must wait with it.
/// It owns the SQL session that reads; the others are the sessions' own, since the CRM's triggers must run under the
/// database's settings.
class ApplyThread {
 public:
  /// `settings` must outlive this. `fenced`: another connector has our name.
  ApplyThread(const Settings& settings, store::Fence fence, std::function<void()> fenced);

  /// Rows have been added to the inbox. From any thread.
  void ring() { doorbell_.try_push(true); }
  /// Until stopped. Never throws.
  void run(const std::stop_token& stop);
  /// Each runs in a thread of its own, which must outlive `run`.
  [[nodiscard]] std::vector<ApplySession*> sessions() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Window {
    std::vector<InboxRecord> records;
    std::int64_t xmin = 0, newest = 0;
    std::optional<std::int64_t> lowest;
    bool holds = false;              ///< a parked record waits
    std::vector<std::string> awake;  ///< sources that are not paused
  };

  [[nodiscard]] Status turn(const std::stop_token& stop, bool& more);
  [[nodiscard]] Status open();
  [[nodiscard]] Status learn_tables();
  [[nodiscard]] Status apply_all(const std::stop_token& stop);
  void begin_batches();
  void listen();
  void hear(ApplySession::Answer answer);

  [[nodiscard]] Status read_window();
  [[nodiscard]] Status read_ahead();
  [[nodiscard]] Status take_ahead();
  [[nodiscard]] std::vector<postgres::Param> asked() const;
  [[nodiscard]] Window window_of(const postgres::Rows& rows) const;
  [[nodiscard]] Status take(Window window);

  [[nodiscard]] Status keep_floor(const Window& window);
  [[nodiscard]] Status park_what_is_behind();
  void forget_floor();

  const Settings& settings_;
  const store::Fence fence_;
  const std::function<void()> fenced_;
  std::vector<std::string> sources_;
  std::vector<std::string> awake_;  ///< whose floor is kept
  BoundedQueue<bool> doorbell_{1};
  BoundedQueue<ApplySession::Answer> answers_{1};
  std::vector<std::unique_ptr<ApplySession>> sessions_;
  OrdinaryRecords ordinary_;
  OpenBatches batches_;
  std::optional<postgres::Connection> session_;
  std::optional<Error> lost_;  ///< what one of the sessions has met
  bool backlog_ = false;       ///< the newest window was full
  bool read_on_ = false;       ///< it is no turn's last
  bool ahead_ = false;         ///< the next window is being read
  bool has_read_ = false;      ///< this turn has found records
  // The floor, as docs/protocol.md says: a position is safe once a snapshot's xmin is above an id drawn after it was
  // noted.
  std::int64_t safe_ = 0, floor_ = 0, noted_ = 0, drawn_ = 0;
  std::int64_t known_ = 0;  ///< the floor as it could be written now
  bool behind_ = false;     ///< what stands behind parked records keeps the floor down
  Clock::time_point next_floor_{}, next_look_{};
};

}  // namespace tandem
