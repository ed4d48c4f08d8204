#include "intake/reading_thread.hpp"

#include <algorithm>
#include <utility>

#include "intake/digest.hpp"
#include "json/scan.hpp"
#include "log/log.hpp"
#include "metrics/names.hpp"
#include "store/session.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds first_delay{500}, longest_delay{30'000}, look_interval{1'000};
constexpr std::size_t most_under_way = 2;
constexpr auto repeats_for = 60s;  // a source that has told something twice is likely to do so again

}  // namespace

ReadingThread::ReadingThread(const Settings& settings, const SourceSettings& source,
                             std::unique_ptr<SourceReader> reader, std::function<void()> stored)
    : settings_(settings),
      source_(source),
      reader_(std::move(reader)),
      stored_(std::move(stored)),
      census_(source.poll ? source.poll->most_missing : 0) {}

ReadingThread::~ReadingThread() = default;

void ReadingThread::run(const std::stop_token& stop) {
  log::name_thread("source");
  const std::stop_callback wake(stop, [this] { bell_.close(); });
  milliseconds delay = first_delay;
  while (!stop.stop_requested()) {
    auto rest = turn(stop);
    if (rest) {
      delay = first_delay;
      tell({});
      if (*rest > 0ms) [[maybe_unused]]
        const auto rung = bell_.drain_for(*rest);
      continue;
    }
    tell(rest.error().message);
    log::warn("a source cannot be read now; it is tried again", rest.error(), {{field::source, source_.name}});
    started_ = false;
    if (session_ && session_->usable())
      if (auto dropped = drop_under_way(); !dropped) log::warn("the session is lost, too", dropped.error());
    if (session_ && !session_->usable()) session_.reset();
    under_way_.clear();
    [[maybe_unused]] const auto rung = bell_.drain_for(std::exchange(delay, std::min(delay * 2, longest_delay)));
  }
  if (auto ended = end_storing(); !ended) log::warn("what a source told last may not be stored", ended.error());
}

Result<milliseconds> ReadingThread::turn(const std::stop_token& stop) {
  if (!under_way_.empty() && Clock::now() < next_look_) {
    // First: what has come meanwhile makes one haul.
    if (auto freed = make_room(); !freed) return tl::unexpected(std::move(freed.error()));
    if (!started_) return 0ms;
    if (auto haul = reader_->more()) {
      if (auto sent = store_behind(std::move(*haul)); !sent) return tl::unexpected(std::move(sent.error()));
      return 0ms;
    }
  }
  if (auto ended = end_storing(); !ended) return tl::unexpected(std::move(ended.error()));
  auto haul = read_on(stop);
  if (!haul) return tl::unexpected(std::move(haul.error()));
  const milliseconds rest = haul->rest;
  const bool unchanged = haul->records.empty() && haul->refused.empty() && haul->position == position_;
  if (haul->position.empty() || unchanged) return rest;
  if (auto begun = store_behind(std::move(*haul)); !begun) return tl::unexpected(std::move(begun.error()));
  if (rest > 0ms)
    if (auto ended = end_storing(); !ended) return tl::unexpected(std::move(ended.error()));
  return rest;
}

/// The server has one haul to go on with while the next is read and encoded.
Status ReadingThread::make_room() {
  while (under_way_.size() >= most_under_way)
    if (auto ended = end_one(); !ended) return ended;
  return {};
}

/// Nothing is being stored. A source that is paused has nothing to tell.
Result<Haul> ReadingThread::read_on(const std::stop_token& stop) {
  if (auto looked = look_up(); !looked) return tl::unexpected(std::move(looked.error()));
  if (paused_) {
    started_ = false;
    Haul nothing;
    nothing.rest = look_interval;
    return nothing;
  }
  if (!started_) {
    if (auto begun = reader_->start(position_); !begun) return tl::unexpected(std::move(begun.error()));
    started_ = true;
    log::info("a source is read", {{field::source, source_.name}, {field::position, position_}});
  }
  auto haul = reader_->read(stop);
  if (haul && haul->complete)
    if (auto counted = count_missing(*haul); !counted) return tl::unexpected(std::move(counted.error()));
  return haul;
}

/// Position and pause as the database has them: at the start, and once a second.
Status ReadingThread::look_up() {
  if (started_ && session_ && session_->usable() && Clock::now() < next_look_) return {};
  if (!session_ || !session_->usable()) {
    session_.reset();
    auto session = store::open_session(settings_, "source " + source_.name);
    if (!session) return tl::unexpected(std::move(session.error()));
    session_.emplace(std::move(*session));
    started_ = false;
  }
  auto standing = store::standing_of(*session_, source_.name);
  if (!standing) return tl::unexpected(std::move(standing.error()));
  next_look_ = Clock::now() + look_interval;
  paused_ = standing->paused;
  if (started_ && !json::equal(standing->position, position_) && !(standing->position.empty() && position_.empty())) {
    log::warn("another position has been stored; the source is read from there",
              {{field::source, source_.name}, {field::position, standing->position}});
    started_ = false;
  }
  if (!started_) position_ = standing->position;
  return {};
}

