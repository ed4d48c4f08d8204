#pragma once
#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "model/error.hpp"
#include "store/receive.hpp"

namespace tandem {

/// A list that held everything: whatever else we know of this type is no longer there.
struct Complete {
  std::string request_type;
  std::vector<std::string> remote_ids;
  std::chrono::seconds took{0};  ///< what was paired meanwhile need not be on it
};

/// What a source has told since it was last asked.
struct Haul {
  std::vector<store::Incoming> records;  ///< in the source's order
  std::vector<store::Refused> refused;
  std::optional<Complete> complete;
  std::string position;               ///< behind all of it, JSON; empty = nothing has moved
  std::chrono::milliseconds rest{0};  ///< nothing is to be expected before
};

/// A source that tandem reads by itself, at its own pace. One thread uses it. Nothing that it has handed out is lost to
/// it before its position has been stored: after a failure it is started again from the stored one.
class SourceReader {
 public:
  SourceReader() = default;
  SourceReader(const SourceReader&) = delete;
  SourceReader& operator=(const SourceReader&) = delete;
  virtual ~SourceReader() = default;

  /// Goes on from a position that was stored; empty = there is none yet.
  [[nodiscard]] virtual Status start(const std::string& position) = 0;
  /// What there is next. Waits about a second at most where there is nothing.
  [[nodiscard]] virtual Result<Haul> read(const std::stop_token& stop) = 0;
  /// What has come meanwhile, while the last haul is still being stored; waits for nothing. Nothing: this source is not
  /// read further ahead now.
  [[nodiscard]] virtual std::optional<Haul> more() { return std::nullopt; }
  /// It usually tells things twice, as where it looks back for what has come late.
  [[nodiscard]] virtual bool repeats_itself() const { return true; }
  /// The haul that ends at this position is stored.
  virtual void stored(const std::string& /*position*/) {}
  /// Objects of this type were missing in a complete list: another one is to tell whether they are gone.
  virtual void look_again(const std::string& /*request_type*/) {}
};

}  // namespace tandem
