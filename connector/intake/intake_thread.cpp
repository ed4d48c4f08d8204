#include "intake/intake_thread.hpp"

#include <algorithm>
#include <array>
#include <exception>

#include "log/log.hpp"
#include "metrics/names.hpp"
#include "store/session.hpp"

namespace tandem {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t room_bytes = 64 << 20;
constexpr std::size_t most_records = 1'000;  // in one statement, unless one request brings more

std::size_t weight_of(const IntakeThread::Post& post) {
  std::size_t bytes = sizeof(post);
  for (const auto& record : post.records) bytes += sizeof(record) + record.body.size();
  return bytes;
}

}  // namespace

IntakeThread::IntakeThread(const Settings& settings, std::function<void()> stored)
    : settings_(settings), stored_(std::move(stored)), queue_(room_bytes) {}

void IntakeThread::offer(Post post) {
  const auto done = post.done;  // the queue takes the post even where it has no room for it
  const auto weight = weight_of(post);
  if (!queue_.try_push(std::move(post), weight)) done(Stored::unavailable, "no room");
}

void IntakeThread::run(const std::stop_token& stop) {
  log::name_thread("intake");
  const std::stop_callback wake(stop, [this] { queue_.close(); });
  while (true) {
    auto posts = queue_.drain_for(1s);
    if (posts.empty() && queue_.closed()) return;
    if (!posts.empty()) write(std::move(posts));
  }
}

void IntakeThread::write(std::vector<Post> posts) {
  std::vector<std::vector<Post*>> groups(settings_.sources.size());
  std::vector<std::size_t> sizes(groups.size());
  for (auto& post : posts) {
    auto& group = groups[post.source];
    auto& size = sizes[post.source];
    if (size > 0 && size + post.records.size() > most_records) {
      write_group(std::exchange(group, {}));
      size = 0;
    }
    group.push_back(&post);
    size += post.records.size();
  }
  for (auto& group : groups)
    if (!group.empty()) write_group(std::move(group));
}

void IntakeThread::write_group(std::vector<Post*> posts) {
  const auto answer = [&posts](Stored stored, const std::string& words) {
    for (const Post* post : posts) post->done(stored, words);
  };
  if (auto opened = open(); !opened) return answer(Stored::unavailable, opened.error().message);
  const std::string& source = settings_.sources[posts.front()->source].name;
  std::vector<store::Incoming> records;
  std::vector<store::Refused> refused;
  for (Post* post : posts) {
    refused.insert(refused.end(), post->refused.begin(), post->refused.end());
    if (posts.size() == 1)
      records = std::move(post->records);
    else
      records.insert(records.end(), post->records.begin(), post->records.end());
  }
  auto count = store::receive(*session_, source, records, refused);
  if (count) {
    auto& registry = metrics::registry();
    registry.total(metrics::intake_records, {source}).add(count->fresh);
    registry.total(metrics::intake_confirmations, {source, "used"}).add(count->confirmed);
    registry.total(metrics::intake_confirmations, {source, "surplus"}).add(count->surplus);
    answer(Stored::stored, {});
    if (count->fresh > 0 && stored_) stored_();
    return;
  }
  if (store::of_the_records(count.error())) {
    if (posts.size() == 1) return refuse(*posts.front(), count.error().message);
    for (Post* post : posts) write_group({post});
    return;
  }
  log::warn("what a source sent could not be stored; it is asked to send it again", count.error(),
            {{field::source, source}});
  if (!session_->usable()) session_.reset();
  answer(Stored::unavailable, count.error().message);
}

void IntakeThread::refuse(const Post& post, const std::string& words) {
  const std::string& source = settings_.sources[post.source].name;
  const std::array refused{store::Refused{"request", words}};
  if (auto noted = store::receive(*session_, source, {}, refused); !noted)
    log::warn("what a source sent is refused, and tandem.refused could not be told", noted.error(),
              {{field::source, source}});
  post.done(Stored::refused, words);
}

Status IntakeThread::open() {
  if (session_ && session_->usable()) return {};
  session_.reset();
  if (Clock::now() < not_before_) return fail(ErrorKind::unavailable, "the database is away");
  auto session = store::open_session(settings_, "intake");
  if (!session) {
    not_before_ = Clock::now() + 500ms;
    log::warn("the session that stores what sources send cannot be opened", session.error());
    return tl::unexpected(std::move(session.error()));
  }
  session_.emplace(std::move(*session));
  return {};
}

}  // namespace tandem
