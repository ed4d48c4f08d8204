#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "capture/change_batch.hpp"
#include "store/stream.hpp"

namespace tandem {

/// The batches of a stream that are being captured, oldest first: at most two, each in a session of its own. The second
/// one begins beside the first where no object is in both, so that neither waits for the other's rows and the records
/// of an object keep the order of the log; it commits behind it (tandem.move_stream). Decisions only: no I/O.
class StreamFlights {
 public:
  struct Flight {
    int session = 0;  ///< 0 or 1
    std::int64_t number = 0;
    std::optional<std::int64_t> behind;  ///< the one before, where that is in flight
    store::StreamPosition was, becomes;
  };

  [[nodiscard]] bool empty() const { return flights_.empty(); }
  [[nodiscard]] const Flight& oldest() const { return flights_.front().flight; }
  /// Could these groups be captured beside what is in flight? A TRUNCATE stands alone.
  [[nodiscard]] bool admits(const std::deque<ChangeBatch::Group>& groups) const;
  /// The next batch; what the groups know of their keys is taken. `was`: where the stream is if nothing is in flight.
  const Flight& begin(std::deque<ChangeBatch::Group>& groups, const store::StreamPosition& was,
                      const store::StreamPosition& becomes);
  /// The oldest has committed; where the stream is now.
  store::StreamPosition end_oldest();
  void clear() { flights_.clear(); }

 private:
  using Keys = std::unordered_map<std::string, std::size_t>;
  struct Entry {
    Flight flight;
    bool alone = false;
    std::vector<std::pair<const store::StreamWatch*, Keys>> objects;
  };
  std::deque<Entry> flights_;
  std::int64_t begun_ = 0;
};

}  // namespace tandem
