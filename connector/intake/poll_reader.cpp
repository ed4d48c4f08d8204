#include "intake/poll_reader.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "log/log.hpp"
#include "target/verdict.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::string_view header_place = "header:";
constexpr milliseconds soon{1'000};

}  // namespace

PollReader::PollReader(const Settings& settings, const SourceSettings& source)
    : source_(source),
      poll_(*source.poll),
      target_(*settings.target(source.target)),
      notification_(settings, source),
      calls_(target_, http_, scrubber_) {}

PollReader::~PollReader() = default;

Status PollReader::start(const std::string& position) {
  auto parsed = parse_positions(position);
  if (!parsed) return tl::unexpected(std::move(parsed.error()));
  positions_ = std::move(*parsed);
  for (auto& [type, counted] : counted_) counted.whole = false;
  list_ = 0;
  round_begun_ = Clock::now();
  return {};
}

void PollReader::begin_round(const ListSettings& list, ListPosition& position) {
  Counted& counted = counted_[list.request_type];
  const Clock::time_point now = Clock::now();
  if (counted.due == Clock::time_point{}) counted.due = now;  // the first of this process
  position.complete = position.since.empty() || (list.compare && now >= counted.due);
  counted.whole = position.complete;
  counted.begun = now;
  counted.ids.clear();
}

Result<Haul> PollReader::read(const std::stop_token& stop) {
  const ListSettings& list = poll_.lists[list_];
  ListPosition& position = positions_[list.request_type];
  if (position.next.empty()) begin_round(list, position);
  std::string path = request_path(list, position, poll_.overlap);
  if (list.pages == Pages::link && !position.next.empty()) {
    auto below = path_below(target_.url, list.path, position.next);
    if (!below) {
      position.next.clear();  // the list is begun again
      return tl::unexpected(std::move(below.error()));
    }
    path = std::move(*below);
  }
  auto answer = ask(path, stop);
  if (!answer) return tl::unexpected(std::move(answer.error()));
  Haul haul;
  if (answer->status == 429 || answer->status == 503) {
    const auto wished =
        retry_after(answer->header("Retry-After"), answer->header("Date"), std::chrono::system_clock::now());
    if (!wished)
      return fail(ErrorKind::unavailable, "the list " + list.path + " answers " + std::to_string(answer->status));
    haul.rest = std::clamp(*wished, soon, target_.retry_after_cap);
    log::warn("a list asks for patience", {{field::source, source_.name}, {field::delay_ms, haul.rest}});
    return haul;
  }
  // A cursor may have expired: then the list is begun again.
  if (answer->status >= 400 && answer->status < 500 && !position.next.empty()) position.next.clear();
  if (answer->status < 200 || answer->status >= 300)
    return fail(answer->status >= 500 ? ErrorKind::unavailable : ErrorKind::refused,
                "the list " + list.path + " answers " + std::to_string(answer->status) + ": " +
                    scrubber_.clean(error_words(answer->body)).substr(0, 200));
  const std::string_view header =
      list.next.starts_with(header_place) ? answer->header(list.next.substr(header_place.size())) : std::string_view();
  auto page = read_page(list, notification_, position, answer->body, header);
  if (!page) {
    position.next.clear();
    return tl::unexpected(std::move(page.error()));
  }
  Counted& counted = counted_[list.request_type];
  const bool was_complete = position.complete;
  if (was_complete && list.compare) counted.ids.merge(page->ids);
  haul.records = std::move(page->records);
  haul.refused = std::move(page->refused);
  position = std::move(page->position);
  haul.position = text_of(positions_);
  if (!page->last) return haul;
  if (was_complete && list.compare && counted.whole) {
    haul.complete = Complete{list.request_type,
                             {counted.ids.begin(), counted.ids.end()},
                             std::chrono::ceil<std::chrono::seconds>(Clock::now() - counted.begun)};
    counted.ids.clear();
    counted.due = Clock::now() + poll_.compare_every;
  }
  haul.rest = next_list();
  return haul;
}

/// After the last list there is a rest, so that the first is asked again `interval` after it was.
milliseconds PollReader::next_list() {
  list_ = (list_ + 1) % poll_.lists.size();
  if (list_ != 0) return 0ms;
  const auto due = round_begun_ + poll_.interval;
  const auto now = Clock::now();
  round_begun_ = std::max(due, now);
  return std::max(std::chrono::ceil<milliseconds>(due - now), 0ms);
}

void PollReader::look_again(const std::string& request_type) {
  counted_[request_type].due = Clock::now();
}

Result<HttpAnswer> PollReader::ask(const std::string& path, const std::stop_token& stop) {
  HttpRequest request;
  request.url = path;
  request.repeat = Repeat::allowed;
  request.headers.emplace_back("Accept: application/json");
  for (const auto& [name, value] : target_.headers) request.headers.push_back(name + ": " + value);
  std::optional<CallOutcome> outcome;
  calls_.send(std::move(request), [&outcome](const CallOutcome& told) { outcome = told; });
  while (!outcome) {
    http_.turn(100ms);
    if (stop.stop_requested()) calls_.abandon();
  }
  if (outcome->fault) return fail(ErrorKind::unavailable, scrubber_.clean(outcome->fault->description));
  if (outcome->answer.failure != HttpFailure::none)
    return fail(ErrorKind::unavailable, "the list is not answered: " + scrubber_.clean(outcome->answer.error));
  return std::move(outcome->answer);
}

}  // namespace tandem
