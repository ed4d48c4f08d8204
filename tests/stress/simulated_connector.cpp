#include "simulated_connector.hpp"

#include <algorithm>

#include "store/session.hpp"
#include "store/start.hpp"
#include "store/take_over.hpp"

namespace tandem::stress {
namespace {

constexpr std::size_t most_in_memory = 60;

}  // namespace

SimulatedConnector::SimulatedConnector(const Settings& settings, Judge& judge, std::mt19937& random)
    : settings_(settings), judge_(judge), random_(random), table_(settings), full_(settings.targets.size()) {}

bool SimulatedConnector::begin() {
  for (auto* session : {&reading_, &settling_}) {
    auto opened = store::open_session(settings_, "stress");
    if (!opened) return false;
    session->emplace(std::move(*opened));
  }
  auto before = store::predecessor(*settling_, settings_.connector);
  if (!before) return false;
  auto tenure = store::take_over(*settling_, settings_.connector, before->epoch);
  if (!tenure) return false;
  fence_ = {settings_.connector, tenure->epoch};
  auto facts = store::read_start(*reading_, table_, fence_);
  if (!facts) return false;
  if (auto sound = store::check_start(*facts, table_); !sound) fault("start refused: " + sound.error().message);
  auto blocked = store::release_parked(*reading_, table_, fence_);
  if (!blocked) return false;
  for (const auto& lane : *blocked) {
    lanes_[lane.lane.value].blocked = true;
    target_of_lane_[lane.lane.value] = lane.target;
  }
  floors_ = facts->floors;
  reader_ = facts->reader;
  feed_.emplace(floors_);
  return true;
}

bool SimulatedConnector::step() {
  if (!windows()) return false;
  attempts();
  if (falls(0.05) && !park_a_lane()) return false;
  if (!answered_.empty() && falls(0.5) && !flush()) return false;
  if (falls(0.1) && !take_up()) return false;
  if (falls(0.1) && !write_floors()) return false;
  if (falls(0.02) && feed_->wants_xid()) {
    const auto noted = feed_->position();
    auto drawn = store::draw_xid(*settling_);
    if (!drawn) return false;
    feed_->drawn(noted, *drawn);
  }
  return true;
}

bool SimulatedConnector::windows() {
  std::size_t held = answered_.size();
  for (const auto& [hash, lane] : lanes_) held += lane.records.size();
  if (held >= most_in_memory) return true;
  const auto rows = std::min(std::array<std::size_t, 4>{1, 3, 20, 200}[random_() % 4], most_in_memory - held);

  std::vector<bool> wanted(full_.size());
  for (TargetIndex target = 0; target < full_.size(); ++target) {
    if (falls(0.1)) full_[target] = !full_[target];
    if (full_[target] && feed_->attached(target)) {
      feed_->detach(target);
      ++judge_.counts.detached;
    }
    wanted[target] = feed_->attached(target);
  }
  if (!read(feed_->shared_window(rows), wanted)) return false;
  for (TargetIndex target = 0; target < full_.size(); ++target) {
    if (feed_->attached(target) || full_[target] || feed_->attach(target)) continue;
    std::vector<bool> alone(full_.size());
    alone[target] = true;
    if (!read(feed_->detached_window(target, rows, 3 * rows), alone)) return false;
  }
  return true;
}

bool SimulatedConnector::read(const Feed::Window& window, const std::vector<bool>& wanted) {
  store::WindowQuestion question{wanted, window.after, window.through, window.gaps, window.rows};
  question.alone = window.target;
  auto answer = store::read_window(*reading_, table_, question);
  if (!answer) return false;
  ++judge_.counts.windows;
  for (const auto counter : answer->seen)
    if (counter <= window.after) ++judge_.counts.late;
  if (!std::is_sorted(answer->seen.begin(), answer->seen.end())) fault("a window is not in order");
  feed_->answered(window, answer->seen, answer->xmin);
  judge_.counts.most_gaps = std::max(judge_.counts.most_gaps, feed_->gap_ranges());
  for (TargetIndex target = 0; target < full_.size(); ++target)
    for (auto& record : answer->records[target]) {
      ++judge_.counts.rows;
      if (!taken_.insert(record.counter.value).second) fault("taken twice: " + std::to_string(record.counter.value));
      target_of_lane_[record.lane.value] = target;
      keep(std::move(record));
    }
  return true;
}

void SimulatedConnector::keep(Record record) {
  auto& records = lanes_[record.lane.value].records;
  const auto at = std::lower_bound(records.begin(), records.end(), record.counter,
                                   [](const Record& held, Counter counter) { return held.counter < counter; });
  if (at != records.end() && at->counter == record.counter) return;
  records.insert(at, std::move(record));
}

void SimulatedConnector::attempts() {
  for (auto& [hash, lane] : lanes_) {
    if (lane.records.empty() || lane.busy || lane.blocked || !falls(0.7)) continue;
    const auto& record = lane.records.front();
    auto& started = judge_.started[hash];
    if (record.counter.value < started)
      fault("order: object " + record.object_id + ", " + std::to_string(record.counter.value) + " after " +
            std::to_string(started));
    started = std::max(started, record.counter.value);
    ++judge_.counts.attempts;
    lane.busy = true;
    Settlement settlement;
    settlement.target = target_of_lane_[hash];
    settlement.counter = record.counter;
    settlement.record_id = record.record_id;
    settlement.xid = record.xid;
    settlement.lane = record.lane;
    settlement.attempts = 1;
    answered_.push_back(std::move(settlement));
  }
}

bool SimulatedConnector::flush() {
  const auto noted = feed_->position();
  auto flushed = store::write_flush(*settling_, fence_, answered_);
  if (!flushed) return false;
  for (const auto place : flushed->missing) fault(what_is_missing(answered_[place]));
  feed_->drawn(noted, flushed->drawn);
  for (const auto& settlement : answered_) {
    auto& lane = lanes_[settlement.lane.value];
    if (lane.records.front().counter != settlement.counter)
      fault("order: " + std::to_string(lane.records.front().counter.value) + " came while " +
            std::to_string(settlement.counter.value) + " of its lane was on its way");
    lane.busy = false;
    lane.records.pop_front();
  }
  answered_.clear();
  return true;
}

std::string SimulatedConnector::what_is_missing(const Settlement& settlement) {
  const auto counter = std::to_string(settlement.counter.value);
  auto row = settling_->run("select o::text from tandem.outbox o where o.counter = " + counter);
  return "a flush found " + counter + " missing, which is now " +
         (row && row->size() > 0 ? std::string(row->text(0, 0)) : "nowhere");
}

bool SimulatedConnector::park_a_lane() {
  for (auto& [hash, lane] : lanes_) {
    if (lane.records.empty() || lane.busy || (!lane.blocked && !falls(0.2))) continue;
    std::vector<Settlement> parks;
    for (const auto& record : lane.records) {
      Settlement park;
      park.kind = Settlement::Kind::park;
      park.counter = record.counter;
      park.record_id = record.record_id;
      park.park_reason = parks.empty() && !lane.blocked ? "retry" : std::string(park_reason_lane);
      if (parks.empty() && !lane.blocked) park.due_in = std::chrono::milliseconds(random_() % 50);
      parks.push_back(std::move(park));
    }
    auto flushed = store::write_flush(*settling_, fence_, parks);
    if (!flushed) return false;
    judge_.counts.parked += static_cast<long>(flushed->settled.size());
    lane.blocked = true;
    lane.records.clear();
  }
  return true;
}

bool SimulatedConnector::take_up() {
  std::vector<bool> wanted(full_.size());
  for (std::size_t target = 0; target < full_.size(); ++target) wanted[target] = !full_[target];
  auto taken = store::take_up(*reading_, table_, fence_, wanted);
  if (!taken) return false;
  for (auto& lane : *taken) {
    lanes_[lane.lane.value].blocked = false;
    target_of_lane_[lane.lane.value] = lane.target;
    for (auto& parked : lane.records) keep(std::move(parked.record));
  }
  return true;
}

bool SimulatedConnector::write_floors() {
  std::vector<Floor> floors;
  for (TargetIndex target = 0; target < full_.size(); ++target) {
    auto floor = feed_->safe(target);
    for (const auto& [hash, lane] : lanes_)
      for (const auto& record : lane.records)
        if (target_of_lane_[hash] == target) floor = std::min(floor, Counter{record.counter.value - 1});
    if (floor > floors_[target]) floors.push_back({target, floors_[target] = floor, reader_});
  }
  if (floors.empty()) return true;
  const auto noted = feed_->position();
  auto drawn = store::write_floors(*settling_, fence_, table_.targets(), floors);
  if (!drawn) return false;
  ++judge_.counts.floors;
  feed_->drawn(noted, *drawn);
  auto below = settling_->run(
      "select count(*) from tandem.outbox o join tandem.settled_through s on s.peer = o.target and o.counter <= "
      "s.counter "
      "where o.request_state in (1, 2) and not exists (select from tandem.parked p where p.counter = o.counter)");
  if (!below) return false;
  if (below->number(0, 0) > 0) fault(std::string(below->text(0, 0)) + " pending records below the floor");
  return true;
}

}  // namespace tandem::stress
