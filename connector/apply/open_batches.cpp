#include "apply/open_batches.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tandem {
namespace {

constexpr std::size_t most_in_one = 500;
constexpr std::size_t fewest = 50;  // beside others: a smaller transaction costs more than the second session brings
constexpr std::size_t longest_patience = 15;
constexpr std::chrono::duration<std::size_t, std::milli> wanted{
    70};  // of a transaction, which takes nothing on after 100 ms

}  // namespace

OpenBatches::OpenBatches(std::size_t sessions, IsOrdinary is_ordinary)
    : sessions_(sessions), is_ordinary_(std::move(is_ordinary)), most_(most_in_one) {}

void OpenBatches::add(std::vector<InboxRecord> records) {
  std::ranges::move(records, std::back_inserter(waiting_));
  pass_over_held();
}

const OpenBatches::Batch* OpenBatches::begin(bool more) {
  if (waiting_.empty() || open_.size() == sessions_) return nullptr;
  if (open_.empty()) waits_for_all_ = false;
  if (waits_for_all_ || (!open_.empty() && open_.front()->batch.way == Way::alone)) return nullptr;
  const std::size_t count = alone_ > 0 || sessions_ == 1 ? 0 : count_beside();
  if (count >= fewest && (!open_.empty() || more || count < waiting_.size())) return open(Way::beside, count);
  return open_.empty() ? open(Way::alone, count_alone()) : nullptr;
}

std::size_t OpenBatches::count_alone() const {
  std::size_t count = 1;
  while (count < std::min(most_in_one, waiting_.size()) && waiting_[count].source == waiting_.front().source) ++count;
  return count;
}

std::size_t OpenBatches::count_beside() const {
  std::size_t count = 0;
  while (count < std::min(most_, waiting_.size()) && may_stand_beside(waiting_[count])) ++count;
  return count;
}

bool OpenBatches::may_stand_beside(const InboxRecord& record) const {
  return record.source == waiting_.front().source && is_ordinary_(record) &&
         std::ranges::none_of(open_, [&](const auto& before) { return before->told->tell_of(record); });
}

const OpenBatches::Batch* OpenBatches::open(Way way, std::size_t count) {
  auto fresh = std::make_unique<Open>();
  fresh->batch.session = free_session();
  fresh->batch.way = way;
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  fresh->batch.records.assign(std::move_iterator(waiting_.begin()), std::move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  auto told = std::make_shared<ToldObjects>();
  for (const auto& record : fresh->batch.records) told->add(record);
  for (const auto& before : open_) fresh->batch.before.push_back(before->told);
  fresh->told = std::move(told);
  open_.push_back(std::move(fresh));
  return &open_.back()->batch;
}

void OpenBatches::is_ready(std::size_t session, std::size_t taken, std::chrono::milliseconds took, RowMarks rows) {
  const auto place = at(session);
  Open& open = *open_[place];
  open.state = State::ready;
  open.taken = taken;
  open.rows = std::move(rows);
  const auto in_time = taken * wanted.count() / static_cast<std::size_t>(std::max<std::int64_t>(took.count(), 1));
  most_ = std::clamp(std::min(in_time, 2 * most_), fewest, most_in_one);
  if (taken == open.batch.records.size()) return;
  take_back_from(taken == 0 ? place : place + 1);  // those behind it began too early
  put_back();
}

void OpenBatches::has_committed(std::size_t) {
  Open& first = *open_.front();
  for (auto open = std::next(open_.begin()); open != open_.end(); ++open) (*open)->rows_before.push_back(first.rows);
  patience_ /= 2;
  first.state = State::gone;
  if (first.taken == first.batch.records.size())
    open_.pop_front();
  else
    put_back();
}

void OpenBatches::is_taken_back(std::size_t session) {
  const auto place = at(session);
  Open& open = *open_[place];
  open.state = State::gone;
  open.taken = 0;
  if (!open.unwanted) {
    patience_ = std::min(2 * patience_ + 1, longest_patience);
    alone_ = patience_;
  }
  take_back_from(place);
  put_back();
}

void OpenBatches::was_applied(std::size_t, LaneLine line) {
  open_.clear();
  line_ = std::move(line);
  pass_over_held();
  if (alone_ > 0) --alone_;
}

std::optional<OpenBatches::Verdict> OpenBatches::next_verdict() {
  if (!open_.empty()) {
    Open& first = *open_.front();
    const bool clashes =
        std::ranges::any_of(first.rows_before, [&](const RowMarks& rows) { return share_a_row(rows, first.rows); });
    if (first.state == State::ready && !first.unwanted && clashes) take_back_from(0);
  }
  for (std::size_t place = 0; place < open_.size(); ++place) {
    Open& open = *open_[place];
    if (open.state != State::ready || (place > 0 && !open.unwanted)) continue;
    open.state = open.unwanted ? State::leaving : State::committing;
    return Verdict{open.batch.session, !open.unwanted};
  }
  return std::nullopt;
}

void OpenBatches::give_up() {
  take_back_from(0);
  waiting_.clear();
}

void OpenBatches::clear() {
  open_.clear();
  waiting_.clear();
  line_ = {};
  waits_for_all_ = false;
}

std::vector<std::int64_t> OpenBatches::counters() const {
  std::vector<std::int64_t> out;
  for (const auto& open : open_)
    for (const auto& record : open->batch.records) out.push_back(record.counter);
  for (const auto& record : waiting_) out.push_back(record.counter);
  return out;
}

std::size_t OpenBatches::at(std::size_t session) const {
  const auto found = std::ranges::find_if(open_, [&](const auto& open) { return open->batch.session == session; });
  return static_cast<std::size_t>(found - open_.begin());
}

std::size_t OpenBatches::free_session() const {
  std::size_t session = 0;
  while (at(session) < open_.size()) ++session;
  return session;
}

void OpenBatches::pass_over_held() {
  if (!line_.empty()) std::erase_if(waiting_, [&](const InboxRecord& record) { return line_.holds(record); });
}

void OpenBatches::take_back_from(std::size_t place) {
  for (; place < open_.size(); ++place)
    if (open_[place]->state != State::committing) open_[place]->unwanted = true;
  waits_for_all_ = true;
}

/// From the last one on: what none that is open stands behind any more.
void OpenBatches::put_back() {
  while (!open_.empty()) {
    Open& last = *open_.back();
    const bool gone = last.state == State::gone;
    if (!gone && (last.state == State::working || last.unwanted)) return;
    auto& records = last.batch.records;
    const auto rest = records.begin() + static_cast<std::ptrdiff_t>(last.taken);
    waiting_.insert(waiting_.begin(), std::move_iterator(rest), std::move_iterator(records.end()));
    records.erase(rest, records.end());
    if (!gone) return;
    open_.pop_back();
  }
}

}  // namespace tandem
