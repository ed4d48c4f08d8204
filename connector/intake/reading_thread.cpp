#include "intake/reading_thread.hpp"

#include <algorithm>
#include <utility>

#include "intake/digest.hpp"
#include "intake/haul_order.hpp"
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
constexpr std::size_t large_haul = 2'500;  // records: worth a transaction in parts, and behind it there is likely more
constexpr auto without_second_for = 30s;   // after a session that could not be opened
constexpr auto repeats_for = 60s;          // a source that has told something twice is likely to do so again

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
    drop_under_way();
    for (auto& session : sessions_)
      if (session && (!session->usable() || session->in_flight())) session.reset();
    [[maybe_unused]] const auto rung = bell_.drain_for(std::exchange(delay, std::min(delay * 2, longest_delay)));
  }
  if (auto ended = end_storing(); !ended) log::warn("what a source told last may not be stored", ended.error());
}

Result<milliseconds> ReadingThread::turn(const std::stop_token& stop) {
  if (!under_way_.empty() && Clock::now() < next_look_) {
    std::optional<Haul> haul;
    if (under_way_.size() >= most_under_way && under_way_.back().open) haul = reader_->more();
    if (auto freed = make_room(); !freed) return tl::unexpected(std::move(freed.error()));
    if (!started_) return 0ms;
    if (!haul) haul = reader_->more();  // what has come meanwhile makes one haul
    if (haul) {
      if (auto sent = store(std::move(*haul)); !sent) return tl::unexpected(std::move(sent.error()));
      return 0ms;
    }
  }
  if (auto ended = end_storing(); !ended) return tl::unexpected(std::move(ended.error()));
  auto haul = read_on(stop);
  if (!haul) return tl::unexpected(std::move(haul.error()));
  const milliseconds rest = haul->rest;
  const bool unchanged = haul->records.empty() && haul->refused.empty() && haul->position == position_;
  if (haul->records.empty()) sessions_[1].reset();  // no backlog any more
  if (haul->position.empty() || unchanged) return rest;
  if (auto begun = store(std::move(*haul)); !begun) return tl::unexpected(std::move(begun.error()));
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
  if (started_ && sessions_[0] && sessions_[0]->usable() && Clock::now() < next_look_) return {};
  if (!sessions_[0] || !sessions_[0]->usable()) {
    if (auto opened = open_session(0); !opened) return opened;
    started_ = false;
  }
  auto standing = store::standing_of(*sessions_[0], source_.name);
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

Status ReadingThread::open_session(std::size_t number) {
  auto& session = sessions_.at(number);
  session.reset();
  auto opened = store::open_session(settings_, "source " + source_.name);
  if (!opened) return tl::unexpected(std::move(opened.error()));
  session.emplace(std::move(*opened));
  return {};
}

/// What a complete list does not hold becomes records of its own.
Status ReadingThread::count_missing(Haul& haul) {
  const Complete& complete = *haul.complete;
  auto missing =
      store::missing_of(*sessions_[0], source_.target, complete.request_type, complete.remote_ids, complete.took);
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

store::Repeats ReadingThread::repeats() const {
  return reader_->repeats_itself() || Clock::now() < repeats_until_ ? store::Repeats::passed_over
                                                                    : store::Repeats::not_expected;
}

/// One that draws its counters as it is stored can stand neither beside an open one nor behind it on its session.
Status ReadingThread::store(Haul haul) {
  const bool large = haul.records.size() >= large_haul;
  const bool alone = large && Clock::now() < no_second_until_;
  if (!under_way_.empty() && (alone || under_way_.back().open != large))
    if (auto ended = end_storing(); !ended || !started_) return ended;
  return large ? store_beside(std::move(haul)) : store_behind(std::move(haul));
}

/// Each moves the position from where the one before leaves it, so that one behind a failed one stores nothing.
Status ReadingThread::store_behind(Haul haul) {
  const bool alone = under_way_.empty();
  const auto session = alone ? free_session() : under_way_.back().session;
  if (!session) return tl::unexpected(session.error());
  const store::Move move{alone ? position_ : under_way_.back().haul.position, haul.position};
  const auto statements = store::receiving(source_.name, haul.records, haul.refused, move, repeats());
  if (auto sent = sessions_.at(*session)->send_behind(statements); !sent) return sent;
  under_way_.push_back({std::move(haul), *session});
  return {};
}

/// Draws the counters at once, so that those of the next haul come behind them, and leaves to wait for the haul before
/// only what must. Where the server has no second session for us, all of it waits.
Status ReadingThread::store_beside(Haul haul) {
  auto session = draw_counters(haul);
  if (!session && !under_way_.empty()) {
    log::warn("a source has one session only", session.error(), {{field::source, source_.name}});
    no_second_until_ = Clock::now() + without_second_for;
    if (auto ended = end_storing(); !ended || !started_) return ended;
    session = draw_counters(haul);
  }
  if (!session) return tl::unexpected(session.error());
  const bool alone = under_way_.empty();
  const auto first = put_in_front_what_need_not_wait(alone ? nullptr : &under_way_.back().haul, haul);
  const auto part = std::span(std::as_const(haul.records)).first(first);
  const auto statements = store::receiving(source_.name, part, {}, std::nullopt, repeats());
  if (auto sent = sessions_.at(*session)->send_behind(statements); !sent) {
    sessions_.at(*session).reset();  // its transaction is open
    return sent;
  }
  under_way_.push_back({std::move(haul), *session, true, first});
  return alone ? store_the_rest() : Status{};
}

/// In a transaction of the session that it tells.
Result<std::size_t> ReadingThread::draw_counters(Haul& haul) {
  const auto session = free_session();
  if (!session) return session;
  auto& connection = *sessions_.at(*session);
  const auto count = haul.records.size();
  auto sent = connection.send_behind(store::drawing(count, !under_way_.empty()));
  const auto counters = sent ? store::finish_drawing(connection, count) : tl::unexpected(std::move(sent.error()));
  if (!counters) {
    sessions_.at(*session).reset();  // whether its transaction has begun or not
    return tl::unexpected(counters.error());
  }
  for (std::size_t i = 0; i < count; ++i) haul.records[i].counter = Counter{counters->at(i)};
  return session;
}

/// The haul before is stored: what is open may end.
Status ReadingThread::store_the_rest() {
  if (under_way_.empty() || !under_way_.front().open) return {};
  auto& one = under_way_.front();
  const auto part = std::span(std::as_const(one.haul.records)).subspan(one.first);
  const store::Move move{position_, one.haul.position};
  const auto statements = store::receiving(source_.name, part, one.haul.refused, move, repeats());
  one.ends = true;
  return sessions_.at(one.session)->send_behind(statements);
}

Result<std::size_t> ReadingThread::free_session() {
  const auto usable = [this](std::size_t number) { return sessions_.at(number) && sessions_.at(number)->usable(); };
  const auto wanted = under_way_.empty() ? 0 : 1 - under_way_.back().session;
  if (usable(wanted)) return wanted;
  if (auto opened = open_session(wanted); !opened) return tl::unexpected(std::move(opened.error()));
  return wanted;
}

/// What is sent behind a haul that was not stored finds another position, and stores nothing either; what is open is
/// undone, by the server where its session is lost.
void ReadingThread::drop_under_way() {
  for (; !under_way_.empty(); under_way_.pop_front()) {
    started_ = false;  // what they hold is read anew
    auto& session = *sessions_.at(under_way_.front().session);
    if (session.usable()) [[maybe_unused]]
      const auto ended = answers_for(under_way_.front());
    if (session.usable() && under_way_.front().open) [[maybe_unused]]
      const auto undone = session.script("rollback");
  }
}

/// Of an open one: the first error, after all that was sent has been answered.
Result<store::Received> ReadingThread::answers_for(const UnderWay& one) {
  auto& session = *sessions_.at(one.session);
  if (!one.open) return store::finish_received(session, true);
  auto first = store::finish_received(session, false);
  if (first) first->moved = false;
  if (!one.ends || (!first && !session.usable())) return first;
  auto rest = store::finish_received(session, true);
  if (!first || !rest) return first ? rest : first;
  rest->fresh += first->fresh;
  return rest;
}

/// Afterwards position_ is what is stored, unless somebody else has moved it: then it is looked up.
Result<store::Received> ReadingThread::finish(UnderWay& one) {
  auto& session = *sessions_.at(one.session);
  auto& haul = one.haul;
  const store::Move move{position_, haul.position};
  auto received = answers_for(one);
  if (!received && !session.usable()) return received;
  if (one.open)
    if (auto ended = session.script(received && received->moved ? "commit" : "rollback"); !ended)
      return tl::unexpected(std::move(ended.error()));
  if (!received || !received->moved) {
    drop_under_way();
    if (one.open) forget_counters(haul);
  }
  if (!received && store::is_repeat(received.error())) {
    repeats_until_ = Clock::now() + repeats_for;
    received = store::receive(session, source_.name, haul.records, haul.refused, move);
  }
  if (!received && store::of_the_records(received.error()))
    received = store::receive_what_fits(session, source_.name, haul.records, haul.refused, move);
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
  UnderWay one = std::move(under_way_.front());
  under_way_.pop_front();
  auto received = finish(one);
  if (!received) return tl::unexpected(std::move(received.error()));
  if (!received->moved) return {};
  auto sent = store_the_rest();
  tell_of(one.haul, *received);
  return sent;
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
