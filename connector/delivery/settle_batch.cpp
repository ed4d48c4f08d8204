#include "delivery/settle_batch.hpp"

#include <algorithm>
#include <unordered_map>

namespace tandem {
namespace {

/// A note that only tells: a later write about its record says all that matters.
bool gives_way(const Settlement& settlement) {
  return settlement.kind == Settlement::Kind::note && !settlement.attempt &&
         settlement.identity == Settlement::IdentityWrite::none && settlement.agreed == Settlement::AgreedWrite::none;
}
bool urgent(const Settlement& settlement) {
  return settlement.lane_waits || settlement.kind == Settlement::Kind::intent;
}

}  // namespace

void SettleBatch::add(Settlement settlement, SteadyTime now) {
  if (urgent(settlement)) ++urgent_;
  waiting_.push_back({std::move(settlement), now});
}

void SettleBatch::add_later(Settlement settlement, SteadyTime at) {
  later_.push_back({std::move(settlement), at});
}

std::optional<SteadyTime> SettleBatch::due() const {
  std::optional<SteadyTime> at;
  if (!waiting_.empty())
    at = waiting_.front().since +
         (urgent_ > 0 || waiting_.size() >= enough_rows ? std::chrono::milliseconds{0} : longest_wait);
  for (const auto& later : later_) at = at ? std::min(*at, later.at) : later.at;
  return at;
}

std::vector<Settlement> SettleBatch::take(SteadyTime now, std::size_t most) {
  // What failed before is older than all that waits, and writes about one record keep their order.
  const auto due = std::stable_partition(later_.begin(), later_.end(), [&](const Later& l) { return l.at > now; });
  for (auto later = later_.end(); later != due;) {
    --later;
    if (urgent(later->settlement)) ++urgent_;
    waiting_.push_front({std::move(later->settlement), now});
  }
  later_.erase(due, later_.end());
  std::unordered_map<std::int64_t, SteadyTime> set_aside;
  for (const auto& later : later_) set_aside.insert_or_assign(later.settlement.counter.value, later.at);

  std::vector<Settlement> flush;
  std::unordered_map<std::int64_t, std::size_t> places;
  std::deque<Waiting> rest;
  while (!waiting_.empty() && flush.size() < most) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    if (urgent(next.settlement)) --urgent_;
    if (const auto aside = set_aside.find(next.settlement.counter.value); aside != set_aside.end()) {
      later_.push_back({std::move(next.settlement), aside->second});
      continue;
    }
    const auto [found, fresh] = places.try_emplace(next.settlement.counter.value, flush.size());
    if (fresh) {
      flush.push_back(std::move(next.settlement));
    } else if (gives_way(flush[found->second])) {
      flush[found->second] = std::move(next.settlement);
    } else if (!gives_way(next.settlement)) {
      if (urgent(next.settlement)) ++urgent_;
      rest.push_back(std::move(next));
    }
  }
  waiting_.insert(waiting_.begin(), std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
  return flush;
}

}  // namespace tandem
