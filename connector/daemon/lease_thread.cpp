#include "daemon/lease_thread.hpp"

#include "daemon/nap.hpp"
#include "log/log.hpp"
#include "store/session.hpp"
#include "store/take_over.hpp"

namespace tandem {

void LeaseThread::run(const std::stop_token& stop) {
  using Clock = std::chrono::steady_clock;
  Nap nap;
  bool fenced = false;
  while (!stop.stop_requested()) {
    const auto next = Clock::now() + std::chrono::seconds(1);
    if (auto renewed = fenced ? Status() : renew(); !renewed) {
      if (renewed.error().kind == ErrorKind::fenced) {
        fenced = true;
        fenced_();
      } else {
        log::warn("the lease could not be renewed; it is tried again", renewed.error());
      }
    }
    nap.until(next, stop);
  }
}

Status LeaseThread::renew() {
  if (!session_ || !session_->usable()) {
    auto session = store::open_session(settings_, "lease");
    if (!session) return tl::unexpected(session.error());
    session_.emplace(std::move(*session));
  }
  const auto asked_at = Lease::now();
  auto said = store::still_alive(*session_, settings_.connector, epoch_);
  if (said) lease_.renewed(asked_at);
  return said;
}

}  // namespace tandem
