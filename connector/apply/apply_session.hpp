#pragma once
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <variant>

#include "apply/applier.hpp"
#include "apply/apply_transaction.hpp"
#include "apply/beside.hpp"
#include "config/settings.hpp"
#include "model/bounded_queue.hpp"
#include "postgres/connection.hpp"
#include "store/parked.hpp"

namespace tandem {

/// A thread that applies records in an SQL session of its own, under the database's own settings. It does what the
/// thread `apply` tells it, one thing at a time, and answers each. The session is opened when it is needed.
class ApplySession {
 public:
  /// Records of one source, which stay where they are until they are answered.
  struct Alone {
    std::span<const InboxRecord> records;
    LaneLine line;
  };
  /// Answered by `ready`, and then by what End has led to.
  struct Beside {
    std::span<const InboxRecord> records;
    ToldBefore before;
  };
  struct End {
    bool commits;
  };
  using Order = std::variant<Alone, Beside, End>;

  struct Answer {
    enum class What : std::uint8_t { applied, ready, committed, taken_back } what;
    std::size_t session;
    LaneLine line{};              ///< applied
    Applier::Ready ready{};       ///< ready
    std::optional<Error> lost{};  ///< taken_back: of the session, or of our name
  };

  /// `settings` and `answers` must outlive this.
  ApplySession(const Settings& settings, store::Fence fence, std::size_t number, BoundedQueue<Answer>& answers)
      : settings_(settings), number_(number), answers_(answers), applier_(settings, std::move(fence)) {}

  /// Of its thread.
  [[nodiscard]] std::string name() const { return "apply " + std::to_string(number_ + 1); }

  /// From the thread `apply`.
  void tell(Order order) { orders_.push_unbounded(std::move(order)); }
  /// Until stopped; what is not committed then is taken back.
  void run(const std::stop_token& stop);

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] Status open();
  [[nodiscard]] Answer carry_out(Alone& order, const std::stop_token& stop);
  [[nodiscard]] Answer carry_out(Beside& order, const std::stop_token& stop);
  [[nodiscard]] Answer carry_out(End& order, const std::stop_token& stop);
  [[nodiscard]] Answer taken_back(Error error);
  [[nodiscard]] Answer lost(Error error);

  const Settings& settings_;
  const std::size_t number_;
  BoundedQueue<Answer>& answers_;
  BoundedQueue<Order> orders_{1};
  Applier applier_;
  std::optional<postgres::Connection> session_;
  std::optional<ApplyTransaction> transaction_;
  Clock::time_point next_look_{};
};

}  // namespace tandem