/// What a complete list does not hold becomes records of its own.
Status ReadingThread::count_missing(Haul& haul) {
  const Complete& complete = *haul.complete;
  auto missing =
      store::missing_of(*session_, source_.target, complete.request_type, complete.remote_ids, complete.took);
  if (!missing) return tl::unexpected(std::move(missing.error()));
  const Census::Verdict verdict = census_.judge(complete.request_type, missing->remote_ids, missing->known);
  if (verdict.too_many) {
    const std::string reason = std::to_string(missing->remote_ids.size()) + " of " + std::to_string(missing->known) +
                               " known objects are missing in a complete list: none is taken for deleted";
    haul.refused.push_back({complete.request_type, reason});
  }
  if (verdict.look_again) reader_->look_again(complete.request_type);
  for (const std::string& id : verdict.gone) {
    store::Incoming record;
    record.request_type = complete.request_type;
    record.operation = "delete";
    record.remote_id = id;
    record.source_record_id = "missing " + digest({complete.request_type, id, haul.position});
    haul.records.push_back(std::move(record));
  }
  return {};
}

/// Each moves the position from where the one before leaves it, so that one behind a failed one stores nothing.
Status ReadingThread::store_behind(Haul haul) {
  const auto repeats = reader_->repeats_itself() || Clock::now() < repeats_until_ ? store::Repeats::passed_over
                                                                                  : store::Repeats::not_expected;
  const store::Move move{under_way_.empty() ? position_ : under_way_.back().position, haul.position};
  const auto statements = store::receiving(source_.name, haul.records, haul.refused, move, repeats);
  if (auto sent = session_->send_behind(statements); !sent) return sent;
  under_way_.push_back(std::move(haul));
  return {};
}

/// What is sent behind a haul that was not stored finds another position, and stores nothing either.
Status ReadingThread::drop_under_way() {
  for (; !under_way_.empty(); under_way_.pop_front()) {
    started_ = false;  // what they hold is read anew
    auto ended = session_->finish_all();
    if (!ended && !session_->usable()) return tl::unexpected(std::move(ended.error()));
  }
  return {};
}

/// Afterwards position_ is what is stored, unless somebody else has moved it: then it is looked up.
Result<store::Received> ReadingThread::finish(const Haul& haul) {
  const store::Move move{position_, haul.position};
  auto received = store::finish_received(*session_, true);
  if (!received && !session_->usable()) return received;
  if (!received || !received->moved)
    if (auto dropped = drop_under_way(); !dropped) return tl::unexpected(std::move(dropped.error()));
  if (!received && store::is_repeat(received.error())) {
    repeats_until_ = Clock::now() + repeats_for;
    received = store::receive(*session_, source_.name, haul.records, haul.refused, move);
  }
  if (!received && store::of_the_records(received.error()))
    received = store::receive_what_fits(*session_, source_.name, haul.records, haul.refused, move);
  if (!received) return received;
  if (!received->moved) {
    log::warn("another position has been stored; the source is read from there", {{field::source, source_.name}});
    started_ = false;
    return received;
  }
  if (received->fresh + received->confirmed + received->surplus < haul.records.size())
    repeats_until_ = Clock::now() + repeats_for;
  position_ = haul.position;
  return received;
}

Status ReadingThread::end_storing() {
  while (!under_way_.empty())
    if (auto ended = end_one(); !ended) return ended;
  return {};
}

Status ReadingThread::end_one() {
  const Haul haul = std::move(under_way_.front());
  under_way_.pop_front();
  auto received = finish(haul);
  if (!received) return tl::unexpected(std::move(received.error()));
  if (received->moved) tell_of(haul, *received);
  return {};
}

void ReadingThread::tell_of(const Haul& haul, const store::Received& received) {
  reader_->stored(haul.position);
  auto& registry = metrics::registry();
  registry.total(metrics::intake_records, {source_.name}).add(received.fresh);
  registry.total(metrics::intake_confirmations, {source_.name, "used"}).add(received.confirmed);
  registry.total(metrics::intake_confirmations, {source_.name, "surplus"}).add(received.surplus);
  if (!haul.refused.empty()) {
    registry.total(metrics::intake_refused, {source_.name, "malformed"}).add(haul.refused.size());
    log::warn("a source tells what cannot be understood; tandem.refused lists it",
              {{field::source, source_.name},
               {field::count, static_cast<std::uint64_t>(haul.refused.size())},
               {field::position, haul.refused.front().place},
               {field::reason, haul.refused.front().reason}});
  }
  if (received.fresh > 0 && stored_) stored_();
}

void ReadingThread::tell(std::string trouble) {
  const std::lock_guard lock(mutex_);
  trouble_ = std::move(trouble);
}

std::string ReadingThread::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

}  // namespace tandem
