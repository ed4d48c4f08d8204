#pragma once
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "intake/census.hpp"
#include "intake/source_reader.hpp"
#include "model/bounded_queue.hpp"
#include "postgres/connection.hpp"

namespace tandem {

/// The thread of one source that tandem reads by itself: reads, stores what it has read together with the position
/// behind it, and goes on from there; where the source allows it, the next haul is read while one is being stored. It
/// owns the reader and one SQL session. The position is the fence: where another one is stored than this thread has
/// come from, nothing is stored, and it starts anew from that.
class ReadingThread {
 public:
  /// `settings` and `source` must outlive this. `stored`: rows have been added to the inbox.
  ReadingThread(const Settings& settings, const SourceSettings& source, std::unique_ptr<SourceReader> reader,
                std::function<void()> stored);
  ~ReadingThread();

  /// Until stopped. Never throws.
  void run(const std::stop_token& stop);
  /// Why it cannot be read now; empty while it can. From any thread.
  [[nodiscard]] std::string trouble() const;
  [[nodiscard]] const std::string& source() const { return source_.name; }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] Result<std::chrono::milliseconds> turn(const std::stop_token& stop);
  [[nodiscard]] Result<Haul> read_on(const std::stop_token& stop);
  [[nodiscard]] Status look_up();
  [[nodiscard]] Status store_behind(Haul haul);
  [[nodiscard]] Status make_room();
  [[nodiscard]] Status end_one();
  [[nodiscard]] Status end_storing();
  [[nodiscard]] Result<store::Received> finish(const Haul& haul);
  [[nodiscard]] Status drop_under_way();
  void tell_of(const Haul& haul, const store::Received& received);
  [[nodiscard]] Status count_missing(Haul& haul);
  void tell(std::string trouble);

  const Settings& settings_;
  const SourceSettings& source_;
  const std::unique_ptr<SourceReader> reader_;
  const std::function<void()> stored_;
  std::optional<postgres::Connection> session_;
  std::string position_;        ///< that is stored
  std::deque<Haul> under_way_;  ///< on the session, in order
  Census census_;
  bool started_ = false, paused_ = false;
  Clock::time_point next_look_{}, repeats_until_{};
  BoundedQueue<bool> bell_{1};
  mutable std::mutex mutex_;  ///< guards trouble_, which the http thread shows
  std::string trouble_;
};

}  // namespace tandem
