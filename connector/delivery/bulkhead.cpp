#include "delivery/bulkhead.hpp"

#include <algorithm>

namespace tandem {
namespace {

constexpr std::chrono::seconds between_floors{1};
constexpr std::chrono::hours between_recoveries{1};

/// A record parked for this reason has never been sent, unless its attempts say so.
bool never_sent(const std::string& reason) {
  return reason == "lane" || reason == "parent" || reason == "pause" || reason == "resumed" || reason == "blocked" ||
         reason == "rekey";
}

}  // namespace

Bulkhead::Bulkhead(const Settings& settings, TargetIndex index, const Target& target, std::shared_ptr<Room> room,
                   DeliveryStats& stats, std::uint32_t seed)
    : settings_(settings),
      target_settings_(settings.targets[index]),
      index_(index),
      target_(target),
      room_(std::move(room)),
      stats_(stats),
      random_(seed),
      book_(
          static_cast<std::size_t>(std::ranges::count(settings.routes, target_settings_.name, &RouteSettings::target)) +
          1),
      breaker_(target_settings_.breaker),
      gate_(target_settings_.rate, target_settings_.concurrency, target_settings_.retry_after_cap),
      lending_(target_settings_) {
  wanted_.target = index;
  for (RouteIndex i = 0; i < settings.routes.size(); ++i) {
    const RouteSettings& route = settings.routes[i];
    if (route.target != target_settings_.name) continue;
    Desk desk;
    desk.index = i;
    desk.route = &route;
    desk.mapping = std::make_unique<Mapping>(route);
    desk.window_suffices = window_suffices(route);
    desks_.push_back(std::move(desk));
  }
  for (Desk& parent : desks_)
    for (std::uint32_t slot = 0; slot < desks_.size(); ++slot)
      if (desks_[slot].route != parent.route &&
          std::ranges::count(desks_[slot].route->fields, parent.route->request_type, &FieldSettings::ref) > 0)
        parent.children.push_back(slot);
  desks_.emplace_back();
}

std::uint32_t Bulkhead::slot_of(RouteIndex route) const {
  for (std::uint32_t slot = 0; slot + 1 < desks_.size(); ++slot)
    if (desks_[slot].index == route) return slot;
  return static_cast<std::uint32_t>(desks_.size() - 1);
}

void Bulkhead::take(ToDelivery&& message, const Now& now) {
  if (auto* answer = std::get_if<Settled>(&message)) {
    settled(*answer, now);
    become_quiet(now);
    return;
  }
  if (late_start_) {
    held_back_.push_back(std::move(message));
    return;
  }
  if (auto* arrivals = std::get_if<Arrivals>(&message))
    arrive(std::move(*arrivals));
  else if (auto* parked = std::get_if<TakeUp>(&message))
    take_up(std::move(*parked), now);
  else if (auto* bodies = std::get_if<Bodies>(&message))
    found(std::move(*bodies), now);
  else if (auto* safe = std::get_if<Safe>(&message))
    safe_ = std::max(safe_, safe->safe);
  else if (auto* asked = std::get_if<Pause>(&message))
    pause(*asked);
  else if (auto* begin = std::get_if<Start>(&message))
    start(std::move(*begin), now);
  else if (std::get_if<Drop>(&message) != nullptr) {
    quieting_ = true;
    become_quiet(now);
  }
}

void Bulkhead::arrive(Arrivals&& message) {
  book_.compact(message.read_at);
  for (Record& record : message.records) arrive(std::move(record), message.read_at);
}

void Bulkhead::arrive(Record&& record, SteadyTime read_at) {
  const std::size_t charged = footprint(record);
  const bool untouched = record.state == State::created && record.attempts == 0 && record.counter > attempted_through_;
  Held* held = quieting_ ? nullptr : book_.add(std::move(record), slot_of(record.route), read_at);
  if (held == nullptr) {
    room_->give(charged);
    return;
  }
  held->untouched = untouched;
  if (held->record.operation == Operation::rekey) desks_[held->slot].window_suffices = false;
  Lane& lane = *held->lane;
  if (!lane.blocked) {
    book_.rearm(lane);
    return;
  }
  park_behind(*held);
}

void Bulkhead::take_up(TakeUp&& message, const Now& now) {
  book_.compact(message.read_at);
  Lane* lane = book_.find(message.lane);
  waits_for_.erase(message.lane);
  // A record that was parked after the feed's snapshot is missing here, and must not be overtaken: what came is parked
  // again, due as it was, and the whole lane comes with the next take-up.
  Counter highest;
  for (const ParkedRecord& parked : message.records) highest = std::max(highest, parked.record.counter);
  const bool incomplete =
      lane != nullptr && lane->blocked && (lane->parked_high > highest || lane->parked > message.records.size());
  if (lane != nullptr) {
    if (!incomplete) book_.unblock(*lane);
    lane->parked_high = {};
    lane->parked = 0;
  }

  for (ParkedRecord& parked : message.records) {
    const std::size_t charged = footprint(parked.record);
    Held* known = book_.find(parked.record.counter);
    if (quieting_ || known != nullptr) {
      room_->give(charged);
      if (known == nullptr) continue;
      if (known->write == Held::Write::outcome)
        known->sent_back = std::make_unique<ParkedRecord>(std::move(parked));
      else
        known->retried |= parked.retried;
      continue;
    }
    std::string reason = parked.reason;
    const auto early = parked.early;
    Held* held = add_parked(std::move(parked), now);
    if (incomplete) {
      Settlement again = about(*held);
      again.park_reason = std::move(reason);
      again.due_in = early;
      park_one(*held, std::move(again));
    }
  }
  if (lane = book_.find(message.lane); lane != nullptr) book_.rearm(*lane);
}

Held* Bulkhead::add_parked(ParkedRecord&& parked, const Now& now) {
  const std::uint32_t slot = slot_of(parked.record.route);
  Held* held = book_.add(std::move(parked.record), slot, SteadyTime{});
  held->retried = parked.retried;
  if (held->record.operation == Operation::rekey) desks_[slot].window_suffices = false;
  held->untouched = !parked.retried && !parked.attempted && held->record.attempts == 0 &&
                    held->record.counter > attempted_through_ && never_sent(parked.reason);
  held->waited = parked.waited;
  if (parked.reason == park_reason_confirmation) {
    held->awaits = true;
    held->confirm_by = now.steady + parked.early;
  }
  if (parked.reason == "missing") held->doubt = Doubt::missing_once;
  if (parked.reason == "retry" || parked.reason == "outcome") held->may_run_until = now.steady + parked.early;
  return held;
}

void Bulkhead::start(Start&& message, const Now& now) {
  if (flying_ > 0 || unsettled_ > 0) {
    late_start_ = std::move(message);
    return;
  }
  drop_all();
  quieting_ = false;
  for (const LaneHash lane : message.blocked) book_.block(lane);
  failed_lanes_.clear();
  failed_lanes_.insert(message.failed.begin(), message.failed.end());
  unclean_ = message.unclean;
  last_counter_ = message.last_counter;
  attempted_through_ = message.attempted_through;
  reader_ = message.reader;
  started_ = now.steady;
  safe_ = floor_ = {};
  recover_at_ = now.steady + between_recoveries;
}

void Bulkhead::drop_all() {
  for (Desk& desk : desks_) desk.up.clear();
  raised_ = reading_ = 0;
  wanted_.wanted.clear();
  waits_for_.clear();
  spent_.clear();
  to_give_back_.clear();
  book_.for_each([this](Held& held) { let_go(held); });
  room_->give(book_.clear());
}

void Bulkhead::become_quiet(const Now& now) {
  if (flying_ > 0 || unsettled_ > 0) return;
  if (quieting_) {
    book_.for_each([&](Held& held) {
      if (announced(held)) intend(held, taken_back(held));
    });
    if (unsettled_ > 0) return;
    drop_all();
    quieting_ = false;
    out.feed.emplace_back(Quiet{index_});
  }
  if (!late_start_) return;
  Start begin = std::move(*late_start_);
  late_start_.reset();
  start(std::move(begin), now);
  for (ToDelivery& message : std::exchange(held_back_, {})) {
    // Read while attempts were still in flight: to be read again before anything is sent.
    if (auto* arrivals = std::get_if<Arrivals>(&message)) arrivals->read_at = {};
    take(std::move(message), now);
  }
}

void Bulkhead::found(Bodies&& message, const Now& now) {
  for (FoundBody& body : message.bodies) {
    Held* held = book_.find(body.counter);
    const std::size_t bytes = footprint(body);
    if (held == nullptr || !held->asked) {
      room_->give_bodies(bytes);
      continue;
    }
    held->asked = false;
    --reading_;
    held->found_at = now.steady;
    held->found_bytes = bytes;
    held->found = std::make_unique<FoundBody>(std::move(body));
    desks_[held->slot].up.push_back(held);
    ++raised_;
  }
}

void Bulkhead::settled(const Settled& message, const Now& now) {
  // What was not written first: where it blocks its lane, the lane goes on, and the rest of it stays in memory.
  for (const Counter counter : message.missing) settled(counter, false, now);
  for (const Counter counter : message.lost) settled(counter, false, now);
  for (const Counter counter : message.counters) settled(counter, true, now);
}

void Bulkhead::settled(Counter counter, bool written, const Now& now) {
  Held* held = book_.find(counter);
  if (held == nullptr || held->write == Held::Write::none) return;
  Lane& lane = *held->lane;
  const auto write = std::exchange(held->write, Held::Write::none);
  const bool blocked = std::exchange(held->blocks, false);
  --lane.unsettled;
  --unsettled_;
  if (write == Held::Write::park && written && !lane.blocked) {
    // Taken up while it was being parked, or what it waited for is gone: memory holds it for good.
    book_.rearm(lane);
    return;
  }
  if (write == Held::Write::intent) {
    --announcing_;
    if (written && !stopping_ && !quieting_ && !late_start_) {
      if (held->found) {
        desks_[held->slot].up.push_back(held);
        ++raised_;
      } else {
        ask(*held);
      }
      return;
    }
    lane.in_hand = false;
    if (written && announced(*held)) {
      Settlement back = taken_back(*held);
      if (!stopping_) {
        intend(*held, std::move(back));
        return;
      }
      note(std::move(back));
    }
  }
  if (write == Held::Write::park && !written && blocked) book_.unblock(lane);
  if (write == Held::Write::park && written) {
    lane.parked_high = std::max(lane.parked_high, counter);
    ++lane.parked;
    if (to_give_back_.erase(counter) > 0) give_back(counter);
  }
  if (write == Held::Write::outcome && written && held->delivered)
    stats_.delivery_latency.observe(std::max(now.wall - held->record.created, WallTime::duration::zero()));
  const auto sent_back = std::move(held->sent_back);
  forget(*held);
  if (sent_back) {
    room_->take(footprint(sent_back->record));
    add_parked(std::move(*sent_back), now);
  }
  if (lane.blocked && lane.first == nullptr) book_.rest(lane, now.steady);
  book_.rearm(lane);
}

/// What was read for an attempt that is not made now.
void Bulkhead::let_go(Held& held) {
  held.found.reset();
  room_->give_bodies(std::exchange(held.found_bytes, 0));
}

void Bulkhead::forget(Held& held) {
  let_go(held);
  room_->give(book_.remove(held));
}

void Bulkhead::pause(const Pause& message) {
  if (message.route == no_route) {
    paused_ = message.paused;
    stats_.paused.set(paused_ ? 1 : 0);
    return;
  }
  const std::uint32_t slot = slot_of(message.route);
  if (slot + 1 < desks_.size()) desks_[slot].paused = message.paused;
}

void Bulkhead::write_floor(const Now& now) {
  if (quieting_ || late_start_ || now.steady < floor_at_ + between_floors) return;
  const auto lowest = book_.lowest();
  const Counter through = lowest ? std::min(safe_, Counter{lowest->value - 1}) : safe_;
  if (through <= floor_) return;
  floor_ = through;
  floor_at_ = now.steady;
  out.settle.emplace_back(Floor{index_, floor_, reader_});
}

void Bulkhead::stop() {
  stopping_ = true;
  book_.for_each([&](Held& held) {
    if (!held.flying && announced(held) && held.write == Held::Write::none) note(taken_back(held));
  });
}

std::optional<SteadyTime> Bulkhead::wakes(const Now& now) {
  std::optional<SteadyTime> first;
  // What was due by now `turn` has done, or cannot do yet: it must not keep the loop awake.
  const auto consider = [&](std::optional<SteadyTime> at) {
    if (at && *at > now.steady && (!first || *at < *first)) first = at;
  };
  consider(breaker_.wakes());
  consider(gate_.wakes(now.steady, now.wall));
  consider(book_.wakes());
  consider(recover_at_);
  consider(linger_until_);
  if (!takeoffs_.empty()) consider(takeoffs_.front().first + std::chrono::seconds(1));
  if (safe_ > floor_) consider(std::max(floor_at_ + between_floors, now.steady + std::chrono::milliseconds(100)));
  return first;
}

void Bulkhead::turn(const Now& now) {
  note_long_flights(now);
  write_floor(now);
  become_quiet(now);
  if (recover_at_ && now.steady >= *recover_at_ && breaker_.state(now.steady) == Breaker::State::closed) {
    recover_at_ = now.steady + between_recoveries;
    out.feed.emplace_back(Recover{index_});
  }
  if (stopping_ || quieting_ || late_start_) return;
  book_.wake(now.steady);
  linger_until_.reset();
  if (!paused_) {
    if (breaker_.wants_probe(now.steady) && !target_settings_.probe_path.empty()) {
      breaker_.probe_started();
      gate_.take_reserved(now.wall);
      out.probe = true;
    }
    raise(now);
    ship(now);
    raise(now);
  }
  if (!wanted_.wanted.empty()) {
    out.feed.emplace_back(std::exchange(wanted_, BodyRequest{index_, {}}));
  }
  stats_.in_flight.set(flying_);
}

}  // namespace tandem
