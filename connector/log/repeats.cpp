#include "log/repeats.hpp"

#include <algorithm>
#include <utility>

namespace tandem::log {

bool Repeats::write_now(const std::string& key, const std::string& line, Clock::time_point now) {
  const auto found = kinds_.find(key);
  if (found != kinds_.end() && now < found->second.until) {
    found->second.held.line = line;
    ++found->second.held.count;
    return false;
  }
  if (kinds_.size() >= most_held) return true;
  const auto until = now + period;
  kinds_[key] = Kind{until, {}};
  next_due_ = std::min(next_due_, until);
  return true;
}

std::vector<Repeats::Held> Repeats::due(Clock::time_point now) {
  std::vector<Held> out;
  if (now < next_due_) return out;
  next_due_ = Clock::time_point::max();
  for (auto kind = kinds_.begin(); kind != kinds_.end();) {
    if (now < kind->second.until) {
      next_due_ = std::min(next_due_, kind->second.until);
      ++kind;
    } else if (kind->second.held.count == 0) {
      kind = kinds_.erase(kind);
    } else {
      out.push_back(std::exchange(kind->second.held, {}));
      if (now == Clock::time_point::max()) {
        kind = kinds_.erase(kind);
      } else {
        kind->second.until = now + period;
        next_due_ = std::min(next_due_, kind->second.until);
        ++kind;
      }
    }
  }
  return out;
}

}  // namespace tandem::log
