#include "apply/apply_session.hpp"

#include <utility>

#include "store/session.hpp"

namespace tandem {

using namespace std::chrono_literals;

namespace {
constexpr auto look_interval = 1'000ms, nap = 3'600'000ms;
}

void ApplySession::run(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { orders_.close(); });
  while (!stop.stop_requested())
    for (auto& order : orders_.drain_for(nap))
      answers_.push_unbounded(std::visit([&](auto& given) { return carry_out(given, stop); }, order));
  transaction_.reset();
}

Status ApplySession::open() {
  if (applier_.wants_new_session()) session_.reset();
  const bool usable = session_ && session_->usable();
  if (usable && Clock::now() < next_look_) return {};
  next_look_ = Clock::now() + look_interval;
  if (usable) return applier_.learn_tables(*session_);
  auto session = store::open_crm_session(settings_, "apply");
  if (!session) return tl::unexpected(std::move(session.error()));
  session_.emplace(std::move(*session));
  return applier_.prepare(*session_);
}

ApplySession::Answer ApplySession::carry_out(Alone& order, const std::stop_token& stop) {
  if (auto opened = open(); !opened) return lost(std::move(opened.error()));
  if (auto done = applier_.apply(*session_, order.records, order.line, stop); !done)
    return lost(std::move(done.error()));
  return {Answer::What::applied, number_, std::move(order.line)};
}

ApplySession::Answer ApplySession::carry_out(Beside& order, const std::stop_token&) {
  if (auto opened = open(); !opened) return lost(std::move(opened.error()));
  transaction_.emplace(*session_);
  auto ready = applier_.apply_beside(*session_, *transaction_, order.records, order.before);
  if (!ready) return taken_back(std::move(ready.error()));
  return {Answer::What::ready, number_, {}, std::move(*ready)};
}

ApplySession::Answer ApplySession::carry_out(End& order, const std::stop_token&) {
  const auto done = order.commits ? transaction_->commit() : Status{};
  if (!done) return taken_back(done.error());
  transaction_.reset();
  return {order.commits ? Answer::What::committed : Answer::What::taken_back, number_};
}

ApplySession::Answer ApplySession::taken_back(Error error) {
  if (!session_->usable() || error.kind == ErrorKind::fenced) return lost(std::move(error));
  transaction_.reset();
  return {Answer::What::taken_back, number_};
}

ApplySession::Answer ApplySession::lost(Error error) {
  transaction_.reset();
  session_.reset();
  Answer answer{Answer::What::taken_back, number_};
  answer.lost = std::move(error);
  return answer;
}

}  // namespace tandem
