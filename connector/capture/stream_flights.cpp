#include "capture/stream_flights.hpp"

#include <algorithm>

namespace tandem {
namespace {

bool stands_alone(const std::deque<ChangeBatch::Group>& groups) {
  return std::ranges::any_of(groups, [](const auto& group) { return group.kinds.front() == "TRUNCATE"; });
}

}  // namespace

bool StreamFlights::admits(const std::deque<ChangeBatch::Group>& groups) const {
  if (flights_.empty()) return true;
  if (flights_.size() > 1 || flights_.front().alone || stands_alone(groups)) return false;
  for (const auto& [watch, keys] : flights_.front().objects)
    for (const ChangeBatch::Group& group : groups)
      if (group.watch == watch &&
          std::ranges::any_of(group.newest, [&keys = keys](const auto& of) { return keys.contains(of.first); }))
        return false;
  return true;
}

const StreamFlights::Flight& StreamFlights::begin(std::deque<ChangeBatch::Group>& groups,
                                                  const store::StreamPosition& was,
                                                  const store::StreamPosition& becomes) {
  Entry entry;
  entry.alone = stands_alone(groups);
  entry.flight = {0, ++begun_, std::nullopt, was, becomes};
  if (!flights_.empty()) {
    const Flight& before = flights_.back().flight;
    entry.flight = {1 - before.session, begun_, before.number, before.becomes, becomes};
  }
  for (ChangeBatch::Group& group : groups) entry.objects.emplace_back(group.watch, std::move(group.newest));
  return flights_.emplace_back(std::move(entry)).flight;
}

store::StreamPosition StreamFlights::end_oldest() {
  const store::StreamPosition reached = flights_.front().flight.becomes;
  flights_.pop_front();
  return reached;
}

}  // namespace tandem
