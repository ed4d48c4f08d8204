#include "support/second_crm/idempotency.hpp"

#include <functional>

namespace second_crm {

std::string bare_key(std::string_view header) {
  if (header.size() >= 2 && header.front() == '"' && header.back() == '"') header = header.substr(1, header.size() - 2);
  return std::string(header);
}

Idempotency::Found Idempotency::find(const std::string& key, std::string_view fingerprint, Time now) const {
  const auto found = kept_.find(key);
  if (found == kept_.end()) return {};
  const auto& kept = found->second;
  if (kept.fingerprint != std::hash<std::string_view>{}(fingerprint)) return {.finding = Finding::other_request};
  if (now < kept.running_until) return {.finding = Finding::still_running};
  return {.finding = Finding::repeated, .reply = &kept.reply};
}

void Idempotency::keep(const std::string& key, std::string_view fingerprint, Reply reply, Time running_until) {
  const Kept kept{.fingerprint = std::hash<std::string_view>{}(fingerprint),
                  .reply = std::move(reply),
                  .running_until = running_until};
  if (!kept_.insert_or_assign(key, kept).second) return;
  order_.push_back(key);
  if (order_.size() <= limit_) return;
  kept_.erase(order_.front());
  order_.pop_front();
}

}  // namespace second_crm
