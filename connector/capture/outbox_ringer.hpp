#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "model/doorbell.hpp"
#include "model/error.hpp"
#include "wire/event.hpp"

namespace tandem {

/// Turns what the stream says into rings: for each transaction and target the highest counter, once the transaction's
/// commit has been decoded (its rows become visible all at once), and one ring for every target where a logical message
/// with the prefix `tandem` says that people changed something. Where the plugin was asked for no boundaries, a row
/// comes after its commit and is ready at once. Of the rows, only `counter` and `target` are looked at.
class OutboxRinger {
 public:
  static constexpr std::string_view message_prefix = "tandem";

  /// Fails where the publication leaves out a column that is needed.
  [[nodiscard]] Status take(const wire::Event& event);

  /// What is ready to be rung, in commit order; until `clear`.
  [[nodiscard]] std::span<const Ring> rings() const { return ready_; }
  void clear() { ready_.clear(); }

 private:
  [[nodiscard]] Status describe(const wire::Relation& relation);
  [[nodiscard]] Status insert(const wire::Insert& insert);

  [[nodiscard]] std::vector<Ring>& pending() { return in_transaction_ ? open_ : ready_; }

  bool in_transaction_ = false;
  const wire::Relation* outbox_ = nullptr;
  std::size_t counter_column_ = 0, target_column_ = 0;
  std::vector<Ring> open_;  ///< of the transaction that is being decoded: one per target
  std::vector<Ring> ready_;
};

}  // namespace tandem
