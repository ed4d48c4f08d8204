#pragma once
#include <array>
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
/// behind it, and goes on from there; where the source allows it, the next haul is read while one is being stored, and
/// of two large ones each is stored in a session of its own. Their counters are drawn in their order, and they commit
/// in it. The thread owns the reader and the sessions. The position is the fence: where another one is stored than this
/// thread has come from, nothing is stored, and it starts anew from that.
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
  /// A haul that is being stored. Of large ones, A and then B:
  ///   session 0: A draws, its records, the rest and the position, commit
  ///   session 1:          B draws, its records … (A has committed) … the rest and the position, commit
  struct UnderWay {
    Haul haul;
    std::size_t session = 0;
    bool open = false;      ///< in a transaction that has drawn its counters and waits for the haul before
    std::size_t first = 0;  ///< of an open one: so many of its records need not wait
    bool ends = false;      ///< of an open one: the rest and the position have been sent, too
  };

  [[nodiscard]] Result<std::chrono::milliseconds> turn(const std::stop_token& stop);
  [[nodiscard]] Result<Haul> read_on(const std::stop_token& stop);
  [[nodiscard]] Status look_up();
  [[nodiscard]] Status open_session(std::size_t number);
  [[nodiscard]] Status store(Haul haul);
  [[nodiscard]] Status store_behind(Haul haul);
  [[nodiscard]] Status store_beside(Haul haul);
  [[nodiscard]] Status store_the_rest();
  [[nodiscard]] Result<std::size_t> draw_counters(Haul& haul);
  [[nodiscard]] Result<std::size_t> free_session();
  [[nodiscard]] Status make_room();
  [[nodiscard]] Status end_one();
  [[nodiscard]] Status end_storing();
  [[nodiscard]] Result<store::Received> finish(UnderWay& one);
  [[nodiscard]] Result<store::Received> answers_for(const UnderWay& one);
  void drop_under_way();
  [[nodiscard]] store::Repeats repeats() const;
  void tell_of(const Haul& haul, const store::Received& received);
  [[nodiscard]] Status count_missing(Haul& haul);
  void tell(std::string trouble);

  const Settings& settings_;
  const SourceSettings& source_;
  const std::unique_ptr<SourceReader> reader_;
  const std::function<void()> stored_;
  std::array<std::optional<postgres::Connection>, 2> sessions_;
  std::string position_;  ///< that is stored
  std::deque<UnderWay> under_way_;
  Census census_;
  bool started_ = false, paused_ = false;
  Clock::time_point next_look_{}, repeats_until_{}, no_second_until_{};
  BoundedQueue<bool> bell_{1};
  mutable std::mutex mutex_;  ///< guards trouble_, which the http thread shows
  std::string trouble_;
};

}  // namespace tandem
